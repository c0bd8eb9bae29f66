"""A batch against the live rows of one version: what it changes, and sums that add up."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.policy.channels import ChannelEligibility
from catalogs.runs.release_batch import (
    MANIFEST_CHANGE_SCHEMA,
    BatchTotals,
    BatchTotalsMismatch,
    PublishedFile,
    ReleaseBatch,
    change_kind,
    compute_totals,
    manifest_changes,
)
from catalogs.table_schemas import DECISIONS, MANIFEST, REFRESHED_DIGESTS, RETIRED_SLOTS

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
KINDS, STATES = ("new", "changed", "waiting"), ("publish", "review", "blocked", "failed", "deferred")


def sha(text: str) -> bytes:
    return sha256(text.encode()).digest()


def slot(name: str) -> bytes:
    return sha(name)[:16]


def live_row(name: str, picture: str = "old") -> dict[str, Any]:
    row = dict.fromkeys(MANIFEST.names)
    return row | {
        "slot_id": slot(name), "sku": name, "view": "front", "variant": "a", "index": 0, "object": f"{name}.jpg",
        "file_sha": sha(picture), "request_key": sha(f"{picture} key"), "source_digest": b"old source", "run_id": "r0",
        "released_at": NOW,
    }  # fmt: skip


def live_rows(*rows: dict[str, Any]) -> dict[bytes, dict[str, Any]]:
    return {row["slot_id"]: row for row in rows}


def decision(name: str, kind: str, state: str, planned_against: str | None = None) -> dict[str, Any]:
    row = dict.fromkeys(DECISIONS.names)
    return row | {
        "slot_id": slot(name), "sku": name, "view": "front", "variant": "a", "index": 0, "kind": kind, "state": state,
        "request_key": sha("new key"), "source_digest": b"new source", "finish_digest": "plain", "attempt": 1,
        "width": 512, "height": 640, "model": "stub@1", "finished_sha": sha("pixels"),
        "model_version": "card/2", "precision": "fp32", "backend": "stub",
        "live_file_sha": sha(planned_against) if planned_against else None,
    }  # fmt: skip


def batch(
    decisions: Sequence[Mapping[str, Any]] = (),
    refreshed: Sequence[tuple[str, str, str]] = (),
    retired: Sequence[tuple[str, str]] = (),
) -> ReleaseBatch:
    """Return a batch; refreshed rows are (slot, table, picture), retired ones (slot, picture)."""
    fresh = [
        {"slot_id": slot(name), "table": table, "source_digest": b"new source", "request_key": sha(f"{picture} key")}
        for name, table, picture in refreshed
    ]
    gone = [{"slot_id": slot(name), "sku": name, "live_file_sha": sha(picture)} for name, picture in retired]
    return ReleaseBatch(
        "shoes",
        "r1",
        pa.Table.from_pylist(list(decisions), schema=DECISIONS),
        pa.Table.from_pylist(fresh, schema=REFRESHED_DIGESTS),
        pa.Table.from_pylist(gone, schema=RETIRED_SLOTS),
    )


def committed(made: ReleaseBatch, live: dict[bytes, dict[str, Any]]) -> tuple[BatchTotals, dict[str, dict[str, Any]]]:
    sums = compute_totals(made, live)
    files = {
        row["slot_id"]: PublishedFile(f"{row['sku']}-new.jpg", sha("file"))
        for part in made.decisions_in_state("publish")
        for row in part
    }
    changes = manifest_changes(made, files, live, sums, NOW)
    assert changes.schema == MANIFEST_CHANGE_SCHEMA
    rows = changes.to_pylist()
    assert len({row["slot_id"] for row in rows}) == len(rows)
    return sums, {row["sku"]: row for row in rows}


@pytest.mark.parametrize(
    ("kind", "state", "planned_against", "expected"),
    [
        ("new", "publish", None, "new"),
        ("new", "review", None, "new"),
        ("changed", "failed", "old", "changed"),
        ("waiting", "publish", None, "new"),
        ("waiting", "publish", "old", "changed"),
        ("waiting", "review", "old", None),
        ("waiting", "blocked", None, None),
        ("waiting", "failed", None, None),
    ],
)
def test_what_a_decided_slot_counts_as(
    kind: str, state: str, planned_against: str | None, expected: str | None
) -> None:
    assert change_kind(decision("A", kind, state, planned_against)) == expected


def test_a_published_slot_becomes_a_row_of_the_manifest() -> None:
    usable = {"channels": ["ebay"], "channel_reasons": ["shopify:too-large"]}
    sums, rows = committed(batch([decision("A", "new", "publish") | usable]), {})
    assert (sums.new, sums.states) == (1, Counter(published=1))
    assert rows["A"] == {
        "slot_id": slot("A"), "sku": "A", "view": "front", "variant": "a", "index": 0, "object": "A-new.jpg",
        "file_sha": sha("file"), "pixel_sha": sha("pixels"), "width": 512, "height": 640, "request_key": sha("new key"),
        "attempt": 1, "source_digest": b"new source", "finish_digest": "plain", "model": "stub@1", "run_id": "r1",
        "model_version": "card/2", "precision": "fp32", "backend": "stub",
        "mode": None, "photo_sha": None, "stage": None, "kept": None,
        "released_at": NOW, "_op": "put", "channels": ["ebay"], "channel_reasons": ["shopify:too-large"],
    }  # fmt: skip


@pytest.mark.parametrize("state", STATES[1:])
def test_what_is_not_published_changes_no_row(state: str) -> None:
    sums, rows = committed(batch([decision("A", "changed", state, "old")]), live_rows(live_row("A")))
    assert (sums.changed, sums.states, rows) == (1, Counter({state: 1}), {})


@pytest.mark.parametrize(
    ("planned_against", "live", "superseded"),
    [
        (None, [], False),
        ("old", [live_row("A")], False),
        (None, [live_row("A")], True),
        ("old", [], True),
        ("old", [live_row("A", "another")], True),
    ],
)
@pytest.mark.parametrize("state", ["publish", "review"])
def test_a_slot_planned_against_another_picture_is_superseded(
    planned_against: str | None, live: list[dict[str, Any]], superseded: bool, state: str
) -> None:
    kind = "changed" if planned_against else "new"
    sums, rows = committed(batch([decision("A", kind, state, planned_against)]), live_rows(*live))
    said = "superseded" if superseded else {"publish": "published"}.get(state, state)
    assert sums.states == Counter({said: 1})
    assert (slot("A") in sums.superseded) is superseded
    assert bool(rows) is (state == "publish" and not superseded)


def test_a_refreshed_row_keeps_everything_but_its_source() -> None:
    before = live_row("A")
    sums, rows = committed(batch(refreshed=[("A", "manifest", "old"), ("B", "outcomes", "old")]), live_rows(before))
    assert sums.refreshed == 1
    assert rows == {"A": {**before, "source_digest": b"new source", "_op": "put"}}


def test_a_refreshed_row_says_where_its_picture_may_be_used_by_now() -> None:
    before = live_row("A") | {"channels": ["shopify"], "channel_reasons": []}
    made = batch(refreshed=[("A", "manifest", "old")])
    live, files = live_rows(before), {}
    judged = {slot("A"): ChannelEligibility(("ebay",), ("zalando:too-small",))}
    [row] = manifest_changes(made, files, live, compute_totals(made, live), NOW, judged).to_pylist()
    assert (row["channels"], row["channel_reasons"]) == (["ebay"], ["zalando:too-small"])
    [kept] = manifest_changes(
        made, files, live, compute_totals(made, live), NOW, {slot("B"): ChannelEligibility()}
    ).to_pylist()
    assert (kept["channels"], kept["channel_reasons"]) == (["shopify"], [])


def test_a_row_that_shows_another_picture_by_now_is_not_refreshed() -> None:
    made = batch(refreshed=[("A", "manifest", "old"), ("gone", "manifest", "old")])
    sums, rows = committed(made, live_rows(live_row("A", "another")))
    assert (sums.refreshed, rows) == (0, {})


def test_a_retired_row_goes_unless_it_shows_another_picture_by_now() -> None:
    live = live_rows(live_row("A"), live_row("B", "another"), live_row("C"))
    sums, rows = committed(batch(retired=[("A", "old"), ("B", "old"), ("gone", "old")]), live)
    assert sums.retired == 1
    assert {name: row["_op"] for name, row in rows.items()} == {"A": "drop"}


def test_a_batch_names_all_its_slots_also_where_a_part_is_empty() -> None:
    made = batch([decision("A", "new", "publish")], retired=[("B", "old")])
    assert made.slot_ids.to_pylist() == [slot("A"), slot("B")]
    assert batch().slot_ids.to_pylist() == []
    assert committed(batch(), {}) == (BatchTotals(), {})


def test_a_batch_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(BatchTotalsMismatch, match=r"0 new and 0 changed slots, but {'published': 1}"):
        compute_totals(batch([decision("A", "odd", "publish")]), {})


def test_the_same_batch_against_the_same_rows_is_the_same_commit() -> None:
    made = batch(
        [decision("A", "new", "publish"), decision("B", "changed", "publish", "old")],
        refreshed=[("C", "manifest", "old")],
        retired=[("D", "old")],
    )
    live = live_rows(live_row("B"), live_row("C"), live_row("D"))
    assert committed(made, live) == committed(made, live)
    assert {name: row["_op"] for name, row in committed(made, live)[1].items()} == {
        "A": "put", "B": "put", "C": "put", "D": "drop",
    }  # fmt: skip


PICTURE = st.sampled_from([None, "old", "another"])


@settings(max_examples=60, deadline=None)
@given(
    slots=st.dictionaries(
        st.sampled_from("ABCDEFG"),
        st.tuples(st.sampled_from(KINDS), st.sampled_from(STATES), PICTURE, PICTURE),
    )
)
def test_new_and_changed_are_always_the_sum_of_what_became_of_them(
    slots: dict[str, tuple[str, str, str | None, str | None]],
) -> None:
    decisions = [
        decision(name, kind if kind == "waiting" else ("changed" if planned else "new"), state, planned)
        for name, (kind, state, planned, _) in slots.items()
    ]
    live = live_rows(*(live_row(name, now) for name, (*_, now) in slots.items() if now))
    sums, rows = committed(batch(decisions), live)
    assert sums.new + sums.changed == sum(sums.states.values())
    assert sums.states["published"] == len(rows)
    assert sums.superseded == {slot(name) for name, (_, _, planned, now) in slots.items() if planned != now}
