"""Format a report's numbers and texts: the same on a page, in a Prefect artifact and on a terminal.

Inputs: values of a `RunReport`, some of them None. Outputs: short texts, and the two sums that must be equal. Catalogue
text is untrusted: it is cut to a length, and every character that would move a cursor, change the direction of writing
or break an encoder is made visible. Escaping for HTML, Markdown or Rich is left to the view that writes the text.
"""

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from catalogs.runs.report_parts import ReportBrands
from catalogs.runs.report_schema import ReportModel, ReportRows, ReportSlots, RunReport, known_counts
from catalogs.slot_states import REPORT_STATES
from infra.visible_text import MAX_TEXT_CHARACTERS as MAX_TEXT_CHARACTERS
from infra.visible_text import printable as printable

UNKNOWN_VALUE = "–"
"""Stands for a number that is not known."""

_ATTEMPT_NAMES = ("first attempt", "second attempt", "third attempt")


def format_number(value: float | str | None) -> str:
    """Return a number with thousands separators: whole numbers whole, others with four significant digits."""
    if value is None:
        return UNKNOWN_VALUE
    if isinstance(value, str):
        return printable(value)
    if not math.isfinite(value):
        return str(value)
    if float(value).is_integer():
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.1f}"
    return _format_significant_digits(value, 4)


def format_money(value: float | None, currency: str | None) -> str:
    """Return an amount with its currency: two decimals from 1 on, three significant digits below."""
    if value is None:
        return UNKNOWN_VALUE
    amount = f"{value:,.2f}" if abs(value) >= 1 or value == 0 else _format_significant_digits(value, 3)
    return f"{amount} {printable(currency, 12)}" if currency else amount


def format_price_range(prices: Sequence[float] | None, currency: str | None) -> str:
    """Return the lowest and the highest of some prices, as 0.003 to 0.008 USD."""
    if not prices:
        return UNKNOWN_VALUE
    return f"{format_money(prices[0], None)} to {format_money(prices[-1], currency)}"


def _format_significant_digits(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(places, 10)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_percent(value: float | None) -> str:
    """Return a share of 1 as a percentage; 100 % and 0 % are written only where they are exact."""
    if value is None:
        return UNKNOWN_VALUE
    shown = round(value * 100, 1)
    if (shown == 100 and value < 1) or (shown == 0 and value > 0):
        return "> 99.9 %" if value > 0.5 else "< 0.1 %"
    return f"{shown:.1f} %".replace(".0 ", " ")


def format_duration(seconds: float | None) -> str:
    """Return seconds in the units that a person would use: 0.42 s, 12.3 s, 3 min 04 s, 2 h 05 min, 3 d 4 h."""
    if seconds is None:
        return UNKNOWN_VALUE
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h"


def format_datetime(value: datetime | str | None) -> str:
    """Return a time in UTC, as 22 November 2026, 02:00 UTC; text that is not a time is made printable."""
    time = _parse_utc(value)
    return f"{time.day} {time:%B %Y, %H:%M} UTC" if isinstance(time, datetime) else time


def format_compact_datetime(value: datetime | str | None) -> str:
    """Return a time in UTC as 2026-11-22 02:00, for narrow tables; other text as `format_datetime` does."""
    time = _parse_utc(value)
    return f"{time:%Y-%m-%d %H:%M}" if isinstance(time, datetime) else time


def _parse_utc(value: datetime | str | None) -> datetime | str:
    if value is None:
        return UNKNOWN_VALUE
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except ValueError:
        return printable(value, 40)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def attempt_name(attempt: int) -> str:
    """Return the ordinal of attempt 0, 1, 2, …: first attempt, second attempt."""
    return _ATTEMPT_NAMES[attempt] if 0 <= attempt < len(_ATTEMPT_NAMES) else f"attempt {attempt + 1}"


# Sentences and sums of a whole report


@dataclass(frozen=True)
class BalanceCheck:
    """Two sides that must be equal, as (name, count) pairs."""

    left: tuple[tuple[str, int], ...]
    right: tuple[tuple[str, int], ...]

    @property
    def difference(self) -> int:
        """Return right minus left: 0 when the sides are equal."""
        return sum(count for _, count in self.right) - sum(count for _, count in self.left)


def build_balance_checks(report: RunReport) -> list[BalanceCheck]:
    """Return the sums that the report must show: always the rows', and the slots' once a batch is decided."""
    sides = [_balance(report.rows, ("input",), ("accepted", "rejected", "ignored"))]
    if not report.dry_run:
        sides.append(_balance(report.slots, ("new", "changed"), REPORT_STATES))
    return [balance for balance in sides if balance is not None]


def _balance(part: ReportRows | ReportSlots, left: tuple[str, ...], right: tuple[str, ...]) -> BalanceCheck | None:
    """Return one sum; None where a count of it is not known."""
    counts = known_counts(part)
    if not counts.keys() >= {*left, *right}:
        return None
    return BalanceCheck(*(tuple((name, counts[name]) for name in names) for names in (left, right)))


def describe_release(report: RunReport) -> str:
    """Return one sentence: which release the shop sees now."""
    version, previous = report.release.version, report.release.previous
    stays = f"release {format_number(previous)} stays" if previous else "there is no release yet"
    if report.dry_run:
        return "Dry run: nothing was made, nothing was published."
    if report.is_held:
        return f"Held: nothing was published, {stays}."
    if version is None or version == previous:
        return f"Nothing to publish: {stays}. {_why_nothing(report)}".strip()
    return f"Published as release {format_number(version)}."


def _why_nothing(report: RunReport) -> str:
    """Return why a run published nothing, in one sentence: its rows, else its slots; empty where neither is known."""
    rows, slots = report.rows, known_counts(report.slots)
    if rows.input and not rows.accepted:
        return f"No row was accepted: {_name_counts(known_counts(rows), ('rejected', 'ignored'))}."
    if started := slots.get("new", 0) + slots.get("changed", 0):
        ends = _name_counts(slots, REPORT_STATES)
        return f"None of the {format_number(started)} new or changed slots passed: {ends}."
    if not slots:
        return ""
    kept = _name_counts(slots, ("unchanged", "waiting", "in_progress"))
    was_or_were = "row was" if rows.rejected == 1 else "rows were"
    rejected = f"; {format_number(rows.rejected)} {was_or_were} rejected" if rows.rejected else ""
    return f"Nothing is new or changed{': ' if kept else ''}{kept}{rejected}."


def _name_counts(counts: Mapping[str, int], names: Sequence[str]) -> str:
    """Return those of the counts that are not 0, as 8 review, 3 blocked."""
    return ", ".join(f"{format_number(counts[name])} {name.replace('_', ' ')}" for name in names if counts.get(name))


def describe_signer(report: RunReport) -> str | None:
    """Return one sentence on who signed the published images; None where the report does not say."""
    marks = report.marks
    if marks is None:
        return None
    missing = f"{format_number(marks.unsigned)} images carry no C2PA signature." if marks.unsigned else ""
    if not marks.signed:
        return missing
    if marks.development:
        signed = "Signed with a development certificate: untrusted, it shows tampering, but does not prove who signed."
    else:
        signed = f"Signed as {printable(marks.signer or UNKNOWN_VALUE, 80)}."
    return f"{signed} {missing}".strip()


def registered_models(report: RunReport) -> Sequence[ReportModel]:
    """Return what each model made, where any of them is a version from the registry."""
    return report.models if any(model.version for model in report.models) else ()


def format_release_command(report: RunReport) -> str:
    """Return the command that releases a held batch, quoted for a shell."""
    accepted = [word for check in report.held for word in ("--accept", shlex.quote(printable(check)))]
    store = shlex.quote(printable(report.store)) if report.store else "URL"
    run = shlex.quote(printable("RUN" if report.run_id is None else report.run_id))
    return " ".join(["packshot", "release", run, "--store", store, *accepted, "--reason", "…"])


MAX_BRANDS_NAMED = 12


def describe_brands(brands: ReportBrands) -> str:
    """Return which brands rows without one may name, what was learned for later runs, and how to change it."""
    parts = []
    if brands.sold:
        parts.append(f"Sold here (brands {brands.number}): {_first_brands(brands.sold)}")
    if brands.learned:
        parts.append(f"learned for later runs: {_first_brands(brands.learned)}")
    return f"{'; '.join(parts)}. Change them with `packshot brands`."


def _first_brands(names: Sequence[str]) -> str:
    more = len(names) - MAX_BRANDS_NAMED
    shown = ", ".join(printable(name, 40) for name in names[:MAX_BRANDS_NAMED])
    return f"{shown} and {format_number(more)} more" if more > 0 else shown
