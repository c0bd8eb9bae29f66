"""Signing in and going on in real Chromium: what its cookies, origins and policies do, a stranger's pages included."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from flows.web.browser_opening import PAGE
from tests.fixtures.chromium import CHROMIUM, NEEDS_CHROMIUM
from tests.fixtures.http_servers import loopback_server, respond
from tests.fixtures.waiting import eventually
from tests.fixtures.web_part import PART
from tests.fixtures.web_servers import RunningWebServer, web_server

pytestmark = [pytest.mark.slow, NEEDS_CHROMIUM]
LOOK = "/catalogues/home/tests"
NAME_OF_A_STRANGER = "rebound.example"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    rules = f"--host-resolver-rules=MAP {NAME_OF_A_STRANGER} 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", rules])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server() -> Iterator[RunningWebServer]:
    with web_server([PART], catalogues=("home", "garden")) as running:
        yield running


@pytest.fixture
def tab(chromium: Browser, server: RunningWebServer) -> Iterator[Page]:
    with chromium.new_context() as context:
        yield context.new_page()


def sign_in(page: Page, server: RunningWebServer) -> None:
    page.goto(f"{server.url}{LOOK}/failure?text=hello")
    # By itself, without a click. Asked from here: the page's policy lets no script of ours wait in it.
    assert eventually(lambda: page.evaluate("document.activeElement.id") == "token")
    page.keyboard.type(server.tokens["ann"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.url}{LOOK}/failure?text=hello")


def address_of_frame(page: Page) -> str:
    """Return where the page's frame is now; it may still be on its way when the page is there."""
    page.wait_for_timeout(0)  # takes in what the browser has told since
    return page.frames[1].url


def test_a_token_is_typed_and_entered_and_a_button_signs_out(tab: Page, server: RunningWebServer) -> None:
    sign_in(tab, server)
    assert tab.inner_text("h1") == "hello"
    (cookie,) = tab.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert tab.evaluate("document.cookie") == ""
    tab.get_by_role("button", name="Sign out").click()
    tab.wait_for_url(f"{server.url}/sign-in")
    assert tab.context.cookies() == []


def test_after_a_sign_out_the_browser_has_no_picture_left(tab: Page, server: RunningWebServer) -> None:
    sign_in(tab, server)
    ask = f"""async (mode) => {{
        try {{ return (await fetch("{LOOK}/image", {{ cache: mode, mode: "same-origin" }})).status }}
        catch {{ return 0 }}
    }}"""
    assert (tab.evaluate(ask, "default"), tab.evaluate(ask, "only-if-cached")) == (200, 200)
    tab.get_by_role("button", name="Sign out").click()
    tab.wait_for_url(f"{server.url}/sign-in")
    assert tab.evaluate(ask, "only-if-cached") in {0, 504}


def test_without_javascript_it_is_the_same(chromium: Browser, server: RunningWebServer) -> None:
    with chromium.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{server.url}{LOOK}/failure?text=hello")
        page.fill("#token", server.tokens["ann"])
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:has-text('hello')")


def test_the_file_that_a_console_opens_leads_in(chromium: Browser, tmp_path: Path) -> None:
    """From a file's page a browser sends no strict cookie, not even to where a redirect leads."""
    with web_server([PART], people={}) as keyless, chromium.new_context() as context:
        file, page = tmp_path / "open.html", context.new_page()
        file.write_text(PAGE.format(address=keyless.context.start_url), "utf-8")
        page.goto(file.as_uri())
        page.wait_for_url(f"{keyless.url}{LOOK}")
        assert page.inner_text("body") == keyless.context.entrance.start_link.person().name  # type: ignore[union-attr]


def answer_with(page: str) -> str:
    return f"<!doctype html><title>stranger</title>{page}"


def test_a_link_on_another_site_leads_to_the_picture_and_not_to_the_sign_in(
    tab: Page, server: RunningWebServer
) -> None:
    sign_in(tab, server)
    link = answer_with(f'<a href="{server.url}{LOOK}/failure?text=shared">look</a>')
    with loopback_server(lambda handler: send_page(handler, link)) as mail:
        tab.goto(mail.url.replace("127.0.0.1", NAME_OF_A_STRANGER))
        tab.get_by_role("link").click()
        tab.wait_for_url(f"{server.url}{LOOK}/failure?text=shared")
        tab.wait_for_selector("h1:has-text('shared')")


def test_a_stranger_s_page_answers_nothing_and_shows_nothing_in_a_frame(tab: Page, server: RunningWebServer) -> None:
    sign_in(tab, server)
    form = f'<form method="post" action="{server.url}{LOOK}/answer"><input name="verdict"><button>Go</button></form>'
    page = answer_with(f'{form}<iframe src="{server.url}{LOOK}"></iframe>')
    for host in (NAME_OF_A_STRANGER, "127.0.0.1"):  # another site, and another port of the same one
        with loopback_server(lambda handler: send_page(handler, page)) as stranger:
            tab.goto(stranger.url.replace("127.0.0.1", host))
            assert eventually(lambda: address_of_frame(tab).startswith(("chrome-error:", server.url)))
            assert "ann" not in tab.frames[1].inner_text("body").split()
            with tab.expect_response(f"{server.url}{LOOK}/answer") as refused:
                tab.get_by_role("button").click()
            assert refused.value.status == 403


def test_a_stranger_s_name_that_leads_here_is_told_another(tab: Page, server: RunningWebServer) -> None:
    answer = tab.goto(server.url.replace("127.0.0.1", NAME_OF_A_STRANGER))
    assert answer is not None
    assert answer.status == 400


def send_page(handler: BaseHTTPRequestHandler, page: str) -> None:
    respond(handler, 200, page.encode(), Content_Type="text/html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_fit_a_phone_and_load_nothing_from_elsewhere(
    chromium: Browser, server: RunningWebServer, scheme: str
) -> None:
    options = {"color_scheme": scheme, "viewport": {"width": 390, "height": 844}}
    with chromium.new_context(**options) as context:  # type: ignore[arg-type]
        page = context.new_page()
        said = watch(context, page)
        page.goto(f"{server.url}/sign-in")
        look_at(page)
        page.fill("#token", "wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=alert]")
        look_at(page)
        sign_in(page, server)
        for path in ("/", f"{LOOK}/failure?text={'longword' * 40}", "/nothing"):
            page.goto(server.url + path)
            look_at(page)
        assert [url for url in said["urls"] if not url.startswith(server.url + "/")] == []
        assert [line for line in said["console"] if "Content Security Policy" in line] == []


def watch(context: BrowserContext, page: Page) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {"urls": [], "console": []}
    context.on("request", lambda request: said["urls"].append(request.url))
    page.on("console", lambda message: said["console"].append(message.text))
    return said


def look_at(page: Page) -> None:
    """Check a page by axe, and that nothing sticks out to the side."""
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
