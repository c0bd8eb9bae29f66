"""The review console in a real browser: by keyboard, by two people, with hostile text, narrow, without JavaScript."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from catalogs.answers.answer import AnswerKind
from catalogs.keys import image_key
from tests.fixtures.chromium import NEEDS_CHROMIUM
from tests.fixtures.review_console import running_browser, running_console
from tests.fixtures.review_shop import ReviewShop, Waiting, mugs

pytestmark = [pytest.mark.slow, NEEDS_CHROMIUM]

LAMP = Waiting("LAMP", ("words.nudity",), {}, "Naked Flame Lamp")
BLURRED = [
    Waiting(f"VASE-{number:03}", ("blurred",), {"blur.foreground": 5.5}, seed=100 + number) for number in range(6)
]
HOSTILE = Waiting(
    "<img src=x onerror=alert(1)>\u202egnp.exe",
    ("blurred",),
    {"blur.foreground": 5.5},
    "</textarea><script>alert(2)</script> \u202eabc " + "ظرف 花瓶 " * 1200,
    category="\"><b onclick='alert(3)'>",
    seed=200,
)
FOCUSED = """(() => {
  const element = document.activeElement;
  const name = element === document.body ? "BODY" : element.textContent.trim().slice(0, 20);
  return [name, getComputedStyle(element).outlineStyle];
})()"""
THREE_KEYS_AT_ONCE = """
for (let n = 0; n < 3; n++) document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "a", bubbles: true}))
"""
WIDE, NARROW = {"width": 1280, "height": 860}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def shop(tmp_path: Path) -> ReviewShop:
    return ReviewShop(tmp_path)


def press(page: Page, *keys: str) -> None:
    """Press keys of which the last one leads to another page."""
    for key in keys[:-1]:
        page.keyboard.press(key)
    with page.expect_navigation():
        page.keyboard.press(keys[-1])


def item_of(page: Page) -> str:
    return item_of_path(page.url)


def item_of_path(url: str) -> str:
    return re.findall(r"/items/([0-9a-f-]+)", url)[0]


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).response
    return [
        f"{one['id']}: {node['html'][:160]}: {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def test_thirty_items_are_answered_by_keyboard_alone(shop: ReviewShop, browser: Browser) -> None:
    shop.ask([*mugs(23), *BLURRED, LAMP])
    with running_console(shop) as console:
        page = console.page(browser, "Ann")
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        press(page, "n")
        given: list[str] = []
        while "/items/" in page.url and len(given) < 40:
            given.append(item_of(page))
            if len(given) % 10 == 4:
                press(page, "r", "2")
            elif len(given) % 10 == 6:
                page.keyboard.press("t")
                page.locator("#edited-prompt").press("End")
                page.keyboard.insert_text(" on white")
                press(page, "Control+Enter")
            elif len(given) % 10 == 8:
                page.keyboard.press("r")
                page.keyboard.press("9")
                page.keyboard.insert_text("a hair on it")
                press(page, "Enter")
            else:
                press(page, "a")
        assert len(given) == len(set(given)) == 30
        expect(page.locator("h1")).to_have_text("Nothing waits")
        answers = shop.answers()
        kinds = [answer.kind for answer in answers]
        assert (kinds.count(AnswerKind.ACCEPT), kinds.count(AnswerKind.REFUSE), kinds.count(AnswerKind.RETRY)) == (
            21,
            6,
            3,
        )
        assert {(answer.reason, answer.why) for answer in answers if answer.kind == AnswerKind.REFUSE} == {
            ("deformed", ""), ("other", "a hair on it"),
        }  # fmt: skip
        assert all(answer.prompt.endswith(" on white") for answer in answers if answer.kind == AnswerKind.RETRY)
        assert all(answer.seconds is not None and answer.seconds >= 0 for answer in answers)
        assert errors == []


def test_undo_goes_back_over_groups_to_the_very_item(shop: ReviewShop, browser: Browser) -> None:
    shop.ask([LAMP, *BLURRED[:1], *mugs(2)])
    with running_console(shop) as console:
        page = console.page(browser, "Ann")
        press(page, "n")
        answered = []
        for _ in range(3):
            answered.append(item_of(page))
            press(page, "a")
        groups = set()
        for expected in reversed(answered):
            press(page, "u")
            assert item_of(page) == expected
            groups.add(re.findall(r"group=([\w.-]+)", page.url)[0])
        assert len(groups) >= 2, "it led over the end of a group"
        expect(page.locator(".review-status")).to_contain_text("4 left")
        press(page, "u")
        expect(page.get_by_role("status").first).to_contain_text("no answer of this session left")


def test_two_people_share_forty_items_and_one_goes_away_in_the_middle(shop: ReviewShop, browser: Browser) -> None:
    shop.ask(mugs(40))
    with running_console(shop) as console:
        pages = {name: console.page(browser, name) for name in ("Ann", "Ben")}
        for page in pages.values():
            press(page, "n")
        for _ in range(8):
            assert len({item_of(page) for page in pages.values()}) == 2, "both look at the same item"
            for page in pages.values():
                press(page, "a")
        had = item_of(pages["Ben"])
        pages.pop("Ben").context.close()  # with an item before him, and others loaded ahead
        seen = []
        ann = pages["Ann"]
        while "/items/" in ann.url and len(seen) < 50:
            seen.append(item_of(ann))
            press(ann, "a")
        assert had not in seen, "it was still his"
        console.store.ahead += timedelta(minutes=3)
        ann.goto(f"{console.url}{console.base}/next")
        assert item_of(ann) == had
        press(ann, "a")
        given = [(answer.image.key, answer.who) for answer in shop.answers() if answer.image]
        assert len(given) == len(set(given)), "nobody is asked twice about one image"
        assert len({image for image, _ in given}) == 40
        assert len(given) - 40 <= 4, "some one in twenty is asked of both, to see whether they agree"


def test_a_grid_is_marked_by_the_arrow_keys_and_the_rest_is_accepted(shop: ReviewShop, browser: Browser) -> None:
    shop.ask([*mugs(14), LAMP])
    with running_console(shop) as console:
        page = console.page(browser, "Ann")
        page.goto(f"{console.url}{console.base}/grid?group=cut-off")
        shown = page.locator("input[name=item]").evaluate_all("inputs => inputs.map(input => input.value)")
        columns = page.locator(".tile").evaluate_all("t => t.filter(e => e.offsetTop === t[0].offsetTop).length")
        for key in ("ArrowRight", "ArrowRight", "x", "ArrowDown", "5", "ArrowLeft", "x", "x"):
            page.keyboard.press(key)
        expect(page.locator("button.good")).to_contain_text("Accept 12, refuse 2")
        press(page, "a")
        refused = {
            answer.image.image_key.hex(): answer.reason for answer in shop.answers() if answer.reason and answer.image
        }
        assert refused == {shown[1][:64]: "wrong-product", shown[1 + columns][:64]: "colour"}
        assert len(shop.answers()) == 14


def test_a_click_marks_a_tile_and_a_second_one_takes_the_mark_back(shop: ReviewShop, browser: Browser) -> None:
    shop.ask(mugs(3))
    with running_console(shop) as console:
        page = console.page(browser, "Ann")
        page.goto(f"{console.url}{console.base}/grid?group=cut-off")
        for expected in ("Accept 2, refuse 1", "Accept 3, refuse 0"):
            page.locator(".tile .frame").nth(1).click()
            expect(page.locator("button.good")).to_contain_text(expected)


def test_zoom_flip_boxes_and_blur_need_no_other_page(shop: ReviewShop, browser: Browser) -> None:
    vase = replace(
        BLURRED[0], size=1024, boxes=[["text: SALE", 0.7, 0.1, 0.9, 0.2, 0.9]], reasons=("explicit", "blurred")
    )
    shop.ask([vase])
    shop.release("20261101T000000-00000001", {"VASE-000/front": "red"})
    with running_console(shop) as console:
        page = console.page(browser, "Ann")
        press(page, "n")
        frame = page.locator(".frame.large")
        expect(frame).to_have_class(re.compile("veiled"))
        page.keyboard.press("b")
        expect(frame).not_to_have_class(re.compile("veiled"))
        page.keyboard.press("z")
        image = frame.locator(".layer.on img")
        assert image.evaluate("image => image.clientWidth") == 1024, "one pixel of it on one of the screen"
        page.keyboard.press("z")
        shown = image.get_attribute("src")
        page.keyboard.press("f")
        assert frame.locator(".layer.on img").get_attribute("src") != shown
        expect(page.locator("[data-announce]")).to_have_text("live now")
        page.keyboard.press("f")
        assert frame.locator(".layer.on img").get_attribute("src") == shown
        box, whole = (frame.locator(place).first.bounding_box() for place in ("rect.box:not(.under)", ".layer.on svg"))
        assert box is not None
        assert whole is not None
        side = min(whole["width"], whole["height"])
        left = whole["x"] + (whole["width"] - side) / 2
        assert abs(box["x"] - (left + 0.7 * side)) < 4, "drawn where it was found"
        page.keyboard.press("o")
        expect(frame.locator("svg").first).to_be_hidden()


def test_the_next_images_are_loaded_ahead(shop: ReviewShop, browser: Browser) -> None:
    shop.ask(mugs(6))
    with running_console(shop) as console:
        page = console.page(browser, "Ann")
        loaded: list[str] = []
        page.on("requestfinished", lambda request: loaded.append(request.url))
        press(page, "n")
        page.wait_for_load_state("networkidle")
        press(page, "a")
        assert any(item_of(page) in url and url.endswith("/images/shown") for url in loaded)


def test_a_key_between_an_answer_and_the_next_page_answers_nothing(shop: ReviewShop, browser: Browser) -> None:
    shop.ask(mugs(5))
    with running_console(shop) as console:
        page = console.page(browser, "Ann")
        press(page, "n")
        with page.expect_navigation():
            page.evaluate(THREE_KEYS_AT_ONCE)
        assert len(shop.answers()) == 1


def test_catalogue_text_is_shown_as_text_wherever_it_stands(shop: ReviewShop, browser: Browser) -> None:
    shop.ask([HOSTILE, *mugs(2)])
    with running_console(shop) as console:
        page = console.page(browser, "Ann", viewport=NARROW)
        alarms: list[str] = []
        page.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda said: alarms.append(said.text) if said.type == "error" else None)
        for path in ("", f"/items/{HOSTILE.id}", "/grid?group=blurred", f"?category={'%22%3E%3Cb'}"):
            page.goto(f"{console.url}{console.base}{path}")
            page.wait_for_load_state("networkidle")
            assert (
                page.evaluate("document.querySelectorAll('main b[onclick], main img[onerror], main script').length")
                == 0
            )
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"
        page.goto(f"{console.url}{console.base}/items/{HOSTILE.id}")
        press(page, "t", "Control+Enter")
        assert [answer.prompt for answer in shop.answers()] == [""], "the prompt came back as it was"
        assert alarms == []


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_no_page_has_a_barrier_that_axe_can_find(shop: ReviewShop, browser: Browser, colours: str) -> None:
    vase = replace(BLURRED[0], boxes=[["text: SALE", 0.7, 0.1, 0.9, 0.2, 0.9]], reasons=("explicit", "blurred"))
    shop.ask([vase, LAMP, HOSTILE, *mugs(4), replace(mugs(1)[0], sku="BAD", state="blocked", seed=77)])
    shop.release("20261101T000000-00000001", {"VASE-000/front": "red", "VASE-000/side": "blue"})
    with running_console(shop) as console:
        console.visitor("Ben").post(f"{console.base}/items/{mugs(4)[3].id}/answer", {"kind": "accept", "seconds": "2"})
        page = console.page(browser, "Ann", color_scheme=colours)
        for path in (
            "",
            f"/items/{vase.id}",
            f"/items/{LAMP.id}?open=refuse",
            "/grid",
            "?blocked=1",
            "/story?sku=VASE-000",
            "/gates",
        ):
            for size in (WIDE, NARROW):
                page.set_viewport_size(size)  # type: ignore[arg-type]
                page.goto(f"{console.url}{console.base}{path}")
                assert violations(page) == [], path
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"


def test_the_controls_of_a_form_have_one_height_so_that_their_labels_stand_in_line(
    shop: ReviewShop, browser: Browser
) -> None:
    shop.ask([*mugs(2), *BLURRED[:1]])
    with running_console(shop) as console:
        page = console.page(browser, "Ann")
        places = ".filters select, .filters input, .filters button"
        heights = page.locator(places).evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
        assert (len(heights) > 5, set(heights)) == (True, {38})


def test_whatever_has_the_focus_can_be_seen_and_tab_reaches_every_answer(shop: ReviewShop, browser: Browser) -> None:
    shop.ask([*BLURRED[:1], *mugs(2)])
    with running_console(shop) as console:
        page = console.page(browser, "Ann")
        press(page, "n")
        seen = {}
        for _ in range(40):
            page.keyboard.press("Tab")
            name, ring = page.evaluate(FOCUSED)
            seen[name] = ring
        assert {"Accept a", "Refuse r", "Another attempt t", "Skip s", "Undo u", "Next group n"} <= seen.keys()
        assert {name for name, ring in seen.items() if ring != "solid"} <= {"BODY"}


def test_all_of_it_works_without_javascript(shop: ReviewShop, browser: Browser) -> None:
    shop.ask([*BLURRED[:2], *mugs(3)])
    with running_console(shop) as console:
        page = console.page(browser, "Ann", java_script_enabled=False)
        page.get_by_role("link", name="One by one").first.click()
        page.get_by_role("button", name="Accept").click()
        page.get_by_text("Refuse", exact=False).first.click()
        page.get_by_role("button", name="deformed").click()
        page.get_by_text("Another attempt").first.click()
        page.get_by_role("button", name="Try again").click()
        page.get_by_role("button", name="Undo").click()
        page.goto(f"{console.url}{console.base}/grid?group=blurred")
        page.locator(".tile .frame").first.click()
        with page.expect_navigation():
            page.get_by_role("button", name="Accept the others").click()
        kinds = [answer.kind.value for answer in shop.answers()]
        assert kinds[:4] == ["accept", "refuse", "retry", "undo"]
        assert sorted(kinds[4:]) == ["accept", "refuse"]
        page.goto(f"{console.url}{console.base}")
        page.get_by_role("link", name="How the gates do").click()
        expect(page.get_by_role("row", name=re.compile("Blurred"))).to_contain_text("50 %")


def test_single_letters_can_be_switched_off_for_good(shop: ReviewShop, browser: Browser) -> None:
    shop.ask(mugs(2))
    with running_console(shop) as console:
        page = console.page(browser, "Ann")
        press(page, "n")
        page.keyboard.press("?")
        page.uncheck("#single-keys")
        page.reload()
        page.keyboard.press("a")
        page.wait_for_timeout(300)
        assert shop.answers() == []


def test_who_looks_for_long_keeps_what_they_look_at(shop: ReviewShop, browser: Browser) -> None:
    shop.ask(mugs(1))
    with running_console(shop) as console:
        page = console.page(browser, "Ann")
        page.clock.install()
        press(page, "n")
        for number in range(3):
            console.store.ahead += timedelta(seconds=70)
            with page.expect_response(re.compile("/stay")) as said:
                page.clock.fast_forward(50_000)
            assert said.value.status == 204
            assert "Nothing is left for you here" in console.visitor(f"Ben {number}").get(f"{console.base}/next").text
        console.store.ahead += timedelta(seconds=150)
        assert item_of_path(str(console.visitor("Cleo").get(f"{console.base}/next").url)) == mugs(1)[0].id


def test_an_item_names_its_image_not_its_place(shop: ReviewShop, browser: Browser) -> None:
    """Two tabs of one person: an answer in the older one is about what it shows."""
    shop.ask(mugs(3))
    with running_console(shop) as console:
        page = console.page(browser, "Ann")
        press(page, "n")
        older = item_of(page)
        other = page.context.new_page()
        other.goto(page.url)
        press(other, "s")
        assert item_of(other) != older
        press(page, "a")
        (answer,) = shop.answers()
        assert answer.image is not None
        assert answer.image.image_key.hex() == older[:64]
        assert image_key(answer.image.request_key.hex(), 0) == older[:64]
