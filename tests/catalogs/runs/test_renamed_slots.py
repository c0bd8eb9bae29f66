"""A slot is renamed by the rows of a commit: one put under the new id, one drop of the old; the image stays (A1)."""

from typing import Any

import pyarrow as pa

from catalogs.runs.renamed_slots import apply_renames, rename_changes
from catalogs.table_schemas import RENAMED_SLOTS

RENAME = {"slot_id": b"new", "sku": "10000000000", "live_slot_id": b"old", "live_file_sha": b"file", "kept": False}


def row(slot_id: bytes, **changes: Any) -> dict[str, Any]:
    return {"slot_id": slot_id, "sku": "1e+10", "object": "published/1e-10.jpg", "file_sha": b"file"} | changes


def renames(**changes: Any) -> pa.Table:
    return pa.Table.from_pylist([RENAME | changes], schema=RENAMED_SLOTS)


def changes_of(table: pa.Table, live: dict[bytes, Any], written: set[bytes] = frozenset()) -> list[tuple[str, bytes]]:  # type: ignore[assignment]
    applied = apply_renames(table, live)
    return [(change["_op"], change["slot_id"]) for change in rename_changes(table, applied, written)]


def test_a_slot_gets_its_new_name_and_loses_the_old_one() -> None:
    live: dict[bytes, Any] = {b"old": row(b"old")}
    applied = apply_renames(renames(), live)
    assert applied[b"new"] == row(b"new", sku="10000000000")
    assert applied.keys() == {b"old", b"new"}
    assert changes_of(renames(), live) == [("put", b"new"), ("drop", b"old")]


def test_a_slot_whose_image_moved_since_the_plan_is_left_alone() -> None:
    assert changes_of(renames(), {b"old": row(b"old", file_sha=b"another")}) == []
    assert changes_of(renames(), {}) == []
    moved: dict[bytes, Any] = {b"old": row(b"old", file_sha=b"another")}
    assert apply_renames(renames(), moved).keys() == {b"old"}


def test_a_slot_that_is_live_under_both_names_loses_the_wrong_one() -> None:
    live: dict[bytes, Any] = {b"old": row(b"old"), b"new": row(b"new", object="published/other.jpg", sku="10000000000")}
    assert changes_of(renames(), live) == [("drop", b"old")]


def test_a_slot_that_the_batch_writes_anyway_is_written_once() -> None:
    assert changes_of(renames(), {b"old": row(b"old")}, {b"new"}) == [("drop", b"old")]


def test_a_name_that_the_catalogue_has_too_is_kept() -> None:
    assert changes_of(renames(kept=True), {b"old": row(b"old")}) == [("put", b"new")]
