"""How a report's figures and texts are written, alike on a page, in an artifact and on a terminal.

Comes in: the report document, plain JSON values, some of them null. Goes out: short texts, and the two sums that must
add up. Catalogue text is hostile: it is cut to a length, and whatever would move a cursor, turn the direction of
writing or break an encoder is made visible. Escaping for HTML, Markdown or Rich is for the face that writes it.
"""

import math
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from catalogs.slot_states import REPORT_STATES

UNKNOWN_VALUE = "–"
"""What stands for a number that is not known (yet)."""

MAX_TEXT_CHARACTERS = 400
"""How much of a catalogue's text is repeated: enough for a sentence, far below a title of a megabyte."""

_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNPRINTABLE_CATEGORIES = frozenset(("Cc", "Cs", "Zl", "Zp"))
_ATTEMPT_NAMES = ("first attempt", "second attempt", "third attempt")


def printable(text: object, limit: int = MAX_TEXT_CHARACTERS) -> str:
    """Return one line of at most `limit` characters in which nothing acts: no escape sequences, no turned writing."""
    start = str(text)[: limit + 1]
    line = "".join(" " if character in "\t\n\r" else _escape_unprintable(character) for character in start)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _escape_unprintable(character: str) -> str:
    if character in _BIDI_CONTROLS or unicodedata.category(character) in _UNPRINTABLE_CATEGORIES:
        return f"\\u{ord(character):04x}" if ord(character) > 0xFF else f"\\x{ord(character):02x}"
    return character


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
    """Return an amount with its currency: cents from 1 on, three significant digits below, since images cost little."""
    if value is None:
        return UNKNOWN_VALUE
    amount = f"{value:,.2f}" if abs(value) >= 1 or value == 0 else _format_significant_digits(value, 3)
    return f"{amount} {printable(currency, 12)}" if currency else amount


def format_price_range(prices: Sequence[float] | None, currency: str | None) -> str:
    """Return the lowest and the highest price of something, as 0.003 to 0.008 USD."""
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
    """Return a share of 1 as a percentage; 100 % and 0 % are only written where they are exact."""
    if value is None:
        return UNKNOWN_VALUE
    shown = round(value * 100, 1)
    if (shown == 100 and value < 1) or (shown == 0 and value > 0):
        return "> 99.9 %" if value > 0.5 else "< 0.1 %"
    return f"{shown:.1f} %".replace(".0 ", " ")


def format_duration(seconds: float | None) -> str:
    """Return seconds as a person says them: 0.42 s, 12.3 s, 3 min 04 s, 2 h 05 min, 3 d 4 h."""
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
    """Return a time in UTC, as 22 November 2026, 02:00 UTC; text that is no time as it is, made printable."""
    time = _parse_utc(value)
    return f"{time.day} {time:%B %Y, %H:%M} UTC" if isinstance(time, datetime) else time


def format_compact_datetime(value: datetime | str | None) -> str:
    """Return a time in UTC as 2026-11-22 02:00, which a narrow table has room for; other text as `moment` does."""
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
    """Return what people call attempt 0, 1, 2, …: the first, the second."""
    return _ATTEMPT_NAMES[attempt] if 0 <= attempt < len(_ATTEMPT_NAMES) else f"attempt {attempt + 1}"


# What the figures say together


@dataclass(frozen=True)
class BalanceCheck:
    """Two sides that must be equal, as (name, number), and by how much they are not."""

    left: tuple[tuple[str, int], ...]
    right: tuple[tuple[str, int], ...]

    @property
    def difference(self) -> int:
        """Return right minus left: 0 when it adds up."""
        return sum(count for _, count in self.right) - sum(count for _, count in self.left)


def build_balance_checks(report: Mapping[str, Any]) -> list[BalanceCheck]:
    """Return the sums that this report can show: rows always, slots once a batch is decided."""
    asked: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
        ("rows", ("input",), ("accepted", "rejected", "ignored"))
    ]
    if not report.get("dry_run"):
        asked.append(("slots", ("new", "changed"), REPORT_STATES))
    found = []
    for part, left, right in asked:
        counts: Mapping[str, int | None] = report.get(part) or {}
        sides = [tuple((name, counts.get(name)) for name in names) for names in (left, right)]
        if all(count is not None for side in sides for _, count in side):
            found.append(BalanceCheck(*sides))  # type: ignore[arg-type]
    return found


def is_held(report: Mapping[str, Any]) -> bool:
    """Tell whether the batch waits for a person."""
    return bool(report.get("held")) and not report.get("dry_run")


def describe_release(report: Mapping[str, Any]) -> str:
    """Return one sentence: what the shop sees now."""
    version, previous = _release(report).get("version"), _release(report).get("previous")
    stays = f"release {format_number(previous)} stays" if previous else "there is no release yet"
    if report.get("dry_run"):
        return "Dry run: nothing was made, nothing was published."
    if is_held(report):
        return f"Held: nothing was published, {stays}."
    if version is None or version == previous:
        return f"Nothing to publish: {stays}."
    return f"Published as release {format_number(version)}."


def describe_signer(report: Mapping[str, Any]) -> str | None:
    """Return one sentence on who signed the published pictures; None where the report does not say."""
    marks: Mapping[str, Any] = report.get("marks") or {}
    if not marks:
        return None
    missing = (
        f"{format_number(marks.get('unsigned'))} pictures carry no C2PA signature." if marks.get("unsigned") else ""
    )
    if not marks.get("signed"):
        return missing
    if marks.get("development"):
        said = "Signed with a development certificate: untrusted, it shows tampering and proves nobody's name."
    else:
        said = f"Signed as {printable(marks.get('signer') or UNKNOWN_VALUE, 80)}."
    return f"{said} {missing}".strip()


def registered_model_rows(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what each model made, where any of them is a version from the registry."""
    rows = report.get("models") or []
    return list(rows) if any(row.get("version") for row in rows) else []


def format_release_command(report: Mapping[str, Any]) -> str:
    """Return the command that lets a held batch go, quoted for a shell."""
    accepted = [word for check in report.get("held") or () for word in ("--accept", shlex.quote(printable(check)))]
    store = shlex.quote(printable(report["store"])) if report.get("store") else "URL"
    run = shlex.quote(printable(report.get("run_id", "RUN")))
    return " ".join(["packshot", "release", run, "--store", store, *accepted, "--reason", "…"])


def _release(report: Mapping[str, Any]) -> Mapping[str, Any]:
    return report.get("release") or {}
