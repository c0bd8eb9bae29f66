"""An old variant's image goes with the commit that shows the new one, and not before (A11)."""

from typing import Any

import pyarrow as pa

from catalogs.runs.replaced_slots import replacement_changes
from catalogs.table_schemas import REPLACED_SLOTS

REPLACED = pa.Table.from_pylist(
    [{"slot_id": b"new", "sku": "s", "live_slot_id": b"old", "live_file_sha": b"file"}], schema=REPLACED_SLOTS
)
OLD: dict[str, Any] = {"slot_id": b"old", "file_sha": b"file"}


def changes(live: dict[bytes, Any], published: set[bytes]) -> list[tuple[str, bytes]]:
    return [(row["_op"], row["slot_id"]) for row in replacement_changes(REPLACED, live, published)]


def test_the_old_image_goes_when_the_new_one_is_published_or_live_already() -> None:
    assert changes({b"old": OLD}, {b"new"}) == [("drop", b"old")]
    assert changes({b"old": OLD, b"new": {"slot_id": b"new", "file_sha": b"x"}}, set()) == [("drop", b"old")]


def test_the_old_image_stays_while_the_new_one_is_not_shown() -> None:
    assert changes({b"old": OLD}, set()) == []


def test_an_image_that_has_moved_since_the_plan_is_left_alone() -> None:
    assert changes({b"old": {**OLD, "file_sha": b"another"}}, {b"new"}) == []
    assert changes({}, {b"new"}) == []
