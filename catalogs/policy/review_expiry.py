"""How long a picture waits for a person: unanswered, a REVIEW turns into a no.

Comes in: outcomes that wait or once did, the policy's days, the time. Goes out: those of them that must be written
anew. When a question ends is worked out from when it was asked, never read from what another policy wrote: more days
open again what was closed for want of an answer, fewer close it at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from catalogs.keys import hash_fraction
from catalogs.slot_states import SlotState

REVIEW_EXPIRED = "review-expired"
"""Why a picture is blocked that nobody gave a word on."""

Row = Mapping[str, Any]


def was_sent_to_review(row: Row) -> bool:
    """Tell whether an outcome waits for a person, or did so until its time was over."""
    if row["state"] == SlotState.BLOCKED:
        return REVIEW_EXPIRED in (row["reasons"] or ())
    return bool(row["state"] == SlotState.REVIEW)


def apply_review_expiry(row: Row, days: int, now: datetime) -> dict[str, Any]:
    """Return an outcome that asks a person as it stands at a time: still waiting, or blocked."""
    ends = row["decided_at"] + timedelta(days=days)
    reasons = [reason for reason in row["reasons"] or () if reason != REVIEW_EXPIRED]
    if ends <= now:
        return {**row, "state": SlotState.BLOCKED, "reasons": [*reasons, REVIEW_EXPIRED], "expires_at": ends}
    return {**row, "state": SlotState.REVIEW, "reasons": reasons, "expires_at": ends}


def expiry_changes(rows: Iterable[Row], days: int, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the outcomes that stand otherwise by now than they are written down."""
    for row in rows:
        if was_sent_to_review(row):
            wanted = apply_review_expiry(row, days, now)
            if wanted != dict(row):
                yield wanted


def is_review_sample(image_key: bytes, share: float) -> bool:
    """Tell whether an image that passed is in the sample that people look at."""
    return hash_fraction(image_key.hex(), "review sample") < share
