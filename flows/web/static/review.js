// Keys and prefetch of the review console.
//
// Whatever a key does here, a link, a button or a check box of the page does too: an element says by data-key which key
// stands for it. Nothing is sent but the page's own forms, and no key counts between an answer and the next page, so
// that nobody answers an image that they have not seen.
"use strict";

(() => {
  const SWITCH = "packshot-review-keys";
  const find = (selector) => document.querySelector(selector);
  const findAll = (selector) => [...document.querySelectorAll(selector)];
  const frame = find(".frame.large");
  let leaving = false;

  // ---- how long somebody looked: only while the page is in front

  let since = performance.now();
  let looked = 0;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) looked += performance.now() - since;
    since = performance.now();
  });

  function secondsLooked() {
    return (looked + (document.hidden ? 0 : performance.now() - since)) / 1000;
  }

  document.addEventListener("submit", (event) => {
    if (leaving) return event.preventDefault();
    leaving = event.target.method === "post";
    const seconds = event.target.querySelector("input[name=seconds]");
    if (seconds) seconds.value = secondsLooked().toFixed(1);
  });
  window.addEventListener("pageshow", () => { leaving = false; });

  // ---- what a person has before them stays theirs while the page is in front: a claim lasts two minutes

  const STAY_EVERY = 50_000;
  const answers = find("[data-stay]");
  const token = find("input[name=csrf]");
  if (answers && token) {
    setInterval(() => {
      const body = new URLSearchParams({ csrf: token.value });
      if (!document.hidden) fetch(answers.dataset.stay, { method: "POST", body }).catch(() => {});
    }, STAY_EVERY);
  }

  // ---- the next images, loaded ahead once this page is complete

  function loadAhead() {
    for (const url of (frame ? frame.dataset.ahead : "").split(" ").filter(Boolean)) new Image().src = url;
  }
  if (document.readyState === "complete") loadAhead();
  else window.addEventListener("load", loadAhead);

  // ---- the large image: flip, zoom, boxes, veil

  function announce(text) {
    const status = find("[data-announce]");
    if (status) status.textContent = text;
  }

  function flip() {
    const layers = [...frame.querySelectorAll(".layer")];
    if (layers.length < 2) return;
    const shown = layers.findIndex((layer) => layer.classList.contains("on"));
    const next = layers[(shown + 1) % layers.length];
    layers[shown].classList.remove("on");
    next.classList.add("on");
    if (frame.classList.contains("zoomed")) enlarge(frame, next);
    announce(next.dataset.name);
  }

  // One pixel of the image on one of the screen; a small image that fits more than once is enlarged to twice its fit.
  function enlarge(box, layer) {
    const image = layer.querySelector("img");
    if (!image) return;
    const fit = Math.min(box.clientWidth / image.naturalWidth, box.clientHeight / image.naturalHeight);
    const scale = Math.max(1 / window.devicePixelRatio, 2 * Math.min(fit, 4));
    image.style.width = `${Math.round(image.naturalWidth * (fit < 1 ? 1 / window.devicePixelRatio : scale))}px`;
  }

  function zoomBox(box, zoomed) {
    const image = box.querySelector(".layer.on img");
    if (!image) return;
    box.classList.toggle("zoomed", zoomed);
    for (const each of box.querySelectorAll(".layer img")) each.style.width = "";
    if (!zoomed) return;
    for (const each of box.querySelectorAll(".layer")) enlarge(box, each);
    const { x = "0.5", y = "0.5" } = box.dataset;
    box.scrollTo(image.clientWidth * x - box.clientWidth / 2, image.clientHeight * y - box.clientHeight / 2);
  }

  // The shop's photo beside the image is zoomed with it, to the same place of the product.
  function zoom() {
    if (!frame.querySelector(".layer.on img")) return;
    const zoomed = !frame.classList.contains("zoomed");
    for (const box of findAll(".frame.large")) zoomBox(box, zoomed);
    announce(zoomed ? "Zoomed to the worst spot" : "The whole image");
  }

  function toggleBoxes() {
    for (const boxes of findAll(".frame.large svg")) boxes.classList.toggle("gone");
  }

  function toggleVeil() {
    const veiled = findAll(".may-veil");
    const hide = !veiled.some((element) => element.classList.contains("veiled"));
    for (const element of veiled) element.classList.toggle("veiled", hide);
    announce(hide ? "Blurred" : "No longer blurred");
  }

  // ---- the grid: the arrow keys go from tile to tile, x marks one as bad, a digit says why

  const tiles = findAll(".tile input[type=checkbox]");

  function moveBetweenTiles(key) {
    const at = tiles.indexOf(document.activeElement);
    const top = (box) => box.closest(".tile").offsetTop;
    const columns = Math.max(1, tiles.filter((box) => top(box) === top(tiles[0])).length);
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    const next = at < 0 ? 0 : Math.min(tiles.length - 1, Math.max(0, at + steps[key]));
    tiles[next].focus();
    tiles[next].closest(".tile").scrollIntoView({ block: "nearest" });
  }

  function markTile(reason) {
    const box = document.activeElement;
    if (!tiles.includes(box)) return false;
    box.checked = reason ? true : !box.checked;
    const select = box.closest(".tile").querySelector("select");
    if (reason && select && reason < select.options.length) select.selectedIndex = reason;
    box.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }

  function countMarks() {
    const bad = tiles.filter((box) => box.checked).length;
    for (const element of findAll("[data-rest]")) element.textContent = tiles.length - bad;
    for (const element of findAll("[data-bad]")) element.textContent = bad;
  }
  document.addEventListener("change", countMarks);
  if (tiles.length) countMarks();

  // ---- keys

  const actions = { z: () => frame && zoom(), f: () => frame && flip(), o: toggleBoxes, b: toggleVeil, x: () => markTile(0) };

  function openOrClick(element) {
    if (element.tagName !== "SUMMARY") return element.click();
    const details = element.parentElement;
    for (const other of findAll(".answers details[open]")) if (other !== details) other.open = false;
    details.open = !details.open;
    const target = details.open && details.querySelector("textarea");
    (target || element).focus();
  }

  function press(key) {
    const closed = (element) => element.tagName !== "SUMMARY" && element.closest("details:not([open])");
    const element = findAll(`[data-key="${CSS.escape(key)}"]`).find((each) => !closed(each));
    if (element) {
      const asked = element.dataset.asks && document.getElementById(element.dataset.asks);
      if (asked && !asked.value.trim()) asked.focus();
      else openOrClick(element);
      return true;
    }
    if (/^[1-9]$/.test(key)) return markTile(Number(key));
    if (!actions[key]) return false;
    actions[key]();
    return true;
  }

  function leaveField(event) {
    const field = event.target;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && field.form) field.form.requestSubmit();
    else if (event.key === "Escape") field.blur();
    else return;
    event.preventDefault();
  }

  document.addEventListener("keydown", (event) => {
    if (event.target.matches("textarea, select, input:not([type=checkbox]):not([type=radio])")) return leaveField(event);
    if (leaving || event.repeat && !event.key.startsWith("Arrow")) return undefined;
    if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
    if (event.key === "Escape") for (const open of findAll(".answers details[open]")) open.open = false;
    if (tiles.length && event.key.startsWith("Arrow") && !event.target.closest(".frame.large")) {
      moveBetweenTiles(event.key);
      return event.preventDefault();
    }
    if (localStorage.getItem(SWITCH) !== "off" && press(event.key)) event.preventDefault();
    return undefined;
  });

  // ---- what needs no key: the same by mouse, and a switch for people whose speech or hands press keys unasked

  for (const element of findAll("[data-do]")) {
    element.hidden = false;
    element.addEventListener("click", (event) => { event.preventDefault(); actions[element.dataset.do](); });
  }
  const keySwitch = find("#single-keys");
  if (keySwitch) {
    keySwitch.closest("label").hidden = false;
    keySwitch.checked = localStorage.getItem(SWITCH) !== "off";
    keySwitch.addEventListener("change", () => localStorage.setItem(SWITCH, keySwitch.checked ? "on" : "off"));
  }
})();
