"""A rollback makes the older images live, is recorded as a withdrawal, and survives a kill at every operation."""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.keys import image_key
from infra.errors import LeaseLost, StoreError
from infra.interfaces import Commit
from infra.stores import open_store
from infra.tables import open_tables
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from infra.testing.faulty_tables import FaultyTables
from tasks.amendments.manifest_change import recover_all_changes
from tasks.amendments.rollback import rollback
from tasks.maintenance.verify_kept import verify_kept
from tasks.runs import run_state as runs
from tasks.runs.release_history import list_releases
from tests.fixtures.kept_shop import KeptShop
from tests.fixtures.store_scenarios import StoreScenario, finish_digest_of, request_key_of

FIRST = {"shirt/front": "red", "shirt/back": "blue", "shoe/front": "green", "hat/front": "white"}
SECOND = {"shirt/front": "pink", "hat/front": None, "sock/front": "grey", "shoe/front": "green+square"}


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    """A shop after two releases: a picture replaced, a slot retired, one new, one finished anew, one untouched."""
    shop = StoreScenario(tmp_path)
    shop.release("r1", FIRST)
    shop.release("r2", SECOND)
    return shop


def refusals(scenario: StoreScenario) -> dict[tuple[str, str], str]:
    """Return the state of each outcome by (SKU, the words of its picture and its finish)."""
    words = {request_key_of(word): word for word in ("red", "blue", "green", "white", "pink", "grey", "black")}
    finishes = {finish_digest_of("x" + end): end for end in ("", "+square", "+white")}
    rows = scenario.tables.read(layout.outcomes_table("shoes")).to_pylist()
    found = {(row["sku"], words[row["request_key"]] + finishes[row["finish_digest"]]): row["state"] for row in rows}
    assert len(found) == len(rows)
    return found


def test_the_images_of_the_release_before_are_live_again_in_one_commit(scenario: StoreScenario) -> None:
    before = scenario.tables.read(layout.manifest_table("shoes"), version=1).sort_by("slot_id")
    done = rollback(scenario.store, scenario.tables, "shoes", drop_new=True)
    assert (done.version, done.previous, done.target) == (3, 2, 1)
    assert (done.restored, done.dropped) == (3, 1)
    assert scenario.tables.read(layout.manifest_table("shoes")).sort_by("slot_id").equals(before)
    line = list_releases(scenario.tables, "shoes", scenario.store)[0]
    assert (line.version, line.kind, line.back_to, line.run_id, line.rows) == (3, "rollback", 1, done.run_id, 4)


def test_what_was_live_before_and_is_not_after_is_withdrawn(scenario: StoreScenario) -> None:
    done = rollback(scenario.store, scenario.tables, "shoes", 1, drop_new=True)
    assert (done.withdrawn, done.readmitted) == (3, 0)
    assert refusals(scenario) == {
        ("shirt", "pink"): "withdrawn",
        ("sock", "grey"): "withdrawn",
        ("shoe", "green+square"): "withdrawn",
    }
    pink = scenario.outcomes()[("shirt", request_key_of("pink"))]
    assert (pink["reasons"], pink["policy_digest"], pink["attempts"]) == (["rolled-back"], "", 1)
    assert (pink["run_id"], pink["expires_at"]) == (done.run_id, None)
    assert pink["image_key"].hex() == image_key(request_key_of("pink").hex(), 0)
    live = scenario.tables.read(layout.manifest_table("shoes"), version=2).to_pylist()
    assert pink["source_digest"] == next(
        row["source_digest"] for row in live if row["request_key"] == request_key_of("pink")
    )


def test_there_and_back_again_leaves_nothing_withdrawn_that_is_live(scenario: StoreScenario) -> None:
    shown = scenario.published_objects()
    rollback(scenario.store, scenario.tables, "shoes", drop_new=True)
    done = rollback(scenario.store, scenario.tables, "shoes", drop_new=True)
    assert (done.version, done.target) == (4, 2)
    assert scenario.published_objects() == shown
    assert refusals(scenario) == {
        ("shirt", "red"): "withdrawn",
        ("hat", "white"): "withdrawn",
        ("shoe", "green"): "withdrawn",  # the square finish is live, and free again
    }
    assert (done.withdrawn, done.readmitted) == (3, 3)


def test_an_image_that_a_person_withdrew_is_free_again_where_it_is_live_again(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red", "hat/front": "white"})
    shop.release("r2", {"shirt/front": "pink"})
    shop.commit_outcome("o1", "shirt/front", "red", "withdrawn")
    shop.commit_outcome("o2", "hat/front", "black", "withdrawn")
    shop.commit_outcome("o3", "hat/front", "blue", "blocked")
    done = rollback(shop.store, shop.tables, "shoes", 1)
    assert refusals(shop) == {
        ("shirt", "pink"): "withdrawn",
        ("hat", "black"): "withdrawn",
        ("hat", "blue"): "blocked",
    }
    assert (done.withdrawn, done.readmitted) == (1, 1)


def test_going_back_twice_withdraws_both_finishes(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    for number, word in enumerate(("red", "red+square", "red+white"), start=1):
        shop.release(f"r{number}", {"shirt/front": word})
    rollback(shop.store, shop.tables, "shoes", 2)
    assert refusals(shop) == {("shirt", "red+white"): "withdrawn"}
    rollback(shop.store, shop.tables, "shoes", 1)
    assert refusals(shop) == {("shirt", "red+white"): "withdrawn", ("shirt", "red+square"): "withdrawn"}
    rollback(shop.store, shop.tables, "shoes", 2)
    assert refusals(shop) == {("shirt", "red+white"): "withdrawn", ("shirt", "red"): "withdrawn"}


def test_attempts_that_were_counted_before_are_not_forgotten(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red", "hat/front": "white"})
    shop.commit_outcome("o1", "shirt/front", "pink", "failed", attempts=5)
    shop.release("r2", {"shirt/front": "pink"}, attempt=1)
    shop.release("r3", {"hat/front": "black"}, attempt=2)
    rollback(shop.store, shop.tables, "shoes", 1)
    rows = shop.outcomes()
    assert rows[("shirt", request_key_of("pink"))]["attempts"] == 5
    assert rows[("hat", request_key_of("black"))]["attempts"] == 3
    assert rows[("hat", request_key_of("black"))]["image_key"].hex() == image_key(request_key_of("black").hex(), 2)


def test_a_source_digest_that_moved_since_stays(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red", "hat/front": "white"})
    shop.release("r2", {"shirt/front": "red"}, source_digest=b"moved" * 3 + b"!")
    shop.release("r3", {"hat/front": "black"})
    done = rollback(shop.store, shop.tables, "shoes", 1)
    rows = {row["sku"]: row for row in shop.tables.read(layout.manifest_table("shoes")).to_pylist()}
    assert rows["shirt"]["source_digest"] == b"moved" * 3 + b"!"
    assert (done.restored, done.dropped) == (1, 0)


def test_a_release_that_shows_the_same_is_gone_back_to_without_a_commit(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red"})
    shop.release("r2", {"shirt/front": "red"}, source_digest=b"m" * 16)
    done = rollback(shop.store, shop.tables, "shoes", 1)
    assert (done.version, done.previous, done.restored, done.dropped, done.withdrawn) == (2, 2, 0, 0, 0)
    assert shop.keys("open-amendments/") == set()


def test_a_missing_image_is_named_and_nothing_is_changed(scenario: StoreScenario) -> None:
    gone = scenario.published_objects(1)["shirt/front"]
    scenario.store.delete([gone])
    there = scenario.keys()
    with pytest.raises(StoreError, match=f"Release 1 cannot be shown again: its image '{gone}' is gone"):
        rollback(scenario.store, scenario.tables, "shoes", 1)
    left = {key.rsplit("/", 1)[1] for key in scenario.keys() - there}
    assert left == {"run.json", "closed.json"}, "the refused rollback, closed as superseded"
    assert there <= scenario.keys()


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (2, "Release 2 of 'shoes' is the current one; one can go back to: 1"),
        (0, "has no release 0; one can go back to: 1"),
        (7, "has no release 7; one can go back to: 1"),
        (-1, "has no release -1; one can go back to: 1"),
    ],
)
def test_a_release_that_cannot_be_is_refused_naming_those_that_can(
    scenario: StoreScenario, version: int, message: str
) -> None:
    there = scenario.keys()
    with pytest.raises(OptionError, match=message):
        rollback(scenario.store, scenario.tables, "shoes", version)
    assert scenario.keys() == there


def test_a_first_release_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red"})
    with pytest.raises(OptionError, match=r"has 1 release\(s\); there is no other to go back to"):
        rollback(shop.store, shop.tables, "shoes")
    with pytest.raises(OptionError, match="has no catalogue 'boots'; it has: shoes"):
        rollback(shop.store, shop.tables, "boots")


def test_a_rollback_is_a_run_that_can_be_loaded_and_is_closed(scenario: StoreScenario) -> None:
    done = rollback(scenario.store, scenario.tables, "shoes", 1)
    run = runs.load_run(scenario.store, done.run_id)
    assert (run.run_id, run.catalogue, run.scope) == (done.run_id, "shoes", "full")
    assert runs.load_open_runs(scenario.store, "shoes").runs == []
    assert {key.rsplit("/", 1)[1] for key in scenario.keys(f"runs/{done.run_id}/")} == {"run.json", "closed.json"}
    assert scenario.keys("open") == set()


# Killed


def state(scenario: StoreScenario) -> tuple[dict[str, str], dict[Any, Any]]:
    """Return what is shown and what is remembered, without ids and times."""
    told = {key: {**row, "run_id": "", "decided_at": None} for key, row in scenario.outcomes().items()}
    return scenario.published_objects(), told


def rollback_scenario(folder: Path) -> StoreScenario:
    shop = StoreScenario(folder)
    shop.release("r1", FIRST)
    shop.release("r2", SECOND)
    shop.commit_outcome("o1", "shirt/front", "red", "withdrawn")
    return shop


def crash_rollback(scenario: StoreScenario, dies_at: int | None, when: Any) -> FaultInjector:
    mortality = FaultInjector(dies_at, when)
    store, tables = (
        FaultyStore(open_store(scenario.store.url), mortality),
        FaultyTables(open_tables(scenario.store.url), mortality),
    )
    try:
        rollback(store, tables, "shoes", 1, drop_new=True)
    except InjectedFault:
        assert mortality.has_failed
    return mortality


class CrashAtOutcomes(FaultyTables):
    def ensure(self, table: str, schema: pa.Schema) -> None:
        raise InjectedFault(f"The store died before {table} of {len(schema)} columns was looked at.")


@pytest.mark.parametrize(
    ("finisher", "when"),
    [pytest.param("the same command", "after", marks=pytest.mark.slow), ("the next refresh", "before")],
)
def test_killed_at_any_operation_it_is_all_or_nothing_and_can_be_completed(
    tmp_path: Path, when: str, finisher: str
) -> None:
    rollback_scenario(tmp_path / "shop")

    def another(name: str) -> StoreScenario:
        shutil.copytree(tmp_path / "shop", tmp_path / name)
        return StoreScenario(tmp_path / name)

    undisturbed = another("undisturbed")
    untouched = state(undisturbed)
    operations = crash_rollback(undisturbed, None, when).operation_count
    wanted = state(undisturbed)
    assert wanted != untouched
    seen = set()
    for dies_at in range(1, operations + 1):
        shop = another(str(dies_at))
        assert crash_rollback(shop, dies_at, when).has_failed
        committed = shop.tables.version(layout.manifest_table("shoes")) == 3
        if finisher == "the next refresh":
            recover_all_changes(shop.store, shop.tables, "shoes", holds_lease=True)
            assert state(shop) == (wanted if committed else untouched), f"killed {when} operation {dies_at}"
        elif not committed or shop.keys("open-amendments/"):
            done = rollback(shop.store, shop.tables, "shoes", 1, drop_new=True)
            assert (done.previous, done.target) == (2, 1)  # a fence may stand between the releases
        if finisher == "the same command":
            assert state(shop) == wanted, f"killed {when} operation {dies_at}"
        seen.add(committed)
        assert shop.keys("open-amendments/") == set()
    assert seen == {False, True}


def test_a_killed_rollback_by_default_is_completed_by_the_same_command_not_undone(scenario: StoreScenario) -> None:
    shown = scenario.published_objects(1)
    with pytest.raises(InjectedFault):
        rollback(scenario.store, CrashAtOutcomes(scenario.tables, FaultInjector()), "shoes", drop_new=True)
    assert scenario.published_objects() == shown
    assert scenario.outcomes() == {}
    done = rollback(scenario.store, scenario.tables, "shoes", drop_new=True)
    assert (done.version, done.target, done.withdrawn) == (3, 1, 3)
    assert scenario.published_objects() == shown


def test_a_run_that_came_before_the_completion_is_not_undone(scenario: StoreScenario) -> None:
    with pytest.raises(InjectedFault):
        rollback(scenario.store, CrashAtOutcomes(scenario.tables, FaultInjector()), "shoes", drop_new=True)
    scenario.release("r4", {"shirt/front": "pink"})  # a partial run that knew of no withdrawal
    (done,) = recover_all_changes(scenario.store, scenario.tables, "shoes", holds_lease=True)
    assert (done.version, done.withdrawn) == (3, 2)
    assert ("shirt", "pink") not in refusals(scenario)
    assert refusals(scenario)[("sock", "grey")] == "withdrawn"


def test_a_partial_run_completes_a_committed_rollback_and_leaves_one_alone_that_may_be_about_to_commit(
    scenario: StoreScenario,
) -> None:
    class LookedAt(FaultyTables):
        def merge(self, table: str, *arguments: Any, **words: Any) -> int:
            if table == layout.manifest_table("shoes"):
                assert recover_all_changes(scenario.store, scenario.tables, "shoes", holds_lease=False) == []
            return super().merge(table, *arguments, **words)

    done = rollback(scenario.store, LookedAt(scenario.tables, FaultInjector()), "shoes", drop_new=True)
    assert done.withdrawn == 3
    with pytest.raises(InjectedFault):
        rollback(scenario.store, CrashAtOutcomes(scenario.tables, FaultInjector()), "shoes", drop_new=True)
    assert [
        each.version for each in recover_all_changes(scenario.store, scenario.tables, "shoes", holds_lease=False)
    ] == [4]
    assert scenario.keys("open-amendments/") == set()


def test_a_rollback_that_was_taken_for_dead_lets_be(scenario: StoreScenario) -> None:
    class Slow(FaultyTables):
        def history(self, table: str, limit: int | None = None, *, after: int | None = None) -> Sequence[Commit]:
            recover_all_changes(scenario.store, scenario.tables, "shoes", holds_lease=True)
            return super().history(table, limit, after=after)

    shown = scenario.published_objects()
    with pytest.raises(LeaseLost, match="was taken for dead by another run; give the command again"):
        rollback(scenario.store, Slow(scenario.tables, FaultInjector()), "shoes", 1)
    assert scenario.published_objects() == shown
    assert scenario.outcomes() == {}


def test_a_rollback_beside_a_racing_release_still_ends_at_its_target(scenario: StoreScenario) -> None:
    class Raced(FaultyTables):
        def merge(self, table: str, *arguments: Any, **words: Any) -> int:
            if scenario.tables.version(layout.manifest_table("shoes")) == 2:
                scenario.release("racer", {"shirt/back": "black"})
            return super().merge(table, *arguments, **words)

    done = rollback(scenario.store, Raced(scenario.tables, FaultInjector()), "shoes", 1, drop_new=True)
    assert (done.version, done.previous) == (4, 3)
    assert scenario.published_objects() == scenario.published_objects(1)
    assert refusals(scenario)[("shirt", "black")] == "withdrawn"


def test_times_in_the_outcomes_are_the_rollbacks(scenario: StoreScenario) -> None:
    began = datetime.now(UTC)
    rollback(scenario.store, scenario.tables, "shoes")
    assert all(began <= row["decided_at"] <= datetime.now(UTC) for row in scenario.outcomes().values())


def test_a_row_of_a_kept_product_comes_back_with_what_was_kept(tmp_path: Path) -> None:
    shop = KeptShop(tmp_path)
    shop.keep("r1", {"shirt/front": 1})
    before = shop.live_row("shirt/front")
    shop.release("r2", {"shirt/front": "red"})
    assert shop.live_row("shirt/front")["kept"] is None
    rollback(shop.store, shop.tables, "shoes")
    assert shop.live_row("shirt/front") == before
    assert (before["mode"], before["photo_sha"].hex()) == ("white", shop.pictures["shirt/front"].kept.photo)
    assert verify_kept(shop.store, shop.tables, "shoes", processes=0).sound
