"""What is live and what was refused, held in arrays, answers as plain rows would."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.indexes.digest_index import split_halves
from catalogs.planning.current_state import LIVE_COLUMNS, OUTCOME_COLUMNS, CurrentRelease, Outcome, OutcomeIndex
from catalogs.slot_states import NOT_ASKED_FOR
from catalogs.table_schemas import MANIFEST, OUTCOMES
from tests.fixtures.planning_harness import to_record_batch

NUMBERS = st.integers(0, 6)
STATES = ["review", "blocked", "failed", "deferred", "withdrawn"]
ASKED = datetime(2026, 11, 1, tzinfo=UTC)


def name(number: int, length: int = 16) -> bytes:
    """Return an id whose high half is one of two, so that different ids share it."""
    return bytes([number % 2] * 8) + sha256(bytes([number])).digest()[: length - 8]


def live_row(slot: int, source: int, key: int, finish: str) -> dict[str, Any]:
    return {
        "slot_id": name(slot),
        "source_digest": name(source),
        "request_key": name(key, 32),
        "finish_digest": finish,
        "file_sha": sha256(bytes([slot, key])).digest(),
        "pixel_sha": sha256(bytes([key])).digest(),
        "model": f"model-{key}@0",
    }


LIVE_ROWS = st.lists(
    st.builds(live_row, NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["plain", "square"])),
    max_size=6,
    unique_by=lambda row: row["slot_id"],
)


def in_parts(columns: tuple[str, ...], schema: Any, rows: list[dict[str, Any]], size: int) -> list[Any]:
    return [to_record_batch(schema, columns, rows[start : start + size]) for start in range(0, len(rows) + 1, size)]


@settings(deadline=None)
@given(rows=LIVE_ROWS, size=st.integers(1, 4), sources=st.lists(NUMBERS, min_size=7, max_size=7))
def test_live_rows_are_found_by_slot_whatever_the_batches(
    rows: list[dict[str, Any]], size: int, sources: list[int]
) -> None:
    live = CurrentRelease(in_parts(LIVE_COLUMNS, MANIFEST, rows, size))
    by_slot = {row["slot_id"]: row for row in rows}
    asked = [name(number) for number in range(7)]
    positions = live.index.find(*split_halves(asked))
    same = live.same_source(positions, *split_halves([name(source) for source in sources]))
    assert len(live) == len(rows)
    assert not live.requested.any()
    for slot, position, source, is_same in zip(asked, positions.tolist(), sources, same.tolist(), strict=True):
        row = by_slot.get(slot)
        assert (position >= 0) == (row is not None)
        assert is_same == (row is not None and row["source_digest"] == name(source))
        if row is not None:
            assert live.file_sha(position) == row["file_sha"]
            assert live.finish_digest(position) == row["finish_digest"]
            for number in range(7):
                assert live.has_request_key(position, name(number, 32)) == (row["request_key"] == name(number, 32))
    for number in range(7):
        pixels = sha256(bytes([number])).digest()
        assert live.has_pixels(pixels) == any(row["pixel_sha"] == pixels for row in rows)


def refused_row(slot: int, key: int, state: str, attempts: int) -> dict[str, Any]:
    return {
        "slot_id": name(slot),
        "request_key": name(key, 32),
        "state": state,
        "attempts": attempts,
        "source_digest": name(slot + key),
        "finish_digest": "plain",
        "policy_digest": "policy 1",
        "decided_at": ASKED + timedelta(days=attempts),
        "image_key": name(slot, 32) if state == "failed" else None,
        "reasons": ["blurred"],
        "tries": attempts or None,
        "retry_at": ASKED + timedelta(days=2 * attempts) if attempts else None,
        "collides_with": name(key, 32) if state == "blocked" else None,
    }


def refusal_of(row: dict[str, Any]) -> Outcome:
    return Outcome(**{field: row[field] for field in row if field != "slot_id"})


REFUSED_ROWS = st.lists(
    st.builds(refused_row, NUMBERS, NUMBERS, st.sampled_from(STATES), st.integers(0, 9)),
    max_size=8,
    unique_by=lambda row: (row["slot_id"], row["request_key"]),
)


@settings(max_examples=50, deadline=None)
@given(rows=REFUSED_ROWS, size=st.integers(1, 4))
def test_refusals_are_found_by_slot_and_attempts_by_request(rows: list[dict[str, Any]], size: int) -> None:
    refused = OutcomeIndex(in_parts(OUTCOME_COLUMNS, OUTCOMES, rows, size))
    rows = [row for row in rows if row["state"] != "deferred"]  # a plan treats them as if nothing were known
    assert len(refused) == len(rows)
    asked = [name(number) for number in range(7)]
    assert refused.has_outcome(*split_halves(asked)).tolist() == [
        any(row["slot_id"] == slot for row in rows) for slot in asked
    ]
    for number in range(7):
        found = {refusal.request_key: refusal for refusal in refused.slot_outcomes(name(number))}
        assert found == {row["request_key"]: refusal_of(row) for row in rows if row["slot_id"] == name(number)}
        spent = [row["attempts"] for row in rows if row["request_key"] == name(number, 32) and row["state"] == "failed"]
        assert refused.attempts_failed(name(number, 32)) == (max(spent, default=0), max(spent, default=0))


@settings(max_examples=50, deadline=None)
@given(rows=REFUSED_ROWS, live_rows=LIVE_ROWS, seen=st.sets(NUMBERS), size=st.integers(1, 4))
def test_outcomes_end_with_the_slots_that_the_catalogue_no_longer_requests(
    rows: list[dict[str, Any]], live_rows: list[dict[str, Any]], seen: set[int], size: int
) -> None:
    """A15. A slot that is unchanged is seen among the live rows alone; what was withdrawn never ends."""
    refused = OutcomeIndex(in_parts(OUTCOME_COLUMNS, OUTCOMES, rows, size))
    live = CurrentRelease(in_parts(LIVE_COLUMNS, MANIFEST, live_rows, size))
    live_slots = {row["slot_id"] for row in live_rows}
    for number in seen:
        if name(number) in live_slots:
            live.requested[live.index.find(*split_halves([name(number)]))] = True
        else:
            refused.mark_requested(*split_halves([name(number)]))
    ended = {row["slot_id"] for row in rows if row["state"] != "withdrawn"} - {name(number) for number in seen}
    found = refused.unrequested_slots(live)
    assert (set(found), len(found)) == (ended, len(ended))


@settings(max_examples=50, deadline=None)
@given(rows=REFUSED_ROWS, live_rows=LIVE_ROWS, size=st.integers(1, 4))
def test_live_rows_whose_slot_waits_or_is_blocked_with_another_request_are_found(
    rows: list[dict[str, Any]], live_rows: list[dict[str, Any]], size: int
) -> None:
    live = CurrentRelease(in_parts(LIVE_COLUMNS, MANIFEST, live_rows, size))
    rows = [row if row["attempts"] else row | {"source_digest": NOT_ASKED_FOR} for row in rows]
    refused = OutcomeIndex(in_parts(OUTCOME_COLUMNS, OUTCOMES, rows, size))
    asked = {
        (row["slot_id"], row["request_key"])
        for row in rows
        if row["state"] in ("review", "blocked") and row["source_digest"] != NOT_ASKED_FOR
    }
    assert refused.differing_requests(live).tolist() == [
        any(slot == row["slot_id"] and key != row["request_key"] for slot, key in asked) for row in live_rows
    ]


@pytest.mark.parametrize("batches", [[], [to_record_batch(MANIFEST, LIVE_COLUMNS, [])]])
def test_nothing_live_is_no_special_case(batches: list[Any]) -> None:
    live = CurrentRelease(batches)
    positions = live.index.find(*split_halves([name(1)]))
    assert (len(live), positions.tolist()) == (0, [-1])
    assert not live.same_source(positions, *split_halves([name(1)])).any()


def test_nothing_refused_is_no_special_case() -> None:
    refused = OutcomeIndex([to_record_batch(OUTCOMES, OUTCOME_COLUMNS, [])])
    assert len(refused) == 0
    assert list(refused.slot_outcomes(name(1))) == []
    assert refused.attempts_failed(name(1, 32)) == (0, 0)
    assert refused.unrequested_slots(CurrentRelease([])) == []
    assert not refused.has_outcome(*split_halves([name(1)])).any()


def test_rows_that_were_seen_are_marked_in_the_order_they_came() -> None:
    rows = [live_row(number, 0, 0, "plain") for number in (5, 1, 3)]
    live = CurrentRelease(in_parts(LIVE_COLUMNS, MANIFEST, rows, 2))
    live.requested[live.index.find(*split_halves([name(1)]))] = True
    assert np.flatnonzero(~live.requested).tolist() == [0, 2]
