"""Stages on a terminal: a verdict with its reason, what to do next, and a stranger's text as text."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from catalogs.stages.library import StageLibrary
from flows.cli.views.stages import show_answer, show_libraries, show_offers
from tasks.stages.stage_changes import OfferedStage
from tests.fixtures.stage_scenes import a_stage


def console() -> Console:
    return Console(width=200, record=True, file=StringIO())


def test_offered_scenes_say_what_was_found_and_what_comes_next() -> None:
    said = console()
    offered = [
        OfferedStage("oak", a_stage("oak"), "REVIEW", ("stage.text",), ("stage.text: text.count 2 is above 0",)),
        OfferedStage("[red]x", None, "BLOCK", ("photo.missing",), ()),
    ]
    show_offers(said, "shop", offered)
    text = said.export_text()
    assert "stage.text: text.count 2 is above 0" in text
    assert "[red]x" in text
    assert "1 added to 'shop' as proposals, 1 not taken." in text
    assert "packshot stage approve NAME --library shop" in text


def test_nothing_added_asks_for_no_look() -> None:
    said = console()
    show_offers(said, "shop", [OfferedStage("x", None, "BLOCK", ("photo.missing",), ())])
    assert "approve" not in said.export_text()


def test_libraries_are_one_table_and_an_empty_one_says_what_to_do() -> None:
    said = console()
    stages = (
        a_stage("oak", categories=("mugs",), light="left"),
        a_stage("ash", origin="made", reasons=("stage.text",)),
    )
    show_libraries(said, [StageLibrary("shop", 2, stages)], Path("sheet.html"))
    text = said.export_text()
    for word in ("1024 x 768", "mugs", "left", "above", "made", "stage.text", "sheet.html"):
        assert word in text
    empty = console()
    show_libraries(empty, [StageLibrary("shop")], None)
    assert "packshot stage add" in empty.export_text()


def test_a_retired_stage_says_what_keeps_it() -> None:
    said = console()
    oak, ash = a_stage("oak", state="retired"), a_stage("ash", state="approved")
    show_answer(said, [oak, ash], {oak.sha256: 1200, ash.sha256: 0})
    text = said.export_text()
    assert "oak is retired; 1,200 live images keep it." in text
    assert "ash is approved." in text
