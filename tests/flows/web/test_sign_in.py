"""Who comes in: by a token, by the start link once, for a working day; and what nobody gets by trying."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st

from catalogs.answers.person import ALL_SCOPES, Scope
from flows.web.server import ServerOptions
from flows.web.sessions import SESSION_LENGTH
from flows.web.sign_in import local_path
from flows.web.web_context import WebPart
from infra.errors import StoreError
from tasks.access.access_keys import REMEMBERED, revoke_access_keys
from tests.fixtures.web_part import PART
from tests.fixtures.web_servers import RunningWebServer, web_server

LOOK = "/catalogues/home/tests"
HTTPS = ServerOptions(port=0, public_url="https://review.shop.example")


@pytest.fixture
def server() -> Iterator[RunningWebServer]:
    with web_server([PART], people={"ann": ALL_SCOPES, "bob": frozenset({Scope.LOOK})}) as running:
        yield running


def test_a_token_opens_a_session_in_a_cookie_that_no_script_and_no_other_site_reads(server: RunningWebServer) -> None:
    answer = server.browser().post("/sign-in", token=f" {server.tokens['ann']}\n", next=f"{LOOK}?view=front")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{LOOK}?view=front")
    name, _, rest = answer.headers["set-cookie"].partition("=")
    port = server.context.addresses.port
    assert name == f"packshot-{port}", "browsers share cookies between ports: a gallery signs nobody out of a console"
    assert rest.split("; ", 1)[1] == "HttpOnly; Max-Age=43200; Path=/; SameSite=strict"


def test_behind_tls_the_cookie_is_secure_and_of_this_host_alone() -> None:
    with web_server([PART], options=HTTPS) as server:
        host = {"Host": "review.shop.example", "Origin": "https://review.shop.example"}
        answer = server.browser().raw.post("/sign-in", data={"token": server.tokens["ann"]}, headers=host)
        assert answer.status_code == 303
        assert answer.headers["set-cookie"].startswith("__Host-packshot-")
        assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("token", ["", "wrong", "packshot_" + "x" * 43, "x" * 5000, "../../decisions/home/x", "\x00"])
def test_a_wrong_token_opens_nothing_and_says_so(server: RunningWebServer, token: str) -> None:
    browser = server.browser()
    answer = browser.post("/sign-in", token=token)
    assert answer.status_code == 403
    assert "This token opens nothing" in answer.text
    assert not browser.raw.cookies
    assert token not in answer.text or len(token) < 6, "what was typed is not shown again"


def test_a_token_in_an_address_opens_nothing(server: RunningWebServer) -> None:
    browser = server.browser()
    browser.get(f"/sign-in?token={server.tokens['ann']}")
    assert not browser.raw.cookies


def test_a_planted_cookie_becomes_no_session_and_a_new_one_is_made_at_each_sign_in(server: RunningWebServer) -> None:
    browser = server.browser()
    browser.raw.cookies.set(f"packshot-{server.context.addresses.port}", "planted", domain="127.0.0.1")
    assert browser.get(LOOK).status_code == 303
    first = dict(browser.sign_in(server.tokens["ann"]).raw.cookies)
    assert "planted" not in first.values()
    assert dict(browser.sign_in(server.tokens["ann"]).raw.cookies) != first
    assert server.browser(cookies=first).get(LOOK).status_code == 303, "the first session ended"


def test_a_session_ends_after_twelve_hours(server: RunningWebServer) -> None:
    browser = server.browser("ann")
    server.clock.advance(SESSION_LENGTH.total_seconds() - 1)
    assert browser.get(LOOK).text == "ann"
    server.clock.advance(1)
    answer = browser.get(f"{LOOK}?view=front")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={LOOK}%3Fview%3Dfront")


def test_signing_out_ends_the_session_for_whoever_has_the_cookie(server: RunningWebServer) -> None:
    browser = server.browser("ann")
    stolen = dict(browser.raw.cookies)
    assert browser.post("/sign-out").headers["location"] == "/sign-in"
    assert not browser.raw.cookies
    assert server.browser(cookies=stolen).get(LOOK).status_code == 303


def test_signing_out_tells_every_part_and_works_where_the_store_does_not_answer() -> None:
    left: list[str] = []

    def leave(name: str) -> None:
        left.append(name)
        raise StoreError("The bucket does not answer")

    parts = [replace(PART, leave=leave), WebPart("More", "/more", APIRouter(), leave=leave)]
    with web_server(parts) as server:
        browser = server.browser("ann")
        assert browser.post("/sign-out").headers["location"] == "/sign-in"
        assert left == ["ann", "ann"]
        assert browser.get(LOOK).status_code == 303


def test_revoking_a_key_ends_its_sessions_within_a_minute_and_nobody_else_s(server: RunningWebServer) -> None:
    ann, bob = server.browser("ann"), server.browser("bob")
    assert ann.get(LOOK).text == "ann"
    revoke_access_keys(server.context.store, "ann")
    server.clock.advance(REMEMBERED.total_seconds())
    assert ann.get(LOOK).status_code == 303
    assert bob.get(LOOK).text == "bob"


def test_a_start_link_opens_once_with_all_scopes_and_then_there_is_another() -> None:
    with web_server([PART], people={}) as server:
        link = server.context.entrance.start_link
        assert link is not None
        path = link.path
        browser = server.browser()
        opened = browser.get(path)
        assert opened.status_code == 200
        assert 'http-equiv="refresh" content="0;url=/"' in opened.text
        assert browser.post(f"{LOOK}/release").status_code == 200
        again = server.browser()
        assert again.get(path).status_code == 403
        assert again.get(LOOK).status_code == 303
        assert again.get(link.path).status_code == 200


def test_without_keys_no_token_opens_and_with_keys_there_is_no_start_link(server: RunningWebServer) -> None:
    assert server.context.entrance.start_link is None
    assert server.browser().get("/start?secret=").status_code == 403
    with web_server([PART], people={}) as keyless:
        assert "Open the link" in keyless.browser().get("/sign-in").text
        assert keyless.browser().post("/sign-in", token=server.tokens["ann"]).status_code == 403


def test_a_link_from_elsewhere_asks_once_more_so_that_the_browser_sends_its_strict_cookie(
    server: RunningWebServer,
) -> None:
    followed = server.browser().get(f"{LOOK}?sku=a%22b", **{"Sec-Fetch-Site": "cross-site"})
    assert followed.status_code == 200
    assert f'content="0;url={LOOK}?sku=a%22b"' in followed.text
    assert server.browser().get(LOOK, **{"Sec-Fetch-Site": "same-origin"}).status_code == 303


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "", "evil", "/a\\b",
     "/\t/evil.example", "\\\\evil.example", "/\n//evil.example", "http:/evil.example", "//[",
     "/%0d%0aSet-Cookie:x\r\nx:y"],
)  # fmt: skip
def test_going_on_leads_nowhere_else(server: RunningWebServer, target: str) -> None:
    assert local_path(target) == "/"
    answer = server.browser().post("/sign-in", token=server.tokens["ann"], next=target)
    assert answer.headers["location"] == "/"


@given(st.text(max_size=30))
def test_whatever_leads_on_is_a_path_of_this_server(text: str) -> None:
    found = local_path(text)
    assert found.startswith("/")
    assert not found.startswith(("//", "/\\"))
    assert found.isprintable()


def test_files_of_the_pages_are_served_to_everybody_and_keep(server: RunningWebServer) -> None:
    answer = server.browser().get("/static/web.css")
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert server.browser().get("/static/secret.css").status_code == 404
