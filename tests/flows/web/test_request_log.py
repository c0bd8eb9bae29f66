"""The log says who did what, on one line each, without a query, a token or a character that moves a cursor."""

import json
import logging
from collections.abc import Iterator

import pytest

from tests.fixtures.waiting import eventually
from tests.fixtures.web_part import PART
from tests.fixtures.web_servers import RunningWebServer, web_server


@pytest.fixture
def server() -> Iterator[RunningWebServer]:
    with web_server([PART]) as running:
        yield running


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    """Return what was logged, but for the sign-in, whose line may come after its answer."""
    found = [json.loads(record.getMessage()) for record in caplog.records if record.name == "flows.web.request_log"]
    return [line for line in found if line["path"] != "/sign-in"]


def test_every_request_is_one_line_with_its_person_and_without_its_query(
    server: RunningWebServer, caplog: pytest.LogCaptureFixture
) -> None:
    browser = server.browser("ann")
    caplog.clear()
    with caplog.at_level(logging.INFO, "flows.web"):
        browser.get("/catalogues/home/tests?sku=secret-sku")
        browser.get("/nothing%0a%1b%5b31m")
        assert eventually(lambda: len(lines(caplog)) == 2)
    first, second = lines(caplog)
    assert first.pop("ms", None) is not None
    assert first == {"event": "request", "who": "ann", "method": "GET", "path": "/catalogues/home/tests", "status": 200}
    assert (second["status"], second["path"]) == (404, "/nothing \\x1b[31m")
    assert "secret-sku" not in caplog.text


def test_acts_are_logged_and_kept_in_the_store_without_any_token(
    server: RunningWebServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "flows.web"):
        browser = server.browser("ann")
        browser.post("/sign-in", token="packshot_wrong")  # noqa: S106
        browser.post("/catalogues/home/tests/answer", csrf="wrong")
        browser.post("/sign-out")
    server.context.access_log.flush()
    (info,) = server.context.store.list("access/2026-11-30/")
    kept = [json.loads(line) for line in server.context.store.read(info.key).splitlines()]
    assert [(act["event"], act.get("who")) for act in kept] == [
        ("sign-in", "ann"),
        ("sign-in refused", "ann"),
        ("refused", "ann"),
        ("sign-out", "ann"),
    ]
    assert kept[0]["address"] == "127.0.0.1"
    assert kept[0]["at"] == "2026-11-30T09:00:00+00:00"
    said = caplog.text + str(kept)
    for secret in (server.tokens["ann"], "packshot_wrong", browser.csrf_token or "none"):
        assert secret not in said
