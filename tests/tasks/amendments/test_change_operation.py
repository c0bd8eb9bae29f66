"""The steps of a manifest change: its diff by its intent, of this version or of an earlier one."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.runs.commit_kinds import ROLLBACK_KIND
from catalogs.runs.rollback_selection import RollbackSelection
from catalogs.table_schemas import WITHDRAWALS
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import write_table
from tasks.amendments.change_operation import ChangeOperation
from tasks.amendments.manifest_change import begin_change, new_change_run, recover_all_changes
from tasks.amendments.rollback_plan import RollbackPlan
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    """A shop of two releases: one image replaced, one slot new."""
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red", "hat/front": "white"})
    shop.release("r2", {"shirt/front": "pink", "sock/front": "grey"})
    return shop


def operation(scenario: StoreScenario, details: dict[str, Any]) -> ChangeOperation:
    run = new_change_run(CATALOGUE, scenario.store.now())
    return ChangeOperation(
        scenario.store, scenario.tables, begin_change(scenario.store, scenario.tables, run, ROLLBACK_KIND, details)
    )


def test_an_intent_of_a_version_that_restored_whole_releases_is_completed_as_it_was_meant(
    scenario: StoreScenario,
) -> None:
    diff = operation(scenario, {"target": 1, "asked": 1}).compute_diff(2)
    assert (diff.restored["sku"].to_pylist(), diff.dropped["sku"].to_pylist()) == (["shirt"], ["sock"])
    assert recover_all_changes(scenario.store, scenario.tables, CATALOGUE, holds_lease=True) == []


def test_an_intent_of_today_keeps_what_is_new_and_leaves_out_what_was_written_down(scenario: StoreScenario) -> None:
    plan = RollbackPlan(RollbackSelection(to=1), target=1, seen=2, undone={})
    found = operation(scenario, plan.details)
    assert [rows.num_rows for rows in (found.compute_diff(2).restored, found.compute_diff(2).dropped)] == [1, 0]
    first = scenario.tables.read(layout.manifest_table(CATALOGUE), version=1).to_pylist()
    refused = [row | {"verdict": "BLOCK", "reasons": ["soft"], "again": False} for row in first]
    key = layout.RunFiles(found.intent.run.run_id).withheld
    write_table(scenario.store, key, pa.Table.from_pylist(refused, schema=WITHDRAWALS))
    diff = found.compute_diff(2)
    assert (diff.restored.num_rows, diff.left_out["sku"].to_pylist()) == (0, ["shirt"])


def test_restored_rows_get_the_answers_that_stand_when_they_are_committed(scenario: StoreScenario) -> None:
    waiting = {"channels": ["shopify"], "channel_reasons": ["showroom:needs-a-person"]}
    scenario.release("r3", {"shirt/front": "red"}, **waiting)
    scenario.release("r4", {"shirt/front": "pink"})
    found = operation(scenario, RollbackPlan(RollbackSelection(to=3), target=3, seen=4, undone={}).details)
    diff = found.compute_diff(4)
    [sha] = {row["pixel_sha"].hex() for row in diff.restored.to_pylist()}
    answer = {"channel": "showroom", "given": True, "pixel_shas": [sha]}
    write_json(scenario.store, layout.person_decision(CATALOGUE, "20260101T0", layout.CHANNEL_APPROVAL), answer)
    [row] = found.with_standing_approvals(diff).restored.to_pylist()
    assert (row["channels"], row["channel_reasons"]) == (["shopify", "showroom"], [])
