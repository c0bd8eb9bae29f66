"""How long a picture waits for a person: unanswered, a REVIEW turns into a no.

Comes in: outcomes that wait or once did, the policy's days, the time. Goes out: those of them that must be written
anew. When a question ends is worked out from when it was asked, never read from what another policy wrote: more days
open again what was closed for want of an answer, fewer close it at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

EXPIRED = "review-expired"
"""Why a picture is blocked that nobody gave a word on."""

Row = Mapping[str, Any]


def asks_a_person(row: Row) -> bool:
    """Tell whether an outcome waits for a person, or did so until its time was over."""
    return bool(row["state"] == "review" or (row["state"] == "blocked" and EXPIRED in (row["reasons"] or ())))


def as_of(row: Row, days: int, now: datetime) -> dict[str, Any]:
    """Return an outcome that asks a person as it stands at a time: still waiting, or blocked."""
    ends = row["decided_at"] + timedelta(days=days)
    reasons = [reason for reason in row["reasons"] or () if reason != EXPIRED]
    if ends <= now:
        return {**row, "state": "blocked", "reasons": [*reasons, EXPIRED], "expires_at": ends}
    return {**row, "state": "review", "reasons": reasons, "expires_at": ends}


def moved(rows: Iterable[Row], days: int, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the outcomes that stand otherwise by now than they are written down."""
    for row in rows:
        if asks_a_person(row):
            wanted = as_of(row, days, now)
            if wanted != dict(row):
                yield wanted
