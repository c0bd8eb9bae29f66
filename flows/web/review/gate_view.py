"""Gate view: how the gates and the people do, by the answers of some months, as tables of a page.

Inputs: the document of `catalogs.answers.answer_statistics`. Outputs: a frozen `GateView`, all of it in words but for
the ends of the bars. Pure. A rate stands with its interval, since twenty answers say little.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from flows.web.review.group_view import name_group
from tasks.reporting.formatting import UNKNOWN_VALUE, format_number, format_percent, printable

MAX_LINES = 200
"""Reasons, thresholds or people of one table."""
MAX_NAME_CHARACTERS = 60
_NOBODY = {"images": 0, "count": 0, "rate": None, "low": None, "high": None}

Document = Mapping[str, Any]


class Rate(NamedTuple):
    """A share of some images, in words, and in per cent for the bar."""

    of: str
    share: str
    interval: str
    value: float | None
    low: float
    high: float


class GateLine(NamedTuple):
    """One line of a table: what it is about, its rate, and what else there is to say."""

    name: str
    rate: Rate
    cells: tuple[str, ...] = ()


@dataclass(frozen=True)
class GateView:
    """What the page shows."""

    answers: int
    images: int
    totals: tuple[GateLine, ...]
    facts: tuple[tuple[str, str], ...]
    gates: tuple[GateLine, ...]
    limits: tuple[GateLine, ...]
    refusals: tuple[GateLine, ...]
    people: tuple[GateLine, ...]


def view_gates(found: Document) -> GateView:
    """Return what the page shows of these statistics."""
    return GateView(
        answers=found["answers"],
        images=found["images"],
        totals=tuple(_totals(found)),
        facts=tuple(_facts(found)),
        gates=tuple(
            GateLine(name_group(line["reason"]), _rate(line), (format_number(line["retried"]),))
            for line in found["gates"][:MAX_LINES]
        ),
        limits=tuple(_limit(line) for line in found["limits"][:MAX_LINES]),
        refusals=tuple(_refusals(found)),
        people=tuple(_people(found)),
    )


def _totals(found: Document) -> Iterator[GateLine]:
    yield GateLine("Kept back by a gate, accepted by people", _rate(found["overturned"]))
    yield GateLine("Samples of what passed, refused by people", _rate(found["samples"]))
    yield GateLine("Two people said the same", _rate(found["agreement"]))
    yield GateLine("Known answers missed", _rate(found["known"]))


def _facts(found: Document) -> Iterator[tuple[str, str]]:
    kappa, pace = found["agreement"]["kappa"], found["seconds"]
    if pace["answers"]:
        yield "Seconds an answer", f"{pace['median']:.1f}, nine of ten within {pace['p90']:.1f}"
    if kappa["value"] is not None:
        words = f"{kappa['value']:.2f} ({kappa['low']:.2f} to {kappa['high']:.2f})"
        yield "Agreement beyond chance (kappa)", words
    yield "Images on which people differ", format_number(found["conflicts"])
    yield "Answers taken back", format_number(found["undone"])


def _limit(line: Document) -> GateLine:
    middles = (line["accepted_median"], line["refused_median"])
    cells = tuple(UNKNOWN_VALUE if middle is None else f"{middle:.3g}" for middle in middles)
    of = f", {printable(line['category'], MAX_NAME_CHARACTERS)}" if line["category"] else ""
    return GateLine(f"{line['score']} {line['side']} {line['limit']:g}{of}", _rate(line), cells)


def _refusals(found: Document) -> Iterator[GateLine]:
    total = sum(line["count"] for line in found["refusals"])
    for line in found["refusals"]:
        rate = {"images": total, "rate": line["value"], "low": line["low"], "high": line["high"]}
        name = printable(line["reason"].replace("-", " "), MAX_NAME_CHARACTERS)
        yield GateLine(name, _rate(rate), (format_number(line["count"]),))


def _people(found: Document) -> Iterator[GateLine]:
    known = {line["who"]: line for line in found["known"]["people"]}
    for line in found["seconds"]["people"][:MAX_LINES]:
        times = (UNKNOWN_VALUE if line[name] is None else f"{line[name]:.1f}" for name in ("median", "p90"))
        cells = (format_number(line["answers"]), *times)
        yield GateLine(printable(line["who"], MAX_NAME_CHARACTERS), _rate(known.get(line["who"], _NOBODY)), cells)


def _rate(line: Document) -> Rate:
    of = format_number(line["images"])
    if line["rate"] is None:
        return Rate(of, UNKNOWN_VALUE, "", None, 0.0, 0.0)
    value, low, high = (round(line[name] * 100, 2) for name in ("rate", "low", "high"))
    return Rate(of, format_percent(line["rate"]), f"{low:.0f} % to {high:.0f} %", value, low, high)
