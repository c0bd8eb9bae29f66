"""View of a rollback: how many slots it changes, by kind, and the first of them by name.

Inputs: a `ManifestChange`. Outputs: text and one Rich table on the given console.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from flows.cli.views.tables import new_table, plain_text, plain_texts, print_line
from tasks.reporting.formatting import format_number

if TYPE_CHECKING:
    from tasks.amendments.manifest_change import ManifestChange

MAX_SLOTS_SHOWN = 20
"""Slots of each kind."""

KINDS = {
    "restored": "shown again",
    "dropped": "gone",
    "kept_new": "new since, stays",
    "changed_since": "changed again since, stays",
    "left_out": "refused by a policy or like another one, stays as it is",
    "published_meanwhile": "published while this command waited",
}


def show_rollback(console: Console, change: "ManifestChange", *, dry_run: bool) -> None:
    """Print what a rollback did, or would do: counts by kind, then up to 20 slots of each kind."""
    release = f"Release {change.version} of {change.catalogue}"
    undone = " and ".join(map(str, change.undone))
    what = (
        f"takes back what release {undone} changed" if undone else f"goes back to what release {change.target} showed"
    )
    if dry_run:
        print_line(console, ("Nothing is written. ", "yellow"), f"A release that {what} would be:")
    elif change.version == change.previous:
        print_line(console, f"There is no new release: one that {what} would show the same.")
    else:
        print_line(console, f"{release} {what}:")
    counts = new_table("images", "", right={"images"})
    for kind, meaning in KINDS.items():
        if getattr(change, kind) or kind in ("restored", "dropped"):
            counts.add_row(format_number(getattr(change, kind)), plain_text(meaning))
    if not dry_run:
        counts.add_row(format_number(change.withdrawn), "withdrawn: no refresh publishes them again; see readmit")
    console.print(counts)
    _show_slots(console, change)


def show_readmission(console: Console, skus: Sequence[str], change: "ManifestChange") -> None:
    """Print which of these SKUs may be published again, and which no rollback had taken away."""
    readmitted = {slot["sku"] for slot in change.slots["readmitted"]}
    table = new_table("SKU", "")
    for sku in sorted(set(skus)):
        state = (
            "the next refresh may publish it again" if sku in readmitted else "no rollback keeps anything of it away"
        )
        table.add_row(*plain_texts(sku, state))
    console.print(table)


def _show_slots(console: Console, change: "ManifestChange") -> None:
    named = new_table("SKU", "view", "what happens")
    for kind, meaning in KINDS.items():
        for slot in change.slots.get(kind, ())[:MAX_SLOTS_SHOWN]:
            view = f"{slot['view']} {slot['variant']} {slot['index']}"
            named.add_row(*plain_texts(slot["sku"], view, ": ".join(filter(None, (meaning, _detail(slot))))))
    if named.row_count:
        console.print(named)
    if any(getattr(change, kind) > MAX_SLOTS_SHOWN for kind in KINDS):
        console.print(f"The first {MAX_SLOTS_SHOWN} of each kind; --json names the first 100.")


def _detail(slot: Mapping[str, Any]) -> str:
    if "taken_back" in slot:
        return "goes back" if slot["taken_back"] else "stays"
    return ", ".join(slot.get("reasons", ()))
