"""A plan as tables and as a document."""

import json
from dataclasses import replace

from catalogs.ingest.row_rejects import Reject
from catalogs.ingest.row_validation import RowCounts
from catalogs.planning.plan import Plan, PlanCounts, rows_to_table
from catalogs.table_schemas import REJECTS, SLOTS
from tests.fixtures.planning_harness import LAMP, MUG, PlanningHarness

PLAN = Plan(base_version=None, live=0, rows=RowCounts(), slots=PlanCounts())


def test_slots_become_rows_of_their_schema() -> None:
    slots = PlanningHarness().plan([MUG, {**LAMP, "created_at": "2026-11-22", "priority": "high"}]).slots
    table = rows_to_table(slots, SLOTS)
    assert table.schema == SLOTS
    rows = {row["sku"]: row for row in table.to_pylist()}
    assert rows["M1"]["slot_id"] == slots[0].slot_id
    assert (rows["M1"]["kind"], rows["M1"]["live_file_sha"], rows["M1"]["created_at"]) == ("new", None, None)
    assert str(rows["L1"]["created_at"]) == "2026-11-22 00:00:00+00:00"
    assert (rows["L1"]["priority"], rows["L1"]["attempts_allowed"], rows["L1"]["index"]) == ("high", 3, 0)


def test_no_rows_become_an_empty_table() -> None:
    assert rows_to_table([], REJECTS).schema == REJECTS
    assert rows_to_table([Reject(3, None, "sku", "sku is missing")], REJECTS).to_pylist() == [
        {"row": 3, "sku": None, "column": "sku", "reason": "sku is missing"}
    ]


def test_slots_that_take_anothers_image_are_counted() -> None:
    planned = PlanningHarness().plan([MUG, {**MUG, "sku": "M2"}, {**MUG, "sku": "M3"}, LAMP])
    assert replace(PLAN, slots=planned.counts).shared_slots == 2


def test_a_plan_is_plain_values() -> None:
    document = replace(PLAN, rejects=[Reject(1, "A", "title", "title is missing")]).document()
    assert json.loads(json.dumps(document)) == document
    assert document["rejects"] == [{"row": 1, "sku": "A", "column": "title", "reason": "title is missing"}]
