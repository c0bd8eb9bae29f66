"""Views of review: what waits for a person, answers as they were given or taken back, and what applying them did.

Inputs: described items, answers, the document of `packshot review apply --json`. Outputs: Rich tables and lines;
catalogue text in them stays text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console

from catalogs.answers.answer import Answer, AnswerKind
from catalogs.reviews.review_item import ReviewKind
from flows.cli.views.tables import new_table, plain_text, print_line, print_unbroken
from infra.visible_text import printable
from tasks.reviews.sku_answers import GivenAnswer

MAX_SHOWN = 200
"""Rows of a table; `--json` has all."""
SAID = {
    AnswerKind.ACCEPT: "accepted",
    AnswerKind.REFUSE: "refused",
    AnswerKind.RETRY: "another attempt",
}
UNTIL_AGREED = "nothing of it is published until they agree, or `--resolve` ends it"
"""What people's differing answers do."""


def show_waiting(
    console: Console, items: Sequence[Mapping[str, Any]], *, blocked: bool = False, hidden: int = 0
) -> None:
    """Print what waits, or was blocked, one image a row, with the address of its picture, which is never broken.

    Where there is none, `hidden` is how many there are without the filters.
    """
    if not items:
        nothing = "The gates blocked nothing" if blocked else "Nothing waits for a person"
        chosen = f" that these options choose; without them there are {hidden:,}" if hidden else ""
        print_line(console, f"{nothing}{chosen}.")
        return
    _print_waiting(console, items[:MAX_SHOWN])
    more = f"; the first {MAX_SHOWN} are shown, --json has all" if len(items) > MAX_SHOWN else ""
    print_line(console, f"{len(items):,} {'blocked' if blocked else 'wait'}{more}.")


def _print_waiting(console: Console, items: Sequence[Mapping[str, Any]]) -> None:
    """Print a table; in a terminal that is too narrow for one with whole addresses, each address on its own line."""
    table = new_table("SKU", "image", "why", "since", "picture")
    for item in items:
        table.add_row(*map(plain_text, (*_waiting_cells(item), item["picture"] or f"none: {item['prompt']}")))
    drawn = "\n".join("".join(segment.text for segment in line) for line in console.render_lines(table))
    if all(item["picture"] is None or printable(item["picture"]) in drawn for item in items):
        console.print(table)
        return
    for item in items:
        print_line(console, plain_text("  ".join(filter(None, _waiting_cells(item)))))
        if item["picture"] is None:
            print_line(console, plain_text(f"none: {item['prompt']}"), indent=2)
        else:
            print_unbroken(console, item["picture"], indent=2)


def _waiting_cells(item: Mapping[str, Any]) -> tuple[str, str, str, str]:
    slots = item["slots"]
    more = f" and {len(slots) - 1} more" if len(slots) > 1 else ""
    since = f"{item['asked_at']:%Y-%m-%d}" if item["asked_at"] is not None else ""
    why = ", ".join(item["reasons"]) or item["kind"]
    if item["conflict"]:
        said = ", ".join(f"{each['who']} {SAID[each['kind']]}" for each in item["conflict"])
        why = f"{why}; people differ: {said}"
    return f"{slots[0]['sku']}{more}", _image(slots[0]), why, since


def show_answers(console: Console, given: Sequence[GivenAnswer]) -> None:
    """Print each answer with every image of the shop that it covers, and when it takes effect."""
    table = new_table("SKU", "image", "answer", "why")
    for each in given:
        words = ": ".join(word for word in (each.answer.reason, each.answer.why) if word)
        for slot in each.item.slots:
            cells = (slot.sku, _image(asdict(slot)), SAID[each.answer.kind], words)
            table.add_row(*map(plain_text, cells))
    console.print(table)
    needs_engine = any(each.answer.kind == AnswerKind.RETRY for each in given)
    taken = "the next refresh takes" if needs_engine else "the next refresh, or `packshot review apply`, takes"
    agreed = [each for each in given if not each.conflict]
    held = sum(each.item.kind == ReviewKind.HELD for each in agreed)
    if len(agreed) > held:
        print_line(console, f"{len(agreed) - held:,} answered; {taken} it from here.")
    for each in given:
        if each.conflict:
            others = ", ".join(other.who for other in each.conflict if other.who != each.answer.who)
            sku = each.item.slots[0].sku
            print_line(console, plain_text(f"People differ about {sku}: {others} answered otherwise; {UNTIL_AGREED}."))
    if repeated := sum(not each.is_new for each in given):
        print_line(console, f"{repeated:,} of them had this answer already: it stands, and was not written again.")
    if held:
        print_line(console, f"{held:,} answered of a held batch: it counts when `packshot release` lets the batch go.")


def show_undone(console: Console, answers: Sequence[Answer]) -> None:
    """Print which answers were taken back."""
    for answer in answers:
        image = answer.image
        name = f"{image.sku} {_image(vars(image))}" if image is not None else ""
        print_line(console, plain_text(f"Taken back: {SAID[answer.kind]}, {name}"))


def show_applied(console: Console, document: Mapping[str, Any]) -> None:
    """Print how many answers were taken, and what only a refresh can take."""
    counts = {name: count for name, count in document["answers"].items() if count and name != "left"}
    said = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    verb = "would be decided" if document["dry_run"] else "decided"
    print_line(console, f"Images {verb}: {said}." if said else "There is no answer to take.")
    for left in document["left"]:
        print_line(console, (f"{left['slots']:,} left: {left['why']}", "yellow"))
        print_line(console, plain_text(", ".join(left["skus"])), indent=2)


def _image(slot: Mapping[str, Any]) -> str:
    return f"{slot['view']} {slot['variant']} {slot['index']}"
