"""A held batch in real Chromium: axe in dark and light, 390 px, and let go without JavaScript."""

import re
from collections.abc import Iterator
from typing import Literal
from urllib.parse import quote, urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from infra.imaging.codecs import decode, pixel_sha
from tasks.runs import run_state as runs
from tasks.runs.held_decisions import find_release
from tests.fixtures.chromium import NEEDS_CHROMIUM
from tests.fixtures.review_console import running_browser
from tests.fixtures.waiting import eventually
from tests.flows.web.held.conftest import HOSTILE, HeldShop

pytestmark = [pytest.mark.slow, NEEDS_CHROMIUM]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


def signed_in(browser: Browser, shop: HeldShop, scheme: Literal["light", "dark"], width: int, *, scripts: bool) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
    )
    page = context.new_page()
    page.goto(f"{shop.server.url}/sign-in")
    page.fill("input[name=token]", shop.server.tokens["bob"])
    page.click("main button")
    return page


def pixels_of(page: Page, link: Locator) -> str:
    """Return the sha of the pixels of the picture that a link leads to: publishing signs a file, and moves no pixel."""
    answer = page.request.get(urljoin(page.url, link.get_attribute("href") or ""))
    return pixel_sha(decode(answer.body()))


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_and_nothing_sticks_out(
    browser: Browser, shop: HeldShop, scheme: Literal["light", "dark"], width: int
) -> None:
    page = signed_in(browser, shop, scheme, width, scripts=True)
    for path in ("/catalogues/shop/held", shop.address):
        page.goto(f"{shop.server.url}{path}")
        found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}})
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_press_of_the_button_makes_the_image_that_was_looked_at_live(
    browser: Browser, publishing_shop: HeldShop
) -> None:
    shop = publishing_shop
    page = signed_in(browser, shop, "light", 1280, scripts=True)
    page.goto(f"{shop.server.url}{shop.address}")
    looked_at = {
        tile.locator(".name bdi").first.inner_text(): pixels_of(page, tile.locator("a[href$='/new']"))
        for tile in page.locator(".held-tiles > li").all()
    }
    assert looked_at.keys() == {"jug", HOSTILE}
    page.fill("input[name=reason]", "looked at all")
    page.get_by_role("button", name="Let it go").click()
    expect(page.locator("main")).to_contain_text(re.compile("being published|Let go by|is not held"))
    assert eventually(lambda: not shop.processes.is_running(shop.run_id), seconds=120)
    assert shop.processes.failure(shop.run_id) == ""
    page.reload()
    expect(page.locator("h1")).to_have_text("This batch is not held")
    for sku, pixels in looked_at.items():
        page.goto(f"{shop.server.url}/catalogues/shop/gallery?sku={quote(sku)}")
        page.locator(".gallery-tiles a").first.click()
        expect(page.locator("h1")).to_have_text(sku)
        assert pixels_of(page, page.get_by_role("link", name="The file")) == pixels, f"{sku}: another image is live"


def test_without_javascript_the_bad_one_is_refused_and_the_rest_let_go(browser: Browser, shop: HeldShop) -> None:
    page = signed_in(browser, shop, "light", 1280, scripts=False)
    page.goto(f"{shop.server.url}{shop.address}")
    page.check("input[name=bad] >> nth=0")
    page.select_option("select[name=reason]", "colour")
    page.click("button[name=refuse]")
    assert "refused by bob" in page.inner_text("main")
    page.fill("input[name=reason]", "looked at all")
    page.click("section.let-go button")
    release = find_release(shop.harness.store, runs.load_run(shop.harness.store, shop.run_id))
    assert release is not None
    assert (release.person, release.refused, release.waiting) == ("bob", 1, 0)
