"""Views of stages: what became of offered scenes, libraries as a table, and a person's answer.

Inputs: offered scenes, libraries, stages. Outputs: Rich tables and lines on the given console. Names of files, prompts
and people are a stranger's text and stay text.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from catalogs.stages.library import StageLibrary
from catalogs.stages.stage import Stage, StageState
from flows.cli.views.tables import new_table, plain_text, print_line, print_unbroken
from tasks.reporting import formatting
from tasks.stages.stage_changes import OfferedStage

_DECISION_STYLES = {"PASS": "green", "REVIEW": "yellow", "BLOCK": "red"}
_STATE_STYLES = {
    StageState.PROPOSED: "yellow",
    StageState.APPROVED: "green",
    StageState.REFUSED: "red",
    StageState.RETIRED: "dim",
}
MAX_CELL_CHARACTERS = 300


def show_offers(console: Console, library: str, offered: Sequence[OfferedStage]) -> None:
    """Print a scene a line with its verdict, and what a person does next."""
    table = new_table("scene", "gate", "why")
    for each in offered:
        why = "; ".join(each.sentences or each.reasons)
        verdict = Text(each.decision, _DECISION_STYLES.get(each.decision, ""))
        table.add_row(plain_text(each.name), verdict, plain_text(why, MAX_CELL_CHARACTERS))
    console.print(table, "")
    added = [each.name for each in offered if each.stage is not None]
    refused = len(offered) - len(added)
    print_line(console, f"{len(added):,} added to {library!r} as proposals, {refused:,} not taken.")
    if added:
        print_line(
            console,
            f"Look at them (`packshot stage list --library {library} --sheet stages.html`), then"
            f" `packshot stage approve NAME --library {library}`: none is used before.",
        )


def show_libraries(console: Console, libraries: Sequence[StageLibrary], sheet: Path | None) -> None:
    """Print a stage a line, and where the sheet lies."""
    rows = [(library, stage) for library in libraries for stage in library.stages]
    if not rows:
        print_line(console, "There is no stage: `packshot stage add FILE --library NAME` adds one.")
        return
    table = new_table("library", "name", "state", "size", "origin", "categories", "light", "doubts")
    for library, stage in rows:
        table.add_row(
            plain_text(library.name),
            plain_text(stage.name),
            Text(stage.state, _STATE_STYLES[stage.state]),
            f"{stage.width} x {stage.height}",
            stage.origin,
            plain_text(", ".join(stage.categories) or "all", MAX_CELL_CHARACTERS),
            stage.light or "above",
            plain_text(", ".join(stage.reasons), MAX_CELL_CHARACTERS),
        )
    console.print(table)
    if sheet is not None:
        print_unbroken(console, f"\nThe sheet: {sheet}")


def show_answer(console: Console, stages: Sequence[Stage], live: Mapping[str, int]) -> None:
    """Print what each stage is now, and how many live images keep it."""
    for stage in stages:
        images = live[stage.sha256]
        kept = f"; {formatting.format_number(images)} live images keep it" if images or _is_retired(stage) else ""
        print_line(console, plain_text(stage.name), " is ", (stage.state, _STATE_STYLES[stage.state]), f"{kept}.")
    if any(map(_is_retired, stages)):
        print_line(
            console,
            "No further image is planned on a retired stage, and what waits is planned on another one. Its live images"
            " change when their rows do; open runs and held batches end as they were planned.",
        )


def _is_retired(stage: Stage) -> bool:
    return stage.state is StageState.RETIRED
