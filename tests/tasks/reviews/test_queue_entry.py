"""Rows become one entry for each image, as urgent as the most urgent of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from catalogs.reviews.review_item import ReviewKind
from tasks.reviews.queue_entry import IndexRow, QueueEntry, WaitingOutcome, add_row

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ROW: dict[str, Any] = {
    "slot_id": b"s", "request_key": b"r", "finish_digest": "f" * 64, "image_key": b"k", "pixel_sha": b"p", "sku": "a",
    "why": "review", "reasons": ("blurred", "off-centre"), "worst_reason": "off-centre", "severity": 2.0, "value": None,
    "category": "mugs", "channels": ("ebay",), "channel_reasons": ("amazon:dull", "amazon:too-small"), "model": "turbo",
    "model_version": None, "object": "o", "collides_with": None, "run_id": "run", "asked_at": NOW, "expires_at": None,
}  # fmt: skip


def outcome(state: str = "review", **changes: Any) -> WaitingOutcome:
    known = {name: ROW.get(name) for name in WaitingOutcome._fields} | {"state": state, "decided_at": NOW}
    return WaitingOutcome(**known | changes)  # type: ignore[arg-type]


def entry_of(*rows: tuple[dict[str, Any], WaitingOutcome | None]) -> QueueEntry:
    entries: dict[str, QueueEntry] = {}
    for number, (row, of_slot) in enumerate(rows):
        add_row(entries, IndexRow(**row), number, of_slot, NOW)
    (entry,) = entries.values()
    return entry


def test_an_entry_is_as_urgent_as_its_most_urgent_slot() -> None:
    entry = entry_of((ROW, outcome()), (ROW | {"sku": "b", "slot_id": b"t", "value": 5.0}, outcome(slot_id=b"t")))
    assert (entry.priority, entry.skus, entry.rows, len(entry.outcomes)) == (10.0, ["a", "b"], [0, 1], 2)


def test_channels_are_all_that_were_asked_for_and_the_model_stands_for_an_unnumbered_version() -> None:
    entry = entry_of((ROW, outcome()))
    assert (entry.channels, entry.model_version, entry.worst_reason) == (("ebay", "amazon"), "turbo", "off-centre")


def test_the_outcome_says_why_it_waits_now_and_since_when() -> None:
    changes = {
        "reasons": ("people-differ",),
        "decided_at": NOW - timedelta(days=9),
        "collides_with": b"c",
        "answer": "t",
    }
    entry = entry_of((ROW, outcome(**changes)))
    assert (entry.reasons, entry.worst_reason, entry.priority) == (("people-differ",), "people-differ", 20.0)
    assert (entry.collides_with, entry.decided_with) == (b"c", "t")


def test_who_leaves_it_to_a_person_counts_whichever_row_comes_first() -> None:
    rows = (ROW, outcome("blocked")), (ROW | {"sku": "b"}, outcome())
    for order in (rows, rows[::-1]):
        entry = entry_of(*order)
        assert (entry.kind, sorted(entry.skus), sorted(entry.rows)) == (ReviewKind.REVIEW, ["a", "b"], [0, 1])


def test_samples_come_last_and_are_a_group_of_their_own() -> None:
    entry = entry_of((ROW | {"why": "sample", "reasons": (), "severity": None}, None))
    assert (entry.kind, entry.priority, entry.worst_reason) == (ReviewKind.SAMPLE, 0.5, "passed")


def test_what_no_run_rated_is_as_urgent_as_its_heaviest_reason() -> None:
    entry = entry_of((ROW | {"reasons": ("blurred", "explicit"), "worst_reason": None, "severity": None}, outcome()))
    assert entry.priority == 8.0
