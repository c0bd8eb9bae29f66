"""A visitor is who their cookie says, or behind a proxy who its header says, and nobody by both."""

from catalogs.answers.person import ALL_SCOPES
from flows.web.server import ServerOptions
from tests.fixtures.web_part import PART
from tests.fixtures.web_servers import web_server

LOOK = "/catalogues/home/tests"


def test_two_servers_of_one_host_do_not_take_each_other_s_cookies() -> None:
    with web_server([PART]) as one, web_server([PART]) as two:
        browser = one.browser("ann")
        names = set(browser.raw.cookies)
        assert two.browser(cookies=dict(browser.raw.cookies)).get(LOOK).status_code == 303
        assert names != set(two.browser("ann").raw.cookies)


def test_without_a_proxy_its_header_says_nothing() -> None:
    with web_server([PART]) as server:
        assert server.browser().get(LOOK, **{"X-Remote-User": "ann"}).status_code == 303


def test_behind_a_proxy_a_cookie_says_nothing() -> None:
    options = ServerOptions(port=0, trust_header="X-Remote-User", proxies=["127.0.0.0/8"])
    with web_server([PART], options=options) as server:
        context = server.context
        cookie = context.sessions.start(context.entrance.named_visitor("ann").person, context.now())  # type: ignore[union-attr]
        browser = server.browser(cookies={f"packshot-{context.addresses.port}": cookie})
        assert browser.get(LOOK).status_code == 303
        assert browser.post("/sign-in", token=server.tokens["ann"]).status_code == 403


def test_a_name_in_any_script_is_read_as_the_proxy_wrote_it() -> None:
    options = ServerOptions(port=0, trust_header="X-Remote-User", proxies=["127.0.0.1"])
    with web_server([PART], people={"王芳": ALL_SCOPES}, options=options) as server:
        answer = server.browser().raw.get(LOOK, headers={"X-Remote-User": "王芳".encode()})
        assert answer.text == "王芳"


def test_behind_a_proxy_forms_carry_the_token_of_the_named_person() -> None:
    options = ServerOptions(port=0, trust_header="X-Remote-User", proxies=["127.0.0.1"])
    with web_server([PART], options=options) as server:
        visitor = server.context.entrance.named_visitor("ann")
        assert visitor is not None
        browser, header = server.browser(), {"X-Remote-User": "ann"}
        for token, status in ((visitor.csrf_token, 200), ("", 403), ("x" * 64, 403)):
            answer = browser.raw.post(f"{LOOK}/answer", data={"csrf": token}, headers=header)
            assert answer.status_code == status
        page = browser.get(f"{LOOK}/failure", **header).text
        assert "Sign out" not in page, "the proxy signs people out"
        assert visitor.csrf_token in page
