"""The page that says how the gates do has the numbers of `packshot review stats`, by the months that are asked for."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest

from catalogs.answers.person import Scope
from catalogs.policy.schema import built_in_policy
from flows.web.review.review_routes import review_part
from infra.stores.memory import MemoryStore
from tasks.answers.answer_log import put_answer
from tasks.policies.answered_images import read_answer_statistics
from tests.fixtures.given_answers import CATALOGUE, given
from tests.fixtures.web_servers import RunningWebServer, web_server

PAGE = f"/catalogues/{CATALOGUE}/review/gates"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningWebServer]:
    store = MemoryStore(str(tmp_path), lambda: datetime(2026, 11, 30, 9, tzinfo=UTC))
    for number in range(30):  # of January 2026, and the last seven of February
        put_answer(store, CATALOGUE, replace(given(number, images=30, minutes=2000), who=f"<b>{number % 3}</b>"))
    with web_server([review_part()], [CATALOGUE], {"cleo": frozenset({Scope.LOOK})}, store) as running:
        yield running


def text_of(server: RunningWebServer, query: str = "", status: int = 200) -> str:
    answer = server.browser("cleo").get(PAGE + query)
    assert answer.status_code == status
    return answer.text


def test_its_numbers_are_those_of_the_command_and_names_are_text(
    server: RunningWebServer,
) -> None:
    text = text_of(server)
    found = read_answer_statistics(server.context.store, CATALOGUE, built_in_policy())
    (gate,) = found["gates"]
    row = re.findall(r"<bdi>Blurred</bdi></th>(.*?)</tr>", text, re.DOTALL)[0]
    assert re.findall(r'<td class="n">([^<]*)', row) == ["30", "40 %", "6"]
    assert (gate["images"], gate["rate"], gate["retried"]) == (30, 0.4, 6)
    assert f"{gate['low']:.0%} to {gate['high']:.0%}".replace("%", " %") in row
    assert f'x="{gate["low"] * 100:.2f}"' in row
    assert f"{found['answers']} answers to {found['images']} images" in text
    assert "&lt;b&gt;2&lt;/b&gt;" in text
    assert "<b>" not in text
    assert "style=" not in text


def test_the_last_twelve_months_count_unless_another_month_or_all_are_asked_for(server: RunningWebServer) -> None:
    assert "30 answers to 30 images since 2025-11" in text_of(server)
    assert "Nobody has answered anything since 2026-03." in text_of(server, "?since=2026-03")
    assert "30 answers to 30 images. " in text_of(server, "?since=")
    assert "7 answers to 7 images since 2026-02" in text_of(server, "?since=2026-02")


@pytest.mark.parametrize("month", ["yesterday", "2026-13", "2026-1", "%3Cscript%3E"])
def test_a_month_that_is_none_is_refused_by_name(server: RunningWebServer, month: str) -> None:
    text = text_of(server, f"?since={month}", 400)
    assert "is no month; write it as 2026-11" in unescape(text)
    assert "<script>" not in text


def test_the_start_page_leads_to_it_and_it_leads_back(server: RunningWebServer) -> None:
    start = PAGE.removesuffix("/gates")
    assert f'href="{PAGE}">How the gates do' in server.browser("cleo").get(start).text
    assert f'href="{start}">What waits' in text_of(server)
