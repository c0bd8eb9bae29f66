"""The intent of a manifest change is recorded first, and the next process completes the change or discards it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar, cast

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.keys import slot_id
from catalogs.runs.commit_kinds import POLICY_KIND, ROLLBACK_KIND
from catalogs.table_schemas import WITHDRAWALS
from infra.errors import LeaseLost
from infra.interfaces import ObjectInfo
from infra.stores.parquet_objects import write_table
from infra.testing.faulty_store import FaultyStore
from tasks.amendments.manifest_change import (
    abandon_change,
    begin_change,
    complete_change,
    new_change_run,
    recover_all_changes,
    recover_changes,
)
from tasks.runs import run_state as runs
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario

T = TypeVar("T")


class AfterListing:
    """Lets something happen right after the first listing of a prefix."""

    def __init__(self, prefix: str, happens: Callable[[], object]) -> None:
        self.prefix, self.happens = prefix, happens

    def call(self, description: str, operation: Callable[[], T]) -> T:
        answer = operation()
        if description != f"list {self.prefix}":
            return answer
        infos = list(cast(Iterator[ObjectInfo], answer))
        self.happens()
        return cast(T, iter(infos))


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red", "hat/front": "white", "shoe/front": "green"})
    return shop


def listed(scenario: StoreScenario, *skus: str) -> pa.Table:
    rows = scenario.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()
    columns = {"verdict": "BLOCK", "reasons": ["blurred"], "again": False}
    return pa.Table.from_pylist([row | columns for row in rows if row["sku"] in skus], schema=WITHDRAWALS)


def test_an_intent_without_a_commit_is_discarded_only_with_the_lease(scenario: StoreScenario) -> None:
    intent = begin_change(
        scenario.store,
        scenario.tables,
        new_change_run(CATALOGUE, scenario.store.now()),
        ROLLBACK_KIND,
        {"target": 0, "asked": None},
    )
    assert recover_all_changes(scenario.store, scenario.tables, CATALOGUE, holds_lease=False) == []
    assert len(scenario.keys(layout.open_manifest_changes_prefix())) == 1
    assert list(recover_changes(scenario.store, scenario.tables, CATALOGUE, holds_lease=True)) == []
    assert scenario.keys(layout.open_manifest_changes_prefix()) == set()
    assert runs.load_run(scenario.store, intent.run.run_id).catalogue == CATALOGUE
    with pytest.raises(LeaseLost, match=r"The rollback .* was taken for dead by another run"):
        complete_change(scenario.store, scenario.tables, intent, {})


@pytest.mark.parametrize("holds_lease", [False, True])
def test_a_change_that_ends_while_its_marker_is_read_is_left_alone(scenario: StoreScenario, holds_lease: bool) -> None:
    """Before: the run that looked ended with `There is no object 'open-amendments/…'`."""
    store, tables = scenario.store, scenario.tables
    details = {"target": 0, "asked": None}
    intent = begin_change(store, tables, new_change_run(CATALOGUE, store.now()), ROLLBACK_KIND, details)
    ends = AfterListing(layout.open_manifest_changes_prefix(CATALOGUE), lambda: abandon_change(store, intent, "done"))
    assert recover_all_changes(FaultyStore(store, ends), tables, CATALOGUE, holds_lease=holds_lease) == []
    assert scenario.keys(layout.open_manifest_changes_prefix()) == set()


def test_slots_keep_their_reasons_and_another_seed_is_left_to_the_next_run(scenario: StoreScenario) -> None:
    run = new_change_run(CATALOGUE, scenario.store.now())
    rows = listed(scenario, "shirt", "hat").to_pylist()
    rows[0] |= {"again": True}
    table = pa.Table.from_pylist(rows, schema=WITHDRAWALS)
    write_table(scenario.store, layout.RunFiles(run.run_id).withdrawals, table)
    intent = begin_change(
        scenario.store, scenario.tables, run, POLICY_KIND, {"policy_digest": "p" * 64, "review_days": 30}
    )
    done = complete_change(scenario.store, scenario.tables, intent, {})
    assert (done.kind, done.version, done.previous, done.dropped, done.withdrawn) == (POLICY_KIND, 2, 1, 2, 2)
    outcomes = {
        row["sku"]: (row["state"], row["reasons"], row["policy_digest"]) for row in scenario.outcomes().values()
    }
    assert outcomes[rows[0]["sku"]] == ("blocked", ["blurred"], "")
    assert outcomes[rows[1]["sku"]] == ("blocked", ["blurred"], "p" * 64)
    assert set(scenario.published_objects()) == {"shoe/front"}
    assert slot_id("shoe", "front", "a", 0) not in table["slot_id"].to_pylist()
