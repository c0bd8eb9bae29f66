"""The gallery in real Chromium: axe, 390 px, dark and light, by keyboard, without JavaScript, with hostile names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from catalogs.answers.answer import AnswerKind
from flows.web.gallery.gallery_routes import gallery_part
from tests.fixtures.chromium import NEEDS_CHROMIUM
from tests.fixtures.gallery_shop import GalleryShop
from tests.fixtures.review_console import running_browser
from tests.fixtures.run_rows import RUN_ID
from tests.fixtures.waiting import eventually
from tests.fixtures.web_servers import RunningWebServer, web_server
from tests.flows.web.gallery.conftest import LOOK

pytestmark = [pytest.mark.slow, NEEDS_CHROMIUM]

HOSTILE = "<img src=x onerror=alert(1)>\u202egnp" + "x" * 10_000
PAGES = ("", "/2/changes", "/1/nearest", "/variants", "/releases", "/2/pictures/{slot}", "/9")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> GalleryShop:
    """A shop of two releases, one hostile name, measured and decided by a run, with an explicit image."""
    shop = GalleryShop(Path(tmp_path_factory.mktemp("gallery")) / "store")
    labels = {f"MUG-{number:03}/front": f"mug{number}" for number in range(70)} | {f"{HOSTILE}/front": "red"}
    shop.release(RUN_ID, labels)
    shop.measure(RUN_ID, labels, {word: {"edges.touched": 0.5, "blur.foreground": 9.0} for word in labels.values()})
    states = dict.fromkeys(labels.items(), "publish")
    shop.decide(RUN_ID, states)
    shop.answer("MUG-000/front", AnswerKind.ACCEPT, reasons=("explicit",))
    shop.release("r2", {f"{HOSTILE}/front": "blue", "MUG-001/front": None, "MUG-000/back": "green"})
    return shop


@pytest.fixture(scope="module")
def server(shop: GalleryShop) -> Iterator[RunningWebServer]:
    store, tables = shop.scenario.store, shop.scenario.tables
    with web_server([gallery_part()], [shop.scenario.catalogue], LOOK, store, tables) as server:
        yield server


def signed_in(
    browser: Browser, server: RunningWebServer, *, scheme: Literal["light", "dark"] = "light", scripts: bool = True
) -> Page:
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
    )
    page = context.new_page()
    address = f"{server.url}/catalogues/shoes/gallery"
    page.goto(address)
    page.locator("input[name=token]").fill(server.tokens["guest"])
    page.locator("input[name=token]").press("Enter")
    page.wait_for_url(address)  # whole: the address of the sign-in page ends with it
    return page


def addresses(server: RunningWebServer, shop: GalleryShop) -> list[str]:
    slot = shop.slot(f"{HOSTILE}/front").hex()
    return [f"{server.url}/catalogues/shoes/gallery{path.format(slot=slot)}" for path in PAGES]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility_a_policy_or_its_width(
    browser: Browser, server: RunningWebServer, shop: GalleryShop, scheme: Literal["light", "dark"]
) -> None:
    page = signed_in(browser, server, scheme=scheme)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if "404" not in message.text else None)
    page.on("dialog", lambda dialog: said.append(dialog.message))
    every = addresses(server, shop)
    for address in every if scheme == "light" else every[2:6:3]:  # other colours, the same pages
        page.goto(address)
        found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == [], address
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
        page.set_viewport_size({"width": 1280, "height": 900})
    assert said == []


def test_by_keyboard_and_without_javascript_one_gets_from_a_filter_to_a_picture_and_its_file(
    browser: Browser, server: RunningWebServer
) -> None:
    page = signed_in(browser, server, scripts=False)
    page.get_by_label("SKU begins with").focus()
    page.keyboard.type("MUG-00")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("10 images of 9 SKUs")
    tile = page.get_by_role("link", name="MUG-002", exact=False).first
    tile.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("MUG-002")
    with page.expect_response("**/file") as answered:
        page.get_by_role("link", name="The file").press("Enter")
    assert answered.value.headers["content-type"] == "image/jpeg"


def test_pictures_load_and_an_explicit_one_is_blurred_until_it_is_asked_for(
    browser: Browser, server: RunningWebServer, shop: GalleryShop
) -> None:
    page = signed_in(browser, server)
    page.goto(f"{server.url}/catalogues/shoes/gallery/2?sku=MUG-00")
    page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    loaded = "[...document.images].every(image => image.complete && image.naturalWidth === 32)"
    assert eventually(lambda: page.evaluate(loaded))  # asked from here: the page's policy lets no script of ours wait
    blurred = "[...document.images].filter(image => getComputedStyle(image).filter !== 'none').length"
    assert page.evaluate(blurred) == 1
    page.goto(f"{server.url}/catalogues/shoes/gallery/2/pictures/{shop.slot('MUG-000/front').hex()}")
    assert page.evaluate(blurred) == 1
    page.get_by_role("link", name="show it").click()
    page.wait_for_url("**?show=1")
    assert page.evaluate(blurred) == 0
