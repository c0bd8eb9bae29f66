"""Take the pictures of docs/guides/reviewing.md again, from a store with images that wait and a held batch.

Comes in: a store's folder. Goes out: PNGs in docs/reviewing. `packshot review` runs as its own process, on loopback,
and Debian's Chromium looks at it; nothing is answered.

    python docs/take_screenshots.py rehearsal/store
"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent / "reviewing"
VIEWPORT = {"width": 1280, "height": 800}
COLOURS = 6
"""Bits of each channel that are kept: flat areas then pack to less than 200 kB."""


ALL_LOADED = "[...document.images].every(image => image.complete || image.getBoundingClientRect().top > innerHeight)"


def take(page: Page, name: str, prepare: Callable[[Page], None] | None = None) -> None:
    """Save what a page shows, as a PNG of few colours."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function(ALL_LOADED)
    if prepare is not None:
        prepare(page)
        page.wait_for_timeout(300)
    file = FOLDER / f"{name}.png"
    page.screenshot(path=file)
    pixels = cv2.imread(str(file))
    step = 1 << (8 - COLOURS)
    few = (pixels // step) * step + (pixels // (256 - step)) * (step - 1)  # white stays white
    cv2.imwrite(str(file), few, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"{file.relative_to(FOLDER.parent)}: {file.stat().st_size / 1000:.0f} kB")


def mark_two(page: Page) -> None:
    """Mark two images of a grid by keys, as the guide says."""
    for key in ("ArrowRight", "ArrowRight", "2", "ArrowRight", "ArrowRight", "4"):
        page.keyboard.press(key)


def main(store: str) -> None:
    """Take every picture."""
    FOLDER.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "flows.cli", "review", "--store", store, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    link = next(found[0] for line in process.stdout or () if (found := re.search(r"http://\S+", line)))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_page(viewport=VIEWPORT)  # type: ignore[arg-type]
            page.goto(link)
            page.wait_for_url("**/review")
            base = page.url
            take(page, "queue")
            groups = page.locator("a[href*='/grid']").evaluate_all("links => links.map(link => link.href)")
            page.goto(next((group for group in groups if "background" in group), groups[0]).replace("/grid", "/next"))
            take(page, "picture")
            page.goto(groups[0])
            take(page, "grid", mark_two)
            page.goto(base.replace("/review", "/gallery"))
            take(page, "gallery")
            page.goto(base.replace("/review", "/held"))
            batches = page.locator("main a[href*='/held/']")
            if batches.count():
                page.goto(page.url.split("/catalogues")[0] + str(batches.first.get_attribute("href")))
                take(page, "held")
            browser.close()
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main(sys.argv[1])
