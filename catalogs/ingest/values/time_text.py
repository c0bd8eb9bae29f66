"""Times as shops write them: read where they can mean one thing only.

Inputs: the text of a cell. Outputs: a time in UTC, or None. ISO 8601 and its relatives with spaces, `2026/11/22`, dates
with dots (day, month, year in every country that writes them), dates with slashes or dashes where only one of both
numbers can be a month, the form of mails (`22 Nov 2026 06:30:00 +0100`) and seconds or milliseconds since 1970.
`03/04/2026` is March in one country and April in another: it is no time. Without a zone, a time is UTC.
"""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_NUMBERS = re.compile(
    r"(?P<first>\d{1,4})(?P<separator>[./-])(?P<second>\d{1,2})(?P=separator)(?P<third>\d{1,4})"
    r"(?:,?[ T]+(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<seconds>\d{2})(?:[.,]\d+)?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?)?"
    r"(?: ?(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}))?",
    re.ASCII,
)
_SINCE_1970 = re.compile(r"[1-9]\d{9}(?:\d{3})?", re.ASCII)
_WITH_MONTH_NAMES = ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
_MONTH_NAME = re.compile(r"[A-Za-z]{3}")


def parse_time(text: str) -> datetime | None:
    """Return a cell's time in UTC, or None."""
    try:
        time = _iso_time(text) or _numeric_time(text) or _time_with_a_months_name(text) or _time_since_1970(text)
        if time is None:
            return None
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):  # OverflowError: the first and last representable days, shifted by a zone
        return None


def is_ambiguous_date(text: str) -> bool:
    """Tell whether a text is a date of which either number may be the month."""
    found = _NUMBERS.fullmatch(text)
    return found is not None and found["separator"] != "." and _day_and_month(found) is None


def _iso_time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _numeric_time(text: str) -> datetime | None:
    found = _NUMBERS.fullmatch(text)
    if found is None:
        return None
    if len(found["first"]) == 4:
        year, month, day = int(found["first"]), int(found["second"]), int(found["third"])
    else:
        day_and_month = (int(found["first"]), int(found["second"])) if found["separator"] == "." else None
        day_and_month = day_and_month or _day_and_month(found)
        if day_and_month is None or len(found["third"]) not in (2, 4):
            return None
        day, month = day_and_month
        year = int(found["third"]) + (2000 if len(found["third"]) == 2 else 0)
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "seconds"))
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found["half"] in "Pp" else 0)
    zone = found["zone"]
    time = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    if zone and zone[0] in "+-":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        time -= offset if zone[0] == "+" else -offset
    return time


def _day_and_month(found: re.Match[str]) -> tuple[int, int] | None:
    """Return day and month of a date with slashes or dashes, if only one of both numbers can be the month."""
    if len(found["first"]) == 4:
        return int(found["third"]), int(found["second"])
    first, second = int(found["first"]), int(found["second"])
    if first == second:
        return first, second
    if first > 12:
        return first, second
    return (second, first) if second > 12 else None


def _time_with_a_months_name(text: str) -> datetime | None:
    if not _MONTH_NAME.search(text) or len(text) > 60:
        return None
    for form in _WITH_MONTH_NAMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None


def _time_since_1970(text: str) -> datetime | None:
    if not _SINCE_1970.fullmatch(text):
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(text) * (1 if len(text) == 13 else 1000))
