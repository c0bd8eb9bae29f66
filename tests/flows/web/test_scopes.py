"""Every scope against every route: who may do what, and nothing follows from another right."""

from collections.abc import Iterator

import pytest

from catalogs.answers.person import Scope
from tests.fixtures.web_part import PART, ROUTES
from tests.fixtures.web_servers import RunningWebServer, web_server


@pytest.fixture(scope="module")
def server() -> Iterator[RunningWebServer]:
    with web_server([PART], people={scope.value: frozenset({scope}) for scope in Scope}) as running:
        yield running


@pytest.mark.parametrize("held", Scope)
@pytest.mark.parametrize(("route", "asked"), ROUTES.items(), ids=str)
def test_a_route_opens_to_its_scope_alone(
    server: RunningWebServer, held: Scope, route: tuple[str, str], asked: Scope
) -> None:
    browser, (method, path) = server.browser(held.value), route
    answer = browser.get(path) if method == "GET" else browser.post(path)
    assert answer.status_code in ({200, 303} if held == asked else {403})
    if held != asked:
        assert f"{held.value} has no right to {asked.value}" in answer.text


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_nobody_is_led_to_the_sign_in_or_told_so_in_json(server: RunningWebServer, route: tuple[str, str]) -> None:
    browser, (method, path) = server.browser(), route
    if method == "GET":
        assert browser.get(path).headers["location"].startswith("/sign-in")
    answer = browser.raw.request(method, path, headers={"Accept": "application/json"}, data={})
    assert answer.status_code in {401, 415}
    assert answer.json()["error"]["status"] == answer.status_code
