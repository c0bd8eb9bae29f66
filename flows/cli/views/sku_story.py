"""View of one SKU's story: a screen of its slots, their attempts and refusals, and what comes next.

Inputs: the document of `tasks.reporting.sku_story`. Outputs: Rich text on the given console; text from a catalogue
stays text.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from flows.cli.views.tables import SLOT_STATE_STYLES, new_table, plain_text, print_line
from tasks.reporting import formatting

Document = Mapping[str, Any]
MAX_PROMPT_CHARACTERS = 200


def show_story(console: Console, story: Document) -> None:
    """Print the story of a SKU."""
    print_line(
        console, formatting.printable(story["sku"]), (f"  {story['catalogue']}, release {story['release']}", "dim")
    )
    if policy := story["policy"]:
        by = f"policy {policy['number']} in force, by {policy['who']}: {policy['why']}"
        print_line(console, (formatting.printable(by), "dim"))
    if not story["slots"]:
        console.print("Nothing of it is live and nothing was refused: no run of this catalogue has decided it.")
    for slot in story["slots"]:
        _show_slot(console, slot)
    for reject in story["rejected"]:
        text = f"Row {reject['row']} was rejected by run {reject['run_id']}: {reject['column']}: {reject['reason']}"
        print_line(console, ("rejected  ", "red"), formatting.printable(text))
    if story["releases"]:
        console.print()
        table = new_table("release", "when (UTC)", "kind", "run", right={"release"})
        for release in story["releases"]:
            when = formatting.format_compact_datetime(release["when"])
            cells = (plain_text(release[name]) for name in ("kind", "run_id"))
            table.add_row(formatting.format_number(release["version"]), plain_text(when), *cells)
        console.print(table)


def _show_slot(console: Console, slot: Document) -> None:
    name = f"{slot['view']} {slot['variant']} {slot['index']}"
    category = f"  category {slot['category']}" if slot["category"] else ""
    console.print()
    print_line(console, (formatting.printable(name), "bold"), (formatting.printable(category), "dim"))
    if slot["prompt"]:
        print_line(console, ("prompt  ", "dim"), formatting.printable(slot["prompt"], MAX_PROMPT_CHARACTERS), indent=2)
    if live := slot["live"]:
        release = "an older release" if live["release"] is None else f"release {live['release']}"
        when = formatting.format_compact_datetime(live["released_at"])
        text = f"since {release}, {when}, attempt {live['attempt']}, {live['object']}"
        print_line(console, ("live    ", "green"), formatting.printable(text, MAX_PROMPT_CHARACTERS), indent=2)
    if slot["attempts"]:
        _show_attempts(console, slot)
    for outcome in slot["outcomes"]:
        when = formatting.format_compact_datetime(outcome["decided_at"])
        text = f"  {', '.join(outcome['reasons'] or [])} · by {outcome['decided_by']}, {when}, run {outcome['run_id']}"
        style = SLOT_STATE_STYLES.get(outcome["state"], "")
        print_line(console, (outcome["state"], style), formatting.printable(text, MAX_PROMPT_CHARACTERS), indent=2)
    print_line(console, ("next    ", "dim"), formatting.printable(slot["next"], MAX_PROMPT_CHARACTERS), indent=2)


def _show_attempts(console: Console, slot: Document) -> None:
    table = new_table("  attempt", "verdict", "reasons", "score", "limits", "run")
    for attempt in slot["attempts"]:
        broken = [f"{rule['score']} {_number(rule['value'])}" for rule in attempt["limits"]]
        limits = [
            ", ".join(f"{name} {_number(limit)}" for name, limit in rule["limits"].items())
            for rule in attempt["limits"]
        ]
        number = f"  {attempt['attempt']} {attempt['made']}"
        cells = (number, attempt["verdict"], ", ".join(attempt["reasons"]), "\n".join(broken), "\n".join(limits))
        table.add_row(*(plain_text(cell) for cell in (*cells, attempt["run_id"])))
    console.print(table)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
