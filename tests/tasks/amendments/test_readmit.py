"""A4: what a rollback took away can be let back, once, by a person who says why, whatever is killed meanwhile."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from infra.stores import open_store
from infra.tables import open_tables
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from infra.testing.faulty_tables import FaultyTables
from tasks.amendments.manifest_change import ManifestChange, recover_all_changes
from tasks.amendments.readmit import readmit
from tasks.amendments.rollback import rollback
from tasks.answers.answer_log import read_answers
from tests.fixtures.crash_harness import CATALOGUE as WORLD
from tests.fixtures.crash_harness import CrashHarness, catalogue_row
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    """A shop that a rollback took three images from: of two new SKUs, and of one that was replaced."""
    shop = StoreScenario(tmp_path / "shop")
    shop.release("r1", {"a/front": "red"})
    shop.release("r2", {"a/front": "pink", "b/front": "green", "c/front": "grey"})
    shop.commit_outcome("o1", "b/front", "black", "blocked")
    rollback(shop.store, shop.tables, CATALOGUE, 1, drop_new=True)
    return shop


def let_back(scenario: StoreScenario, *skus: str) -> ManifestChange:
    return readmit(scenario.store, scenario.tables, CATALOGUE, skus, "it was good", "ada")


def withdrawn(scenario: StoreScenario) -> list[str]:
    return sorted(row["sku"] for row in scenario.outcomes().values() if row["state"] == "withdrawn")


def test_the_withdrawals_of_the_named_skus_end_and_no_other_outcome(scenario: StoreScenario) -> None:
    version = scenario.tables.version(layout.manifest_table(CATALOGUE))
    done = let_back(scenario, "b", "c")
    assert withdrawn(scenario) == ["a"]
    assert [row["state"] for (sku, _), row in scenario.outcomes().items() if sku == "b"] == ["blocked"]
    assert (done.readmitted, done.version, done.slots["readmitted"]) == (2, version, [{"sku": "b"}, {"sku": "c"}])
    [answer] = read_answers(scenario.store, CATALOGUE)
    assert (answer.details, answer.who, answer.why) == ({"skus": ["b", "c"]}, "ada", "it was good")
    assert scenario.keys("open-amendments/") == set()


def test_a_fault_of_ours_is_forgotten_and_a_refusal_of_the_image_is_not(scenario: StoreScenario) -> None:
    scenario.commit_outcome("o2", "c/front", "white", "failed", reasons=["engine-failed"], attempts=3)
    scenario.commit_outcome("o3", "c/front", "blue", "review", reasons=["scanner-failed.pixels"])
    assert let_back(scenario, "b", "c").readmitted == 4
    assert [(sku, row["state"]) for (sku, _), row in scenario.outcomes().items() if sku != "a"] == [("b", "blocked")]


def test_given_again_it_finds_nothing_left_to_do(scenario: StoreScenario) -> None:
    let_back(scenario, "b")
    assert let_back(scenario, "b").readmitted == 0


@pytest.mark.parametrize(
    ("skus", "reason", "message"),
    [(("b", "x"), "good", "no image and no outcome of the SKU 'x'"), (("b",), " ", "--reason")],
)
def test_what_cannot_be_meant_is_refused_and_not_recorded(
    scenario: StoreScenario, skus: tuple[str, ...], reason: str, message: str
) -> None:
    there = scenario.keys()
    with pytest.raises(OptionError, match=message):
        readmit(scenario.store, scenario.tables, CATALOGUE, skus, reason, "ada")
    assert scenario.keys() == there


@pytest.mark.parametrize("when", ["before", pytest.param("after", marks=pytest.mark.slow)])
def test_killed_at_any_operation_it_is_completed_by_the_next_process_or_command(
    scenario: StoreScenario, tmp_path: Path, when: Any
) -> None:
    moment, died = 1, True
    while died:
        copy = StoreScenario(Path(shutil.copytree(tmp_path / "shop", tmp_path / f"copy-{moment}")))
        injector = FaultInjector(moment, when)
        store, tables = open_store(copy.store.url), open_tables(copy.store.url)
        try:
            readmit(FaultyStore(store, injector), FaultyTables(tables, injector), CATALOGUE, ["b"], "good", "ada")
        except InjectedFault:
            recover_all_changes(store, tables, CATALOGUE, holds_lease=False)
            assert withdrawn(copy) in (["a", "b", "c"], ["a", "c"])
            let_back(copy, "b")
        assert withdrawn(copy) == ["a", "c"], f"killed {when} operation {moment}"
        assert copy.keys("open-amendments/") == set()
        died, moment = injector.has_failed, moment + 1
    assert moment > 10


def test_completed_late_it_does_not_undo_a_later_rollback(scenario: StoreScenario) -> None:
    class DiesAtMerge(FaultyTables):
        def merge(self, table: str, *arguments: Any, **words: Any) -> int:
            raise InjectedFault(f"The store died before {table} was merged: {len(arguments)}, {len(words)}.")

    with pytest.raises(InjectedFault):
        readmit(scenario.store, DiesAtMerge(scenario.tables, FaultInjector()), CATALOGUE, ["b"], "good", "ada")
    scenario.commit_outcome("later", "b/front", "white", "withdrawn", reasons=["rolled-back"])
    [done] = recover_all_changes(scenario.store, scenario.tables, CATALOGUE, holds_lease=False)
    assert (done.readmitted, withdrawn(scenario)) == (1, ["a", "b", "c"])


@pytest.mark.usefixtures("reduced_audit")
def test_the_next_night_publishes_again_what_was_let_back(tmp_path: Path) -> None:
    """A4: the new SKU waited on every later night, and no command said otherwise."""
    world = CrashHarness(tmp_path, [catalogue_row("plain-1", "Plain Thing")])
    world.refresh()
    world.rows.append(catalogue_row("plain-2", "Other Thing"))
    world.refresh()
    rollback(world.store, world.tables, WORLD, 1, drop_new=True)
    assert world.refresh()["slots"]["waiting"] == 1
    readmit(world.store, world.tables, WORLD, ["plain-2"], "it was good", "ada")
    report = world.refresh()
    assert (report["slots"]["new"], report["slots"]["published"], report["images"]["generated"]) == (1, 1, 0)
