"""Review expiry and sampling: how long an image waits for a person, and which passing images people review too.

Inputs: outcomes that wait or once waited, the policy's days, the time; image keys and the share to sample. Outputs: the
outcomes that must be written again; whether an image is in the sample.

A review expires `days` after it was requested, unanswered: then the image is blocked. The end is computed from
`decided_at`, never read from what an earlier policy wrote, so more days reopen an expired review and fewer days close
one at once. The sample is a hash of the image key: the same on every machine and in every order, and a larger share
only adds images. It shows a shop what its gates miss.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar

from catalogs.keys import hash_fraction
from catalogs.slot_states import SlotState
from catalogs.table_rows import OutcomeDecision, OutcomeRow

REVIEW_EXPIRED = "review-expired"
"""The reason of an image whose review expired without an answer."""

Outcome = TypeVar("Outcome", OutcomeRow, OutcomeDecision)


def was_sent_to_review(row: OutcomeRow) -> bool:
    """Tell whether an outcome waits for a person, or did so until its review expired."""
    if row["state"] == SlotState.BLOCKED:
        return REVIEW_EXPIRED in (row["reasons"] or ())
    return bool(row["state"] == SlotState.REVIEW)


def apply_review_expiry(row: Outcome, days: int, now: datetime) -> Outcome:
    """Return an outcome that was sent to review as of a time: still in review, or blocked."""
    ends = row["decided_at"] + timedelta(days=days)
    reasons: list[str] = [reason for reason in row["reasons"] or () if reason != REVIEW_EXPIRED]
    if ends <= now:
        return {**row, "state": SlotState.BLOCKED, "reasons": [*reasons, REVIEW_EXPIRED], "expires_at": ends}
    return {**row, "state": SlotState.REVIEW, "reasons": reasons, "expires_at": ends}


def expiry_changes(rows: Iterable[OutcomeRow], days: int, now: datetime) -> Iterator[OutcomeRow]:
    """Yield the outcomes whose state by now differs from the stored one."""
    for row in rows:
        if was_sent_to_review(row):
            current = apply_review_expiry(row, days, now)
            if current != dict(row):
                yield current


def is_review_sample(image_key: bytes, share: float) -> bool:
    """Tell whether an image that passed is in the share that people review."""
    return hash_fraction(image_key.hex(), "review sample") < share
