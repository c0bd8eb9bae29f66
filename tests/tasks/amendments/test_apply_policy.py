"""Applying a policy withdraws what it refuses, whole or not at all, and asks a person before it withdraws much."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.policy.schema import built_in_policy
from catalogs.table_schemas import REVIEW_INDEX, WITHDRAWALS
from infra.stores import open_store
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import read_table
from infra.tables import open_tables
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from infra.testing.faulty_tables import FaultyTables
from tasks.amendments.apply_policy import (
    WITHDRAWN_SHARE_CHECK,
    CheckOverride,
    PolicyTerms,
    apply_policy,
    find_holding_checks,
    require_valid_override,
)
from tasks.amendments.manifest_change import recover_all_changes
from tasks.pipeline.publish import publish
from tasks.policies.reevaluate import PolicyReevaluation
from tasks.runs.policy_records import PolicyRecords
from tests.fixtures.run_rows import decision_row, make_release_batch, write_policy
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, jpeg_of, request_key_of

POLICY = built_in_policy()
TERMS = PolicyTerms("strict.yaml", "ada", "the brand asked")
LIVE = {"shirt/front": "red", "hat/front": "white", "shoe/front": "green"}


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    shop = StoreScenario(tmp_path / "shop")
    write_policy(shop.store)
    shop.release("r1", LIVE)
    return shop


def refusing(scenario: StoreScenario, **words: str) -> PolicyReevaluation:
    """Return what a policy says that refuses these SKUs."""
    rows = [row for row in scenario.tables.read(layout.manifest_table(CATALOGUE)).to_pylist() if row["sku"] in words]
    said = [row | {"verdict": words[row["sku"]], "reasons": ["soft"], "again": False} for row in rows]
    version = scenario.tables.version(layout.manifest_table(CATALOGUE)) or 0
    return PolicyReevaluation(CATALOGUE, version, POLICY, 3, withdrawals=pa.Table.from_pylist(said, schema=WITHDRAWALS))


def test_a_review_waits_for_a_person_with_its_image_and_a_block_does_not(scenario: StoreScenario) -> None:
    done = apply_policy(scenario.store, scenario.tables, refusing(scenario, shirt="REVIEW", hat="BLOCK"), TERMS)
    assert done is not None
    assert (done.version, done.previous, done.dropped, set(scenario.published_objects())) == (2, 1, 2, {"shoe/front"})
    rows = {row["sku"]: row for row in scenario.outcomes().values()}
    assert (rows["shirt"]["state"], rows["hat"]["state"]) == ("review", "blocked")
    assert rows["shirt"]["policy_digest"] == rows["hat"]["policy_digest"] == POLICY.digest
    assert (rows["shirt"]["expires_at"] - rows["shirt"]["decided_at"]).days == POLICY.review_days
    (asked,) = read_table(scenario.store, layout.review_index(CATALOGUE, done.run_id), REVIEW_INDEX).to_pylist()
    assert (asked["sku"], asked["why"], asked["reasons"]) == ("shirt", "review", ["soft"])
    assert scenario.store.read(asked["object"]) == jpeg_of("red")


def test_a3_a_policy_that_refuses_nothing_is_recorded_and_is_a_commit_all_the_same(scenario: StoreScenario) -> None:
    shown = scenario.published_objects()
    done = apply_policy(scenario.store, scenario.tables, refusing(scenario), TERMS)
    assert done is not None
    assert (done.version, done.previous, done.dropped, scenario.published_objects()) == (2, 1, 0, shown)
    record = PolicyRecords(scenario.store, CATALOGUE).in_force()
    assert record is not None
    assert (record.number, record.policy, record.run_id) == (1, POLICY, done.run_id)
    assert (record.file, record.person, record.reason) == ("strict.yaml", "ada", "the brand asked")
    before = scenario.keys()
    assert apply_policy(scenario.store, scenario.tables, refusing(scenario), TERMS) is None
    assert scenario.keys() == before


def test_a_twentieth_may_go_and_no_more(scenario: StoreScenario) -> None:
    found = refusing(scenario, shirt="BLOCK")
    found.published = 20
    assert find_holding_checks(found) == []
    found.published = 19
    assert find_holding_checks(found) == [WITHDRAWN_SHARE_CHECK]
    require_valid_override([WITHDRAWN_SHARE_CHECK], CheckOverride((WITHDRAWN_SHARE_CHECK,), "why not", "ada"))
    with pytest.raises(OptionError, match="--reason"):
        require_valid_override([WITHDRAWN_SHARE_CHECK], CheckOverride((WITHDRAWN_SHARE_CHECK,), "", "ada"))
    with pytest.raises(OptionError, match="'x' never holds a policy"):
        require_valid_override([], CheckOverride(("x",), "why", "ada"))


@pytest.mark.parametrize("when", ["before", pytest.param("after", marks=pytest.mark.slow)])
def test_killed_at_any_operation_it_is_all_or_nothing(scenario: StoreScenario, tmp_path: Path, when: Any) -> None:
    def another(name: str) -> StoreScenario:
        shutil.copytree(tmp_path / "shop", tmp_path / name)
        return StoreScenario(tmp_path / name)

    def die(one: StoreScenario, dies_at: int | None) -> FaultInjector:
        mortality = FaultInjector(dies_at, when)
        store = FaultyStore(open_store(one.store.url), mortality)
        try:
            tables = FaultyTables(open_tables(one.store.url), mortality)
            apply_policy(store, tables, refusing(one, shirt="REVIEW"), TERMS)
        except InjectedFault:
            assert mortality.has_failed
        return mortality

    def state(one: StoreScenario) -> Any:
        told = [{**row, "run_id": "", "decided_at": None, "expires_at": None} for row in one.outcomes().values()]
        copies = sorted(key for key in one.keys("review/") if key.endswith(".jpg"))
        return one.published_objects(), told, copies, len(one.keys(layout.review_index_prefix(CATALOGUE)))

    undisturbed = another("undisturbed")
    untouched = state(undisturbed)
    operations = die(undisturbed, None).operation_count
    wanted = state(undisturbed)
    assert wanted[2:] != untouched[2:]
    seen = set()
    for dies_at in range(1, operations + 1):
        one = another(str(dies_at))
        assert die(one, dies_at).has_failed
        committed = one.tables.version(layout.manifest_table(CATALOGUE)) == 2
        in_force = PolicyRecords(one.store, CATALOGUE).in_force() is not None
        recover_all_changes(one.store, one.tables, CATALOGUE, holds_lease=True)
        assert state(one) == (wanted if in_force else untouched), f"killed {when} operation {dies_at}"
        assert one.keys(layout.open_manifest_changes_prefix()) == set()
        seen.add((in_force, committed))
    assert seen == {(False, False), (True, False), (True, True)}


# A run that was planned before


def planned_at(scenario: StoreScenario, version: int) -> Any:
    """Return a batch for the shirt as empty as it is again, planned when this release was live."""
    scenario.stage_image("red")
    write_json(scenario.store, layout.RunFiles("run-1").plan, {"base_version": version})
    return make_release_batch([decision_row("shirt/front", "red")])


def test_a_run_that_was_planned_before_does_not_bring_it_back(scenario: StoreScenario) -> None:
    late = planned_at(scenario, 0)
    apply_policy(scenario.store, scenario.tables, refusing(scenario, shirt="BLOCK"), TERMS)
    assert dict(publish(scenario.store, scenario.tables, late).sums.states) == {"superseded": 1}
    assert "shirt/front" not in scenario.published_objects()


def test_a_run_that_was_planned_since_may_bring_it_back_if_its_policy_lets_it(scenario: StoreScenario) -> None:
    apply_policy(scenario.store, scenario.tables, refusing(scenario, shirt="BLOCK"), TERMS)
    assert dict(publish(scenario.store, scenario.tables, planned_at(scenario, 2)).sums.states) == {"published": 1}
    assert "shirt/front" in scenario.published_objects()


def test_between_its_two_commits_its_own_commit_says_what_it_took(scenario: StoreScenario) -> None:
    class DiesBetween(FaultyTables):
        def ensure(self, table: str, schema: pa.Schema) -> None:
            if table.startswith("outcomes/"):
                raise InjectedFault("The store died between the two commits.")
            super().ensure(table, schema)

    late = planned_at(scenario, 0)
    with pytest.raises(InjectedFault):
        apply_policy(
            scenario.store, DiesBetween(scenario.tables, FaultInjector()), refusing(scenario, shirt="BLOCK"), TERMS
        )
    assert ("shirt", request_key_of("red")) not in scenario.outcomes()
    assert dict(publish(scenario.store, scenario.tables, late).sums.states) == {"superseded": 1}
