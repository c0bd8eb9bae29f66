"""View of answer statistics: tables of gates, thresholds and people on a screen.

Inputs: the document of `catalogs.answers.answer_statistics`. Outputs: Rich text on the given console; names of people
and reasons stay text. A rate stands with its 95 % interval, since twenty answers say little.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from flows.cli.views.tables import new_table, plain_text, print_line
from tasks.reporting import formatting

Document = Mapping[str, Any]
MAX_NAME = 40


def show_statistics(console: Console, found: Document) -> None:
    """Print the statistics of a catalogue's answers."""
    since = f" since {found['since']}" if found["since"] else ""
    head = f"{found['answers']:,} answers to {found['images']:,} images of {found['catalogue']}{since}"
    print_line(console, (formatting.printable(head), "bold"))
    if not found["answers"]:
        console.print("Nobody has answered anything yet: `packshot review` shows what waits.")
        return
    lines = {
        "kept back by a gate, accepted by people": found["overturned"],
        "samples of what passed, refused by people": found["samples"],
        "two people said the same": found["agreement"],
        "known answers missed": found["known"],
    }
    table = new_table("", "of", "share", "95 %", right={"of", "share", "95 %"})
    for name, line in lines.items():
        table.add_row(plain_text(name), *_rate_cells(line))
    console.print(table)
    _show_summary(console, found)
    _show_gates(console, found)
    _show_limits(console, found)
    _show_people(console, found)


def _show_summary(console: Console, found: Document) -> None:
    kappa, pace = found["agreement"]["kappa"], found["seconds"]
    said = []
    if kappa["value"] is not None:
        said.append(f"agreement beyond chance (kappa) {kappa['value']:.2f} ({kappa['low']:.2f} to {kappa['high']:.2f})")
    if pace["answers"]:
        said.append(f"{pace['median']:.1f} s an answer, nine of ten within {pace['p90']:.1f} s")
    said.append(f"{found['conflicts']:,} images on which people differ, {found['undone']:,} answers taken back")
    console.print(plain_text("; ".join(said)), soft_wrap=True)


def _show_gates(console: Console, found: Document) -> None:
    table = new_table("reason", "of", "accepted", "95 %", "retried", right={"of", "accepted", "95 %", "retried"})
    for line in found["gates"]:
        retried = plain_text(formatting.format_number(line["retried"]))
        table.add_row(plain_text(formatting.printable(line["reason"], MAX_NAME)), *_rate_cells(line), retried)
    if found["gates"]:
        console.print()
        console.print(table)


def _show_limits(console: Console, found: Document) -> None:
    names = ("score", "limit", "of", "accepted", "95 %", "accepted at", "refused at")
    table = new_table(*names, right=set(names[1:]))
    for line in found["limits"]:
        sign = "<" if line["side"] == "below" else ">"
        middles = (line["accepted_median"], line["refused_median"])
        cells = [plain_text("–" if middle is None else f"{middle:.3g}") for middle in middles]
        name = ", ".join(filter(None, (line["score"], line["category"])))
        table.add_row(plain_text(name), plain_text(f"{sign} {line['limit']:g}"), *_rate_cells(line), *cells)
    if found["limits"]:
        console.print()
        console.print(table)


def _show_people(console: Console, found: Document) -> None:
    names = ("person", "answers", "median s", "90 % within", "known", "missed", "95 %")
    known = {line["who"]: line for line in found["known"]["people"]}
    table = new_table(*names, right=set(names[1:]))
    nobody = {"images": 0, "count": 0, "rate": None, "low": None, "high": None}
    for line in found["seconds"]["people"]:
        times = [plain_text("–" if line[name] is None else f"{line[name]:.1f}") for name in ("median", "p90")]
        who, answers = formatting.printable(line["who"], MAX_NAME), formatting.format_number(line["answers"])
        table.add_row(plain_text(who), plain_text(answers), *times, *_rate_cells(known.get(line["who"], nobody)))
    console.print()
    console.print(table)


def _rate_cells(line: Document) -> tuple[Any, ...]:
    """Return how many there are, the rate and its interval."""
    count = plain_text(formatting.format_number(line["images"]))
    if line["rate"] is None:
        return count, plain_text("–"), plain_text("")
    interval = f"{line['low']:.0%} to {line['high']:.0%}"
    return count, plain_text(formatting.format_percent(line["rate"])), plain_text(interval)
