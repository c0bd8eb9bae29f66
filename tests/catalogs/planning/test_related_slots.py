"""Live slots under another id are found: of another variant (A11) or under an exponent, and of no other row."""

import numpy as np
import pyarrow as pa

from catalogs.ingest.rows import BatchRows
from catalogs.keys import slot_id, slot_suffix
from catalogs.planning.current_state import LIVE_COLUMNS, CurrentRelease
from catalogs.planning.plan import PlannedBatch, RenamedSlot, ReplacedSlot
from catalogs.planning.related_slots import RelatedSlots
from catalogs.table_schemas import MANIFEST

SCHEMA = pa.schema([MANIFEST.field(name) for name in LIVE_COLUMNS])


def release(*slots: tuple[str, str, str, int]) -> CurrentRelease:
    rows = [
        {
            "slot_id": slot_id(*slot),
            "sku": slot[0],
            "source_digest": bytes(16),
            "request_key": bytes(32),
            "finish_digest": "f",
            "file_sha": slot[0].encode().ljust(32),
            "model": "m",
            "variant": slot[2],
        }
        for slot in slots
    ]
    return CurrentRelease(pa.Table.from_pylist(rows, schema=SCHEMA).to_batches())


def related(live: CurrentRelease, *skus: str) -> RelatedSlots:
    slot_ids = [slot_id(sku, "front", "b", 0) for sku in skus]
    return RelatedSlots(live, BatchRows(pa.table({"sku": list(skus)})), PlannedBatch(), range(len(skus)), slot_ids)


def test_an_image_of_another_variant_is_replaced_and_not_retired() -> None:
    live = release(("s", "front", "a", 0), ("s", "back", "a", 0), ("t", "front", "b", 0), ("gone", "front", "a", 0))
    found = related(live, "s", "t")
    assert found.find_replaced("front", "b", 0) == [0]
    ids = {name: slot_id(*name) for name in [("s", "front", "a", 0), ("s", "front", "b", 0)]}
    assert found.planned.replaced == [
        ReplacedSlot(ids["s", "front", "b", 0], "s", ids["s", "front", "a", 0], b"s".ljust(32))
    ]
    assert live.requested.tolist() == [True, False, False, False]


def test_a_slot_live_under_an_exponent_is_found_where_the_release_has_such_names() -> None:
    live = release(("1.0e+11", "front", "b", 0))
    found = related(live, "100000000000")
    positions = found.find_renamed(slot_suffix("front", "b", 0), np.array([-1]))
    expected = [0] if live.exponent_names else [-1]
    assert positions.tolist() == expected
    assert [type(each) for each in found.planned.renamed] == [RenamedSlot] * len(live.exponent_names)


def test_a_release_without_exponents_renames_nothing() -> None:
    live = release(("s", "front", "b", 0))
    positions = np.array([0])
    assert related(live, "s").find_renamed(slot_suffix("front", "b", 0), positions) is positions
