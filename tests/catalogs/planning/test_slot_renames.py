"""Renames are collected batch by batch, and say what they did in one sentence (A1)."""

from typing import Any

import numpy as np

from catalogs.keys import slot_id
from catalogs.planning.current_state import LIVE_COLUMNS, CurrentRelease
from catalogs.planning.plan import RenamedSlot
from catalogs.planning.slot_renames import SlotRenames
from catalogs.table_schemas import MANIFEST, RENAMED_SLOTS
from tests.fixtures.planning_harness import to_record_batch

NAMES = {"10000000000": "1e+10", "4006381333931": "4.006381333931e+12"}


def release() -> CurrentRelease:
    """Return a release with a row under each exponent, and one under a plain name."""
    rows: list[dict[str, Any]] = [
        {
            "slot_id": slot_id(sku, "front", "a", 0),
            "sku": sku,
            "source_digest": b"s" * 16,
            "request_key": b"k" * 32,
            "finish_digest": "f",
            "file_sha": b"f" * 32,
            "model": "stub@0",
        }
        for sku in (*NAMES.values(), "mug")
    ]
    return CurrentRelease([to_record_batch(MANIFEST, LIVE_COLUMNS, rows)])


def renamed(sku: str) -> RenamedSlot:
    return RenamedSlot(slot_id(sku, "front", "a", 0), sku, slot_id(NAMES[sku], "front", "a", 0), b"f" * 32)


def test_a_release_knows_its_exponent_names() -> None:
    assert release().exponent_names == NAMES


def test_renames_of_all_batches_become_one_table_and_one_sentence() -> None:
    live, renames = release(), SlotRenames()
    renames.add([])
    assert not renames
    for sku in NAMES:
        renames.add([renamed(sku)])
    assert len(renames) == 2
    table = renames.table(live)
    assert table.schema == RENAMED_SLOTS
    assert (table["sku"].to_pylist(), table["kept"].to_pylist()) == (list(NAMES), [False, False])
    assert renames.warning(live) == (
        "2 × live under a SKU that was read as an exponent ('1e+10'): renamed to what the catalogue says"
        " ('10000000000'); the image stays"
    )


def test_an_old_name_that_the_catalogue_requests_itself_is_kept() -> None:
    live, renames = release(), SlotRenames()
    live.requested = np.array([True, False, True])
    for sku in NAMES:
        renames.add([renamed(sku)])
    assert renames.table(live)["kept"].to_pylist() == [True, False]
