"""A rollback takes back what was asked and nothing else: releases, runs, SKUs, and what is new since."""

from pathlib import Path

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.runs.rollback_selection import RollbackSelection
from tasks.amendments.rollback import perform_rollback, preview_rollback, rollback
from tasks.amendments.rollback_plan import plan_rollback
from tasks.runs.release_history import list_releases
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario

GOOD = {"b/front": "green", "c/front": "grey", "d/front": "blue"}


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    """A4: SKU a gets a bad picture in release 2; three new SKUs come in releases 3, 4 and 5."""
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"a/front": "red"})
    shop.release("r2", {"a/front": "pink"})
    for number, (slot, word) in enumerate(GOOD.items(), start=3):
        shop.release(f"r{number}", {slot: word})
    return shop


def words(scenario: StoreScenario, version: int | None = None) -> dict[str, str]:
    """Return what is shown: slot -> the run that put it."""
    rows = scenario.tables.read(layout.manifest_table(CATALOGUE), version=version).to_pylist()
    return {f"{row['sku']}/{row['view']}": row["run_id"] for row in rows}


def withdrawn(scenario: StoreScenario) -> set[str]:
    return {sku for (sku, _), row in scenario.outcomes().items() if row["state"] == "withdrawn"}


def test_what_is_new_since_the_release_stays_live(scenario: StoreScenario) -> None:
    """A4: the three good SKUs were withdrawn, and waited on every later night."""
    done = rollback(scenario.store, scenario.tables, CATALOGUE, 1)
    assert words(scenario) == {"a/front": "r1", "b/front": "r3", "c/front": "r4", "d/front": "r5"}
    assert (done.restored, done.dropped, done.kept_new, done.withdrawn) == (1, 0, 3, 1)
    assert withdrawn(scenario) == {"a"}
    assert [slot["sku"] for slot in done.slots["kept_new"]] == ["b", "c", "d"]


def test_what_is_new_since_goes_where_a_person_says_so(scenario: StoreScenario) -> None:
    done = rollback(scenario.store, scenario.tables, CATALOGUE, 1, drop_new=True)
    assert words(scenario) == {"a/front": "r1"}
    assert (done.restored, done.dropped, done.kept_new, done.withdrawn) == (1, 3, 0, 4)


def test_what_is_gone_since_comes_back(scenario: StoreScenario) -> None:
    scenario.release("r6", {"b/front": None})
    done = rollback(scenario.store, scenario.tables, CATALOGUE, 3)
    assert words(scenario) == {"a/front": "r2", "b/front": "r3", "c/front": "r4", "d/front": "r5"}
    assert (done.restored, done.kept_new, done.withdrawn) == (1, 2, 0)


def test_by_default_nothing_happens_where_only_new_slots_differ_and_it_says_what_to_do(
    scenario: StoreScenario,
) -> None:
    """The release before the last one shows the bad picture too: to say that one went back to it would be a lie."""
    shown = words(scenario)
    with pytest.raises(OptionError, match=r"Release 4 differs .* only by 1 image\(s\) of slots that are new since"):
        rollback(scenario.store, scenario.tables, CATALOGUE)
    assert words(scenario) == shown
    assert scenario.keys("open-amendments/") == set()


def test_one_run_is_taken_back_with_what_it_put_and_nothing_else(scenario: StoreScenario) -> None:
    done = rollback(scenario.store, scenario.tables, CATALOGUE, run_id="r2")
    assert words(scenario) == {"a/front": "r1", "b/front": "r3", "c/front": "r4", "d/front": "r5"}
    assert (done.restored, done.dropped, done.kept_new, done.changed_since, done.target) == (1, 0, 0, 0, 1)
    newest = list_releases(scenario.tables, CATALOGUE, scenario.store)[0]
    assert (newest.back_to, newest.undone, done.undone) == (None, (2,), (2,))
    done = rollback(scenario.store, scenario.tables, CATALOGUE, run_id="r4")
    assert "c/front" not in words(scenario)
    assert (done.restored, done.dropped) == (0, 1)


def test_a_slot_of_the_run_that_changed_again_stays_and_is_named(scenario: StoreScenario) -> None:
    scenario.release("r6", {"a/front": "white", "e/front": "black"})
    scenario.release("r7", {"a/front": "grey"})
    done = rollback(scenario.store, scenario.tables, CATALOGUE, run_id="r6")
    assert (words(scenario)["a/front"], "e/front" in words(scenario)) == ("r7", False)
    assert (done.restored, done.dropped, done.changed_since) == (0, 1, 1)
    assert [slot["sku"] for slot in done.slots["changed_since"]] == ["a"]


def test_a_run_is_taken_back_although_its_rows_got_another_digest_since(scenario: StoreScenario) -> None:
    scenario.release("r5b", {"a/front": "pink"}, source_digest=b"moved" * 3 + b"!")
    done = rollback(scenario.store, scenario.tables, CATALOGUE, run_id="r2")
    assert (words(scenario)["a/front"], done.changed_since) == ("r1", 0)


def test_skus_go_back_to_what_they_showed_before_their_last_change(scenario: StoreScenario) -> None:
    done = rollback(scenario.store, scenario.tables, CATALOGUE, skus=("a", "c"))
    assert words(scenario) == {"a/front": "r1", "b/front": "r3", "d/front": "r5"}
    assert (done.restored, done.dropped, withdrawn(scenario)) == (1, 1, {"a", "c"})


def test_skus_narrow_a_release_and_a_run(scenario: StoreScenario) -> None:
    done = rollback(scenario.store, scenario.tables, CATALOGUE, 1, skus=("b", "c"), drop_new=True)
    assert words(scenario) == {"a/front": "r2", "d/front": "r5"}
    assert (done.restored, done.dropped) == (0, 2)
    scenario.release("r8", {"a/front": "grey", "d/front": "white"})
    rollback(scenario.store, scenario.tables, CATALOGUE, run_id="r8", skus=("d",))
    assert words(scenario) == {"a/front": "r8", "d/front": "r5"}


def test_an_explicit_release_shows_what_an_earlier_rollback_took_away(scenario: StoreScenario) -> None:
    rollback(scenario.store, scenario.tables, CATALOGUE, run_id="r2")
    done = rollback(scenario.store, scenario.tables, CATALOGUE, 2)
    assert words(scenario)["a/front"] == "r2"
    assert (done.restored, done.readmitted) == (1, 1)


def test_a_preview_counts_and_names_the_same_and_writes_nothing(scenario: StoreScenario) -> None:
    there = scenario.keys()
    plan = plan_rollback(scenario.store, scenario.tables, CATALOGUE, RollbackSelection(to=1))
    seen = preview_rollback(scenario.store, scenario.tables, CATALOGUE, plan)
    assert scenario.keys() == there
    done = perform_rollback(scenario.store, scenario.tables, CATALOGUE, plan)
    assert (seen.restored, seen.dropped, seen.kept_new, seen.slots) == (1, 0, 3, done.slots)


def test_what_was_published_while_the_command_waited_is_named_and_new_slots_of_it_stay(
    scenario: StoreScenario,
) -> None:
    """A4: a rollback waited for the nightly and then took back what that had just published."""
    plan = plan_rollback(scenario.store, scenario.tables, CATALOGUE, RollbackSelection())
    assert plan.target == 4
    plan = plan_rollback(scenario.store, scenario.tables, CATALOGUE, RollbackSelection(to=1))
    scenario.release("nightly", {"e/front": "black", "a/front": "grey"})
    done = perform_rollback(scenario.store, scenario.tables, CATALOGUE, plan)
    assert words(scenario) == {"a/front": "r1", "b/front": "r3", "c/front": "r4", "d/front": "r5", "e/front": "nightly"}
    assert done.published_meanwhile == 2
    named = {slot["sku"]: slot["taken_back"] for slot in done.slots["published_meanwhile"]}
    assert named == {"a": True, "e": False}


def test_what_a_run_published_meanwhile_goes_with_all_that_is_new_and_is_named(scenario: StoreScenario) -> None:
    plan = plan_rollback(scenario.store, scenario.tables, CATALOGUE, RollbackSelection(to=1, drop_new=True))
    scenario.release("nightly", {"e/front": "black"})
    done = perform_rollback(scenario.store, scenario.tables, CATALOGUE, plan)
    assert set(words(scenario)) == {"a/front"}
    assert [(slot["sku"], slot["taken_back"]) for slot in done.slots["published_meanwhile"]] == [("e", True)]


def test_a_sku_that_changed_meanwhile_is_left_and_named(scenario: StoreScenario) -> None:
    plan = plan_rollback(scenario.store, scenario.tables, CATALOGUE, RollbackSelection(skus=("a",)))
    scenario.release("nightly", {"a/front": "grey"})
    done = perform_rollback(scenario.store, scenario.tables, CATALOGUE, plan)
    assert (words(scenario)["a/front"], done.restored, done.changed_since) == ("nightly", 0, 1)
