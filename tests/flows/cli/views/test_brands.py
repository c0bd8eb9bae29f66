"""What the terminal says of a shop's brands; a brand of a policy of one's own stays text on it."""

import io
from typing import Any

from rich.console import Console

from flows.cli.views.brands import show_change, show_shop_brands

FACT: dict[str, Any] = {
    "number": 2, "sold": {"[red]Nike[/red]": "learned", "Apple\x1b[2J": "person"}, "refused": ["Disney"], "who": "ada",
    "when": "2026-03-01T09:30:00+00:00", "why": "a licence", "run_id": "",
}  # fmt: skip


def said(*facts: dict[str, Any], asked: bool = True) -> str:
    console = Console(file=io.StringIO(), width=120)
    listed = {"catalogue": "shop", "asked": asked, "facts": list(facts), "known": ["Apple", "Nike"]}
    show_shop_brands(console, listed)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_the_newest_fact_is_shown_brand_by_brand_and_all_are_listed() -> None:
    text = said(FACT, FACT | {"number": 1, "who": "", "why": "first full run"})
    assert "[red]Nike[/red]" in text
    assert "\x1b[2J" not in text
    assert "Never learned, since a person removed them: Disney" in text
    assert "2026-03-01 09:30" in text
    assert "a run" in text
    assert "2 brands are known to the policy in force: Apple, Nike" in text


def test_a_shop_of_which_nothing_is_recorded_is_told_so() -> None:
    assert "Nothing is recorded of shop yet; its first full refresh learns it." in said()
    assert "does not ask which brands the shop sells" in said(asked=False)


def test_a_change_says_what_counts_now_and_when() -> None:
    for changed, words in ((True, "Recorded as fact 2."), (False, "It was so already.")):
        console = Console(file=io.StringIO(), width=120)
        show_change(console, FACT | {"changed": changed})
        assert isinstance(console.file, io.StringIO)
        assert words in console.file.getvalue()
        assert "live images stay" in console.file.getvalue()
