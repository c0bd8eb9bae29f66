"""View of a new recipe: what it was recognised as, what each field is read from, and the prompts that it gives.

Inputs: the document of `packshot recipe init --json`. Outputs: Rich tables on the given console. All names and texts
come from a stranger's file and stay text.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from catalogs.photos.photo_sentences import say_plan
from catalogs.recognition.recipe_text import MARKS_SHOWN
from flows.cli.views.tables import new_table, plain_text, print_line
from tasks.reporting.formatting import format_number

MAX_UNREAD_SHOWN = 12
MAX_WARNINGS_SHOWN = 5
MAX_EXAMPLE_CHARACTERS, MAX_PROMPT_CHARACTERS = 30, 300


def show_new_recipe(console: Console, document: Mapping[str, Any], source: str) -> None:
    """Print what was recognised, the fields, the prompts, and the command that comes next."""
    _show_recognition(console, document)
    _show_fields(console, document)
    _show_rows(console, document)
    _show_prompts(console, document["prompts"])
    _show_remarks(console, document)
    console.print()
    out = document["out"]
    print_line(console, ("written: ", "dim"), plain_text(out))
    command = f"packshot plan {shlex.quote(source)} --recipe {shlex.quote(out)} --store ./store --engine stub"
    print_line(console, ("next:    ", "dim"), plain_text(command, 400))


def _show_recognition(console: Console, document: Mapping[str, Any]) -> None:
    export = document["export"]
    if export is None:
        print_line(console, "No vendor's export: columns are chosen by their names and values.")
    else:
        marks = ", ".join(export["marks"][:MARKS_SHOWN])
        print_line(console, "An export of ", (export["name"], "bold"), ", by its columns ", plain_text(marks), ".")
    for note in document["source"]:
        print_line(console, plain_text(note), indent=2)
    console.print()


def _show_fields(console: Console, document: Mapping[str, Any]) -> None:
    table = new_table(
        "field", "read from", "for example", "why" if any(one["why"] for one in document["fields"]) else ""
    )
    for field in document["fields"]:
        columns = Text(", else ").join(plain_text(column) for column in field["columns"])
        why = Text(field["why"], "dim", overflow="fold")
        table.add_row(plain_text(field["field"]), columns, plain_text(field["example"], MAX_EXAMPLE_CHARACTERS), why)
    for name in document["not_found"]:
        table.add_row(plain_text(name), Text("not found", "yellow"), "", "")
    console.print(table)
    unread: Sequence[str] = document["not_read"]
    if unread:
        more = f" and {len(unread) - MAX_UNREAD_SHOWN} more" if len(unread) > MAX_UNREAD_SHOWN else ""
        shown = ", ".join(name or "(without a name)" for name in unread[:MAX_UNREAD_SHOWN])
        print_line(
            console,
            (f"not read: {len(unread)} column{'s' if len(unread) > 1 else ''}: ", "dim"),
            plain_text(shown, 400),
            (more, "dim"),
        )
    console.print()


def _show_rows(console: Console, document: Mapping[str, Any]) -> None:
    rows = document["rows"]
    counts = {name: format_number(rows[name]) for name in ("input", "accepted", "ignored", "rejected")}
    what = "All rows" if document["whole"] else "The first rows"
    print_line(
        console,
        f"{what}: {counts['input']} read, {counts['accepted']} products, {counts['ignored']} left out, ",
        (f"{counts['rejected']} rejected", "red" if rows["rejected"] else ""),
        f", {format_number(rows['damaged'])} that cannot be read" if rows["damaged"] else "",
        ".",
    )
    for reject in document["rejects"][:MAX_WARNINGS_SHOWN]:
        print_line(console, plain_text(f"row {reject['row']}: {reject['reason']}"), indent=2)


def _show_prompts(console: Console, prompts: Sequence[Mapping[str, Any]]) -> None:
    if not prompts:
        return
    table = new_table("SKU", "view", "prompt")
    for one in prompts:
        waits = f"{one['verdict']}: {', '.join(one['reasons'])} " if one["reasons"] else ""
        planned = say_plan(one["mode"], one["photo"]) if one.get("mode") else one["prompt"]
        prompt = Text.assemble((waits, "yellow"), plain_text(planned, MAX_PROMPT_CHARACTERS))
        table.add_row(plain_text(one["sku"], 40), plain_text(one["view"]), prompt)
    console.print()
    console.print(table)


def _show_remarks(console: Console, document: Mapping[str, Any]) -> None:
    remarks = [*document["doubts"], *document["warnings"][:MAX_WARNINGS_SHOWN]]
    if remarks:
        console.print()
    for remark in remarks:
        print_line(console, ("look at this: ", "yellow"), plain_text(remark, 400))
