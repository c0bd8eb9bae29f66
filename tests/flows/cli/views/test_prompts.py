"""The prompts of a plan on a terminal: rows, views, reasons, and text that stays text."""

import io

from rich.console import Console

from catalogs.runs.report_parts import ReportPrompt
from flows.cli.views.prompts import show_prompts


def shown(*prompts: ReportPrompt) -> str:
    file = io.StringIO()
    show_prompts(Console(file=file, width=100), prompts)
    return file.getvalue()


def test_a_row_is_shown_with_its_prompt_its_views_and_why_it_waits() -> None:
    text = shown(ReportPrompt(7, "A-1", ["front", "side"], "a red mug", "text", "review", ["brand.other"], 3))
    for part in ("7", "A-1", "and 3 more", "front, side", "a red mug", "review: brand.other", "negative: text"):
        assert part in text


def test_a_row_with_a_photo_shows_what_is_made_of_it_in_place_of_a_prompt() -> None:
    text = shown(ReportPrompt(7, "A-1", ["front"], "", "", "photo not read", [], 0, "white", "photos/mug.jpg"))
    assert "white ground, the product of photos/mug.jpg" in text
    assert "photo not read" in text


def test_nothing_is_printed_for_no_prompts() -> None:
    assert shown() == ""


def test_catalogue_text_neither_colours_nor_moves_anything() -> None:
    text = shown(ReportPrompt(1, "[bold]\x1b[2J", ["front"], "[red]x[/] :boom: \u202e\x07", None, "new", ["\x1b[0m"]))
    assert "[red]x[/] :boom:" in text
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
