"""The shop's photo beside the image in a real browser: same height, zoomed together, blurred together, accessible."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.fixtures.chromium import NEEDS_CHROMIUM
from tests.fixtures.kept_products import keep_photo, kept_text, rehearsal_photo
from tests.fixtures.review_console import running_browser, running_console
from tests.fixtures.review_shop import ReviewShop, Waiting
from tests.flows.web.review.test_console_in_chromium import NARROW, violations

pytestmark = [pytest.mark.slow, NEEDS_CHROMIUM]

VEILED = re.compile("veiled")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


def test_photo_and_image_stand_side_by_side_and_are_zoomed_and_blurred_together(
    tmp_path: Path, browser: Browser
) -> None:
    shop = ReviewShop(tmp_path)
    kept = kept_text(keep_photo(shop.store, rehearsal_photo("sneaker")))
    mug = Waiting("MUG", ("mask.disagreement",), {}, "", seed=1, size=1024, kept=kept)
    broken = replace(mug, sku="BROKEN", seed=2, kept=kept_text(keep_photo(shop.store, b"no picture")))
    explicit = replace(mug, sku="EXPLICIT", reasons=("explicit",), seed=3)
    shop.ask([mug, broken, explicit])
    with running_console(shop) as console:
        page = console.page(browser, "Ann")
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.goto(f"{console.url}{console.base}/items/{mug.id}")
        image, photo = page.locator(".frame.large").all()
        first, second = image.bounding_box(), photo.bounding_box()
        assert first is not None
        assert second is not None
        assert (first["height"], first["y"]) == (second["height"], second["y"])
        assert photo.locator("img").evaluate("image => image.naturalWidth") <= 640
        page.keyboard.press("z")
        for frame in (image, photo):
            expect(frame).to_have_class(re.compile("zoomed"))
        assert photo.evaluate("frame => frame.scrollWidth > frame.clientWidth")
        page.keyboard.press("z")
        expect(photo).not_to_have_class(re.compile("zoomed"))
        assert violations(page) == []

        page.goto(f"{console.url}{console.base}/items/{broken.id}")
        expect(page.locator(".frame.photo")).to_contain_text("The shop's photo cannot be shown.")
        page.keyboard.press("z")
        assert violations(page) == []

        page.goto(f"{console.url}{console.base}/items/{explicit.id}")
        expect(page.locator(".frame.photo")).to_have_class(VEILED)
        page.keyboard.press("b")
        expect(page.locator(".frame.photo")).not_to_have_class(VEILED)

        page.goto(f"{console.url}{console.base}/grid?group=mask.disagreement")
        page.locator(".shop-photo summary").first.click()
        expect(page.locator(".shop-photo img").first).to_be_visible()
        assert violations(page) == []
        page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        page.goto(f"{console.url}{console.base}/items/{mug.id}")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert errors == []
