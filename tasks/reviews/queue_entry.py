"""Queue entry: what orders, filters and groups one item that waits, built row by row.

Inputs: rows of the review index, each with the outcome of its slot where there is one. Outputs: one entry for each
distinct image or prompt. Pure. Slots that show one image are one entry: the most urgent of them gives its place, and
where one category would block what another leaves to a person, the person is asked.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from catalogs.reviews.review_item import ReviewKind, item_id
from catalogs.reviews.review_options import HELD_GROUP, SAMPLE_GROUP
from catalogs.reviews.severity import SAMPLE_SEVERITY, priority, weigh_reason

_PASSED = (ReviewKind.SAMPLE, ReviewKind.HELD)


class IndexRow(NamedTuple):
    """What a row of the review index says for the order of the queue. Texts are interned: most of them repeat."""

    slot_id: bytes
    request_key: bytes
    finish_digest: str
    sku: str
    image_key: bytes | None = None
    pixel_sha: bytes | None = None
    why: str = ""
    reasons: tuple[str, ...] = ()
    worst_reason: str | None = None
    severity: float | None = None
    value: float | None = None
    category: str | None = None
    channels: tuple[str, ...] = ()
    channel_reasons: tuple[str, ...] = ()
    model: str | None = None
    model_version: str | None = None
    object: str | None = None
    collides_with: bytes | None = None
    run_id: str | None = None
    asked_at: datetime | None = None
    expires_at: datetime | None = None


class WaitingOutcome(NamedTuple):
    """What an outcome says of one slot's image or prompt."""

    slot_id: bytes
    request_key: bytes
    finish_digest: str
    sku: str
    state: str
    reasons: tuple[str, ...]
    image_key: bytes | None
    decided_at: datetime | None
    expires_at: datetime | None
    collides_with: bytes | None
    sentence: str | None
    answer: str | None
    """The token of the answer that it was decided with."""


@dataclass(slots=True)
class QueueEntry:
    """What orders, filters and groups one item."""

    id: str
    kind: ReviewKind
    skus: list[str]
    reasons: tuple[str, ...]
    worst_reason: str
    category: str
    channels: tuple[str, ...]
    model_version: str
    asked_at: datetime | None
    priority: float
    key: tuple[bytes, str, bytes]
    """What an answer about it is bound to; the pixels are missing where an older version did not index them."""
    decided_with: str
    """The token of the answer that its outcome was decided with."""
    object: str
    collides_with: bytes
    rows: list[int]
    """Its rows in the index."""
    outcomes: list[WaitingOutcome]


def add_row(
    entries: dict[str, QueueEntry], row: IndexRow, number: int | None, outcome: WaitingOutcome | None, now: datetime
) -> None:
    """Add a row to the entry of its image; what is more urgent of both counts."""
    name = item_id(row.request_key, row.image_key, row.finish_digest)
    kind = _kind_of(row, outcome)
    entry = entries.get(name)
    if entry is None:
        entries[name] = entry = _new_entry(name, kind, row, outcome, now)
    elif kind == ReviewKind.REVIEW != entry.kind:  # one of its categories leaves it to a person: that one is asked
        entries[name] = _new_entry(name, kind, row, outcome, now)
        entries[name].rows, entries[name].outcomes, entries[name].skus = entry.rows, entry.outcomes, entry.skus
        entry = entries[name]
    else:
        entry.priority = max(entry.priority, _priority_of(row, kind, outcome, now))
    if number is not None:
        entry.rows.append(number)
    if outcome is not None:
        entry.outcomes.append(outcome)
    if row.sku not in entry.skus:
        entry.skus.append(row.sku)


def _new_entry(name: str, kind: ReviewKind, row: IndexRow, outcome: WaitingOutcome | None, now: datetime) -> QueueEntry:
    reasons = outcome.reasons if outcome is not None else row.reasons
    group = {ReviewKind.SAMPLE: SAMPLE_GROUP, ReviewKind.HELD: HELD_GROUP}.get(kind, "")
    worst = row.worst_reason if row.worst_reason in reasons else None
    image, finish = row.image_key or b"", row.finish_digest or ""
    collides_with = outcome.collides_with if outcome is not None else row.collides_with
    return QueueEntry(
        name,
        kind,
        [],
        reasons,
        group or worst or (reasons[0] if reasons else ""),
        row.category or "",
        _asked_channels(row.channels, row.channel_reasons),
        row.model_version or row.model or "",
        _asked_at(row, outcome),
        _priority_of(row, kind, outcome, now),
        (image, finish, row.pixel_sha or b"") if image else (row.request_key, "", b""),
        (outcome.answer if outcome is not None else None) or "",
        row.object or "",
        collides_with or b"",
        [],
        [],
    )


@lru_cache(4096)
def _asked_channels(channels: tuple[str, ...], reasons: tuple[str, ...]) -> tuple[str, ...]:
    """Return the channels that an image was asked for: those it may be used on, and those of which it says why not."""
    return tuple(dict.fromkeys([*channels, *(reason.partition(":")[0] for reason in reasons)]))


def _kind_of(row: IndexRow, outcome: WaitingOutcome | None) -> ReviewKind:
    if outcome is None:
        return ReviewKind(row.why)
    if outcome.state == ReviewKind.BLOCKED:
        return ReviewKind.BLOCKED
    return ReviewKind.REVIEW if row.image_key else ReviewKind.PROMPT


def _asked_at(row: IndexRow, outcome: WaitingOutcome | None) -> datetime | None:
    """Return since when people are asked: a review keeps its age where the same image is decided again."""
    return outcome.decided_at if outcome is not None and outcome.decided_at is not None else row.asked_at


def _priority_of(row: IndexRow, kind: ReviewKind, outcome: WaitingOutcome | None, now: datetime) -> float:
    severity = SAMPLE_SEVERITY if kind in _PASSED else row.severity or max(map(weigh_reason, row.reasons), default=1.0)
    return priority(severity, row.value or 1.0, _asked_at(row, outcome), now)
