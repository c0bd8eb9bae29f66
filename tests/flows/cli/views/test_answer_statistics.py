"""The view of statistics: rates with their intervals, and names that stay text."""

import io

from rich.console import Console

from catalogs.answers.answer_statistics import summarize_answers
from flows.cli.views.answer_statistics import show_statistics
from tests.fixtures.given_answers import given


def shown(count: int) -> str:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    answers = [given(number) for number in range(count)]
    people = [answer.__class__(**{**vars(answer), "who": f"[red]{answer.who}"}) for answer in answers]
    show_statistics(console, {"catalogue": "[bold]shoes", "since": "2026-01", **summarize_answers(people)})
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def test_people_s_names_are_no_markup_and_rates_have_intervals() -> None:
    text = shown(30)
    assert "30 answers to 7 images of [bold]shoes since 2026-01" in text
    assert "[red]ada" in text
    assert "images on which people differ" in text
    assert "% to " in text


def test_without_answers_it_says_where_to_begin() -> None:
    assert "packshot review" in shown(0)
