"""An image that a person withdrew is not published again by a run that was planned before."""

from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.keys import slot_id
from catalogs.runs.release_batch import ReleaseBatch
from infra.testing.faulty_store import FaultInjector, InjectedFault
from infra.testing.faulty_tables import FaultyTables
from tasks.amendments.manifest_change import recover_all_changes
from tasks.amendments.rollback import rollback
from tasks.gates.withdrawals import find_withdrawn_images
from tasks.pipeline.publish import publish
from tests.fixtures.run_rows import decision_row, make_release_batch, write_policy
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, finish_digest_of, request_key_of

SHIRT, MUG = slot_id("shirt", "front", "a", 0), slot_id("mug", "front", "a", 0)
RED = (SHIRT, request_key_of("red"), finish_digest_of("red"))
MANIFEST = layout.manifest_table(CATALOGUE)


class CrashBetweenCommits(FaultyTables):
    def ensure(self, table: str, schema: Any) -> None:
        if table.startswith("outcomes/"):
            raise InjectedFault("The store died between the two commits.")
        super().ensure(table, schema)


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    """A shop whose shirt got a picture in release 2."""
    shop = StoreScenario(tmp_path)
    write_policy(shop.store)
    shop.release("r1", {"bag/front": "green"})
    shop.release("r2", {"shirt/front": "red"})
    return shop


@pytest.fixture
def outdated_batch() -> ReleaseBatch:
    """A batch planned when the shirt and the mug had no picture yet."""
    return make_release_batch([decision_row("shirt/front", "red"), decision_row("mug/front", "blue")])


def withdrawn(scenario: StoreScenario, found: ReleaseBatch) -> frozenset[tuple[bytes, bytes, str]]:
    version = scenario.tables.version(MANIFEST)
    assert version is not None
    return find_withdrawn_images(scenario.store, scenario.tables, found, version)


def test_a_slot_that_is_as_empty_as_planned_but_lost_its_image_by_a_rollback_is_superseded(
    scenario: StoreScenario, outdated_batch: ReleaseBatch
) -> None:
    scenario.stage_image("red")
    scenario.stage_image("blue")
    rollback(scenario.store, scenario.tables, CATALOGUE, drop_new=True)
    release = publish(scenario.store, scenario.tables, outdated_batch)
    assert release.sums.superseded == {SHIRT}
    assert dict(release.sums.states) == {"superseded": 1, "published": 1}
    assert set(scenario.published_objects()) == {"bag/front", "mug/front"}


def test_between_the_two_commits_of_a_rollback_its_own_commit_says_what_is_withdrawn(
    scenario: StoreScenario, outdated_batch: ReleaseBatch
) -> None:
    with pytest.raises(InjectedFault):
        rollback(scenario.store, CrashBetweenCommits(scenario.tables, FaultInjector()), CATALOGUE, drop_new=True)
    assert scenario.outcomes() == {}
    assert withdrawn(scenario, outdated_batch) == {RED}
    recover_all_changes(scenario.store, scenario.tables, CATALOGUE, holds_lease=True)
    assert withdrawn(scenario, outdated_batch) == {RED}


def test_an_image_that_the_slot_keeps_in_another_file_is_not_withdrawn(
    scenario: StoreScenario, outdated_batch: ReleaseBatch
) -> None:
    scenario.release("r3", {"shirt/front": "red"}, file_sha=bytes(32))
    with pytest.raises(InjectedFault):
        rollback(scenario.store, CrashBetweenCommits(scenario.tables, FaultInjector()), CATALOGUE, drop_new=True)
    assert withdrawn(scenario, outdated_batch) == frozenset()
    recover_all_changes(scenario.store, scenario.tables, CATALOGUE, holds_lease=True)
    assert withdrawn(scenario, outdated_batch) == frozenset()


def test_another_image_for_the_slot_may_come(scenario: StoreScenario) -> None:
    scenario.stage_image("pink")
    scenario.stage_image("red")
    rollback(scenario.store, scenario.tables, CATALOGUE, drop_new=True)
    found = make_release_batch([decision_row("shirt/front", "pink"), decision_row("shirt/back", "red")])
    assert withdrawn(scenario, found) == {RED}
    assert publish(scenario.store, scenario.tables, found).sums.superseded == frozenset()
    assert set(scenario.published_objects()) == {"bag/front", "shirt/front", "shirt/back"}
    assert withdrawn(scenario, make_release_batch()) == frozenset()


def test_what_was_withdrawn_after_the_commit_does_not_move_its_sums(scenario: StoreScenario) -> None:
    scenario.stage_image("blue")
    found = make_release_batch([decision_row("mug/front", "blue")])
    first = publish(scenario.store, scenario.tables, found)
    rollback(scenario.store, scenario.tables, CATALOGUE, drop_new=True)
    assert publish(scenario.store, scenario.tables, found) == first
    assert withdrawn(scenario, found) == {(MUG, request_key_of("blue"), finish_digest_of("blue"))}


def test_a_rollback_that_was_rolled_back_binds_no_more(scenario: StoreScenario, outdated_batch: ReleaseBatch) -> None:
    rollback(scenario.store, scenario.tables, CATALOGUE, 1, drop_new=True)
    rollback(scenario.store, scenario.tables, CATALOGUE, 2, drop_new=True)
    assert withdrawn(scenario, outdated_batch) == frozenset()
    assert scenario.published_objects().keys() == {"bag/front", "shirt/front"}


def test_a_shop_without_outcomes_has_withdrawn_nothing(tmp_path: Path, outdated_batch: ReleaseBatch) -> None:
    shop = StoreScenario(tmp_path)
    for key in shop.keys("outcomes/"):
        shop.store.delete([key])
    assert withdrawn(shop, outdated_batch) == frozenset()
