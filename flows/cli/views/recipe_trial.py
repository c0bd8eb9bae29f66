"""View of a recipe's trial: both plans with their cost, and old and new prompts side by side.

Inputs: the document of `packshot recipe try --json`. Outputs: Rich tables on the given console. Names, prompts and
reasons are a stranger's text and stay text.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from catalogs.photos.photo_sentences import say_plan
from flows.cli.views.tables import new_table, plain_text, print_line
from tasks.reporting import formatting

MAX_ROWS_SHOWN = 50
MAX_WARNINGS_SHOWN = 5
MAX_PROMPT_CHARACTERS = 400
_SLOT_WORDS = {"review": "prompt review", "blocked": "prompt blocked", "photos_not_read": "photo not read"}


def show_trial(console: Console, trial: Mapping[str, Any]) -> None:
    """Print the plans, the rows that differ, and what would be made again."""
    _show_plans(console, trial["old"], trial["new"])
    differing = [row for row in trial["rows"] if _differs(row)]
    _show_rows(console, differing[:MAX_ROWS_SHOWN])
    same, shown = len(trial["rows"]) - len(differing), min(len(differing), MAX_ROWS_SHOWN)
    print_line(console, f"Of {len(trial['rows']):,} slots of the first rows, {same:,} stay as they are; {shown:,} of"
                        f" {len(differing):,} others are shown.")  # fmt: skip
    new = trial["new"]
    cost = formatting.format_money(new["cost"], new["currency"])
    print_line(
        console,
        (f"{trial['made_again']:,} live slots would be made again", "yellow" if trial["made_again"] else "green"),
        f"; a refresh with the new recipe makes {new['images']:,} images for about {cost}. Nothing was changed.",
    )
    if trial["drawn"] is not None:
        folder = formatting.printable(trial["drawn"]["folder"])
        print_line(console, f"Drawn: {trial['drawn']['pairs']:,} pairs, in {folder}/index.html")
    for reject in trial["rejects"][:MAX_WARNINGS_SHOWN]:
        print_line(console, ("Rejected: ", "yellow"), plain_text(f"row {reject['row']}: {reject['reason']}", 300))
    for warning in trial["warnings"][:MAX_WARNINGS_SHOWN]:
        print_line(console, ("Warning: ", "yellow"), plain_text(warning, 400))


def _show_plans(console: Console, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    table = new_table("", "as it is", "with the new recipe", right={"as it is", "with the new recipe"})
    table.add_row("recipe", plain_text(old["recipe"], 60), plain_text(new["recipe"], 60))
    for part in ("slots", "rows"):
        for name in new[part]:
            counts = [formatting.format_number(side[part][name]) for side in (old, new)]
            if counts != ["0", "0"]:
                table.add_row(_SLOT_WORDS.get(name, name), *counts)
    table.add_row("images", *(formatting.format_number(side["images"]) for side in (old, new)))
    table.add_row("GPU time", *(formatting.format_duration(side["gpu_seconds"]) for side in (old, new)))
    table.add_row("cost", *(formatting.format_money(side["cost"], side["currency"]) for side in (old, new)))
    console.print(table, "")


def _show_rows(console: Console, rows: list[Mapping[str, Any]]) -> None:
    if not rows:
        return
    table = new_table("SKU", "view", "as it is", "with the new recipe")
    for row in rows:
        sku = plain_text(row["sku"], 40)
        if row["made_again"]:
            sku.append("\nmade again", "yellow")
        table.add_row(sku, plain_text(row["view"], 40), _side(row["old"]), _side(row["new"]))
    console.print(table, "")


def _side(side: Mapping[str, Any] | None) -> Text:
    if side is None:
        return Text("no such slot", "dim")
    planned = say_plan(side["mode"], side["photo"]) if side.get("mode") else side["prompt"]
    text = plain_text(planned, MAX_PROMPT_CHARACTERS)
    reasons = ", ".join(formatting.printable(reason, 60) for reason in side["reasons"])
    state = formatting.printable(side["state"], 40)
    return text.append(f"\n{state}{f': {reasons}' if reasons else ''}", "yellow" if reasons else "dim")


def _differs(row: Mapping[str, Any]) -> bool:
    old, new = row["old"], row["new"]
    names = ("sku", "prompt", "negative", "mode", "photo")
    is_other = old is None or new is None or any(old.get(name) != new.get(name) for name in names)
    return bool(row["made_again"]) or is_other
