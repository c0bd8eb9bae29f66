"""The difference between two releases, whatever they hold, leads from one to the other and back."""

from collections.abc import Mapping
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
    diff_taking_back,
    name_slots,
    refused_outcomes,
    rollback_outcomes,
    withdrawal_changes,
)
from catalogs.table_schemas import MANIFEST, OUTCOME_KEY, OUTCOMES, WITHDRAWALS

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


def key_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in OUTCOME_KEY)


@settings(deadline=None)
@given(shops, shops, st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 1)), max_size=8))
def test_exactly_what_was_live_and_is_not_is_withdrawn(
    live: dict[int, tuple[int, int, int]],
    target: dict[int, tuple[int, int, int]],
    before: list[tuple[int, int, int]],
) -> None:
    known = {each: outcome(*each) for each in before}
    refused = pa.Table.from_pylist(list(known.values()), OUTCOMES)
    lost = reversal(manifest(live), manifest(target)).lost
    changes = withdrawal_changes(
        lost, refused, pictures(manifest(target)), "back", rollback_outcomes(LATER)
    ).to_pylist()
    keys = [key_of(row) for row in changes]
    assert len(set(keys)) == len(keys)
    rows = {key_of(row): row for row in refused.to_pylist()}
    for row in changes:
        if row.pop("_op") == "put":
            rows[key_of(row)] = row
        else:
            assert rows.pop(key_of(row))["state"] == "withdrawn"
    withdrawn = {(row["slot_id"][0], row["request_key"][0], row["finish_digest"]) for row in rows.values()}
    live_now = {(slot, request, f"finish {finish}") for slot, (request, finish, _) in target.items()}
    gone = {(slot, request, f"finish {finish}") for slot, (request, finish, _) in live.items()} - live_now
    earlier = {(slot, request, f"finish {finish}") for slot, request, finish in known}
    assert withdrawn == (earlier | gone) - live_now


def test_a_refused_image_replaces_the_refusal_of_its_request_in_another_finish() -> None:
    before = [outcome(1, 1, 1, "review"), outcome(1, 1, 2), outcome(1, 2, 1, "review"), outcome(2, 1, 1, "review")]
    columns = {
        "slot_id": [bytes([1]) * 16],
        "verdict": ["BLOCK"],
        "reasons": [["words"]],
        "again": [False],
        "answer": [None],
    }
    listed = pa.Table.from_pydict(columns)
    lost = manifest({1: (1, 0, 0)})
    changes = withdrawal_changes(
        lost, pa.Table.from_pylist(before, OUTCOMES), DigestSet(), "apply", refused_outcomes(listed, "p", 30, LATER)
    ).to_pylist()
    told = [(row["_op"], row["slot_id"][0], row["request_key"][0], row["finish_digest"]) for row in changes]
    assert told == [("put", 1, 1, "finish 0"), ("drop", 1, 1, "finish 1")]


def test_a_refusal_of_another_kind_is_never_dropped() -> None:
    refused = pa.Table.from_pylist([outcome(1, 1, 1, "review"), outcome(2, 1, 1)], OUTCOMES)
    live = manifest({1: (1, 1, 0), 2: (1, 1, 0)})
    changes = withdrawal_changes(
        MANIFEST.empty_table(), refused, pictures(live), "back", rollback_outcomes(LATER)
    ).to_pylist()
    assert [(row["slot_id"][0], row["_op"]) for row in changes] == [(2, "drop")]


def shown(rows: pa.Table) -> dict[bytes, str]:
    return dict(zip(rows["slot_id"].to_pylist(), rows["object"].to_pylist(), strict=True))


def applied(diff: ManifestDiff, live: pa.Table) -> dict[bytes, str]:
    """Return what is shown after the diff's commit."""
    after = shown(live)
    for change in diff.manifest_changes().to_pylist():
        if change["_op"] == "put":
            after[change["slot_id"]] = change["object"]
        else:
            del after[change["slot_id"]]
    return after


@settings(deadline=None)
@given(shops, shops)
def test_new_slots_stay_and_all_others_show_what_the_target_shows(
    live: dict[int, tuple[int, int, int]], target: dict[int, tuple[int, int, int]]
) -> None:
    diff = reversal(manifest(live), manifest(target)).keeping_new_slots()
    wanted = shown(manifest(target))
    new = {slot: name for slot, name in shown(manifest(live)).items() if slot not in wanted}
    assert applied(diff, manifest(live)) == wanted | new
    assert shown(diff.kept_new) == new


@settings(deadline=None)
@given(shops, shops, st.sets(st.integers(0, 5)))
def test_a_slot_whose_image_is_left_out_stays_as_it_is(
    live: dict[int, tuple[int, int, int]], target: dict[int, tuple[int, int, int]], refused: set[int]
) -> None:
    withheld = manifest({slot: image for slot, image in target.items() if slot in refused})
    diff = reversal(manifest(live), manifest(target)).leaving_out(withheld)
    after, before, wanted = applied(diff, manifest(live)), shown(manifest(live)), shown(manifest(target))
    for slot in {*before, *wanted}:
        stays = slot[0] in refused and slot in wanted
        assert after.get(slot) == (before if stays else wanted).get(slot)
    assert set(shown(diff.left_out)) == {
        slot for slot in wanted if slot[0] in refused and wanted[slot] != before.get(slot)
    }


@settings(deadline=None)
@given(shops, shops, shops)
def test_a_commit_is_taken_back_where_its_slots_are_as_it_left_them(
    before: dict[int, tuple[int, int, int]],
    left: dict[int, tuple[int, int, int]],
    live: dict[int, tuple[int, int, int]],
) -> None:
    commit = reversal(manifest(before), manifest(left))
    diff = diff_taking_back(commit.lost, commit.restored, manifest(live))
    after, now = applied(diff, manifest(live)), shown(manifest(live))
    old, put = shown(manifest(before)), shown(manifest(left))
    changed = {slot for slot in {*old, *put} if old.get(slot) != put.get(slot)}
    for slot in {*old, *put, *now}:
        taken_back = slot in changed and now.get(slot) == put.get(slot)
        assert after.get(slot) == (old if taken_back else now).get(slot)
    assert set(shown(diff.changed_since)) == {slot for slot in changed if now.get(slot) != put.get(slot)}


def test_skus_narrow_every_part_of_a_diff() -> None:
    live, target = manifest({1: (1, 0, 0), 2: (1, 0, 0), 3: (1, 0, 0)}), manifest({1: (0, 0, 0), 2: (0, 0, 0)})
    diff = reversal(live, target).keeping_new_slots().only_skus(["sku 1", "sku 3"])
    assert [rows["sku"].to_pylist() for rows in (diff.restored, diff.lost, diff.kept_new)] == [
        ["sku 1"],
        ["sku 1"],
        ["sku 3"],
    ]


def test_the_first_slots_of_each_kind_are_named_in_order_with_the_reasons_of_those_left_out() -> None:
    live, target = manifest({4: (1, 0, 0), 3: (1, 0, 0)}), manifest({2: (0, 0, 0), 1: (0, 0, 0)})
    withheld = pa.Table.from_pylist(
        [
            row | {"verdict": "BLOCK", "reasons": ["soft"], "again": False}
            for row in manifest({1: (0, 0, 0)}).to_pylist()
        ],
        schema=WITHDRAWALS,
    )
    diff = reversal(live, target).keeping_new_slots().leaving_out(withheld)
    named = name_slots(diff, withheld)
    assert [slot["sku"] for slot in named["kept_new"]] == ["sku 3", "sku 4"]
    assert [(slot["sku"], slot["reasons"]) for slot in named["left_out"]] == [("sku 1", ["soft"])]
    assert [slot["sku"] for slot in named["restored"]] == ["sku 2"]
    assert (named["dropped"], named["changed_since"]) == ([], [])
