"""The difference between two releases, whatever they hold, leads from one to the other and back."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.indexes.digest_set import DigestSet, table_row_digests
from catalogs.runs.manifest_diff import (
    COMPARED_COLUMNS,
    WITHDRAWAL_KEY_COLUMNS,
    ManifestDiff,
    rollback_outcomes,
    withdrawal_changes,
)
from catalogs.table_schemas import MANIFEST, OUTCOMES

EARLIER, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
shops = st.dictionaries(st.integers(0, 5), st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 1)))
"""Slot -> (request, finish, file)."""


def manifest(shop: dict[int, tuple[int, int, int]]) -> pa.Table:
    rows = [
        {
            "slot_id": bytes([slot]) * 16,
            "sku": f"sku {slot}",
            "object": f"published/{slot}-{request}-{finish}-{file}.jpg",
            "file_sha": bytes([file]) * 32,
            "request_key": bytes([request]) * 32,
            "attempt": file,
            "source_digest": bytes([request]) * 16,
            "finish_digest": f"finish {finish}",
            "released_at": EARLIER,
        }
        for slot, (request, finish, file) in shop.items()
    ]
    return pa.Table.from_pylist(rows, MANIFEST)


def reversal(live: pa.Table, target: pa.Table) -> ManifestDiff:
    def missing_in(other: pa.Table, rows: pa.Table) -> pa.Table:
        known = DigestSet()
        known.add(table_row_digests(other, *COMPARED_COLUMNS))
        return rows.filter(pa.array(~known.contains(table_row_digests(rows, *COMPARED_COLUMNS))))

    return ManifestDiff(missing_in(live, target), missing_in(target, live))


def pictures(rows: pa.Table) -> DigestSet:
    found = DigestSet()
    found.add(table_row_digests(rows, *WITHDRAWAL_KEY_COLUMNS))
    return found


def outcome(slot: int, request: int, finish: int, state: str = "withdrawn", **other: Any) -> dict[str, Any]:
    return {
        "slot_id": bytes([slot]) * 16,
        "request_key": bytes([request]) * 32,
        "state": state,
        "finish_digest": f"finish {finish}",
        "attempts": 1,
        "decided_at": LATER,
    } | other


@settings(deadline=None)
@given(shops, shops)
def test_the_changes_lead_from_the_live_rows_to_the_targets(
    live: dict[int, tuple[int, int, int]], target: dict[int, tuple[int, int, int]]
) -> None:
    changes = reversal(manifest(live), manifest(target)).manifest_changes().to_pylist()
    rows = {row["slot_id"]: row for row in manifest(live).to_pylist()}
    for change in changes:
        operation = change.pop("_op")
        assert rows.get(change["slot_id"]) != (change if operation == "put" else None), "a change that changes nothing"
        if operation == "put":
            rows[change["slot_id"]] = change
        else:
            del rows[change["slot_id"]]
    assert rows == {row["slot_id"]: row for row in manifest(target).to_pylist()}
    assert len({change["slot_id"] for change in changes}) == len(changes)


@settings(deadline=None)
@given(shops, shops, st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 1)), max_size=8))
def test_exactly_what_was_live_and_is_not_is_withdrawn(
    live: dict[int, tuple[int, int, int]],
    target: dict[int, tuple[int, int, int]],
    before: list[tuple[int, int, int]],
) -> None:
    known = {(slot, request): outcome(slot, request, finish) for slot, request, finish in before}
    refused = pa.Table.from_pylist(list(known.values()), OUTCOMES)
    lost = reversal(manifest(live), manifest(target)).lost
    changes = withdrawal_changes(
        lost, refused, pictures(manifest(target)), "back", rollback_outcomes(LATER)
    ).to_pylist()
    keys = [(row["slot_id"], row["request_key"]) for row in changes]
    assert len(set(keys)) == len(keys)
    rows = {(row["slot_id"], row["request_key"]): row for row in refused.to_pylist()}
    for row in changes:
        if row.pop("_op") == "put":
            rows[row["slot_id"], row["request_key"]] = row
        else:
            assert rows.pop((row["slot_id"], row["request_key"]))["state"] == "withdrawn"
    withdrawn = {(row["slot_id"][0], row["request_key"][0], row["finish_digest"]) for row in rows.values()}
    live_now = {(slot, request, f"finish {finish}") for slot, (request, finish, _) in target.items()}
    gone = {(slot, request, f"finish {finish}") for slot, (request, finish, _) in live.items()} - live_now
    assert not withdrawn & live_now
    assert {each[:2] for each in gone} <= {each[:2] for each in withdrawn}
    for slot, request, finish in gone - withdrawn:
        kept = known[slot, request]["finish_digest"]  # one outcome a request: the later withdrawal's finish stays
        assert kept != finish
        assert (slot, request, kept) in withdrawn


def test_a_refusal_of_another_kind_is_never_dropped() -> None:
    refused = pa.Table.from_pylist([outcome(1, 1, 1, "review"), outcome(2, 1, 1)], OUTCOMES)
    live = manifest({1: (1, 1, 0), 2: (1, 1, 0)})
    changes = withdrawal_changes(
        MANIFEST.empty_table(), refused, pictures(live), "back", rollback_outcomes(LATER)
    ).to_pylist()
    assert [(row["slot_id"][0], row["_op"]) for row in changes] == [(2, "drop")]
