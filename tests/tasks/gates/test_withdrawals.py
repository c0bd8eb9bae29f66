"""A picture that a person took back is not published again by a run that was planned before."""

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
from tests.fixtures.run_rows import batch, decision
from tests.fixtures.store_scenarios import CATALOGUE, Shop, finish_of, request_of

SHIRT, MUG = slot_id("shirt", "front", "a", 0), slot_id("mug", "front", "a", 0)
RED = (SHIRT, request_of("red"), finish_of("red"))
MANIFEST = layout.manifest_table(CATALOGUE)


class DiesBetweenItsCommits(FaultyTables):
    def ensure(self, table: str, schema: Any) -> None:
        if table.startswith("outcomes/"):
            raise InjectedFault("The store died between the two commits.")
        super().ensure(table, schema)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop whose shirt got a picture in release 2."""
    shop = Shop(tmp_path)
    shop.release("r1", {"bag/front": "green"})
    shop.release("r2", {"shirt/front": "red"})
    return shop


@pytest.fixture
def late() -> ReleaseBatch:
    """A batch planned when the shirt and the mug had no picture yet."""
    return batch([decision("shirt/front", "red"), decision("mug/front", "blue")])


def withdrawn(shop: Shop, found: ReleaseBatch) -> frozenset[tuple[bytes, bytes, str]]:
    version = shop.tables.version(MANIFEST)
    assert version is not None
    return find_withdrawn_images(shop.store, shop.tables, found, version)


def test_a_slot_that_is_as_empty_as_planned_but_lost_its_picture_by_a_rollback_is_superseded(
    shop: Shop, late: ReleaseBatch
) -> None:
    shop.stage("red")
    shop.stage("blue")
    rollback(shop.store, shop.tables, CATALOGUE)
    release = publish(shop.store, shop.tables, late)
    assert release.sums.superseded == {SHIRT}
    assert dict(release.sums.states) == {"superseded": 1, "published": 1}
    assert set(shop.shown()) == {"bag/front", "mug/front"}


def test_between_the_two_commits_of_a_rollback_its_own_commit_says_what_is_withdrawn(
    shop: Shop, late: ReleaseBatch
) -> None:
    with pytest.raises(InjectedFault):
        rollback(shop.store, DiesBetweenItsCommits(shop.tables, FaultInjector()), CATALOGUE)
    assert shop.outcomes() == {}
    assert withdrawn(shop, late) == {RED}
    recover_all_changes(shop.store, shop.tables, CATALOGUE, holds_lease=True)
    assert withdrawn(shop, late) == {RED}


def test_a_picture_that_the_slot_keeps_in_another_file_is_not_withdrawn(shop: Shop, late: ReleaseBatch) -> None:
    shop.release("r3", {"shirt/front": "red"}, file_sha=bytes(32))
    with pytest.raises(InjectedFault):
        rollback(shop.store, DiesBetweenItsCommits(shop.tables, FaultInjector()), CATALOGUE)
    assert withdrawn(shop, late) == frozenset()
    recover_all_changes(shop.store, shop.tables, CATALOGUE, holds_lease=True)
    assert withdrawn(shop, late) == frozenset()


def test_another_picture_for_the_slot_may_come(shop: Shop) -> None:
    shop.stage("pink")
    shop.stage("red")
    rollback(shop.store, shop.tables, CATALOGUE)
    found = batch([decision("shirt/front", "pink"), decision("shirt/back", "red")])
    assert withdrawn(shop, found) == {RED}
    assert publish(shop.store, shop.tables, found).sums.superseded == frozenset()
    assert set(shop.shown()) == {"bag/front", "shirt/front", "shirt/back"}
    assert withdrawn(shop, batch()) == frozenset()


def test_what_was_withdrawn_after_the_commit_does_not_move_its_sums(shop: Shop) -> None:
    shop.stage("blue")
    found = batch([decision("mug/front", "blue")])
    first = publish(shop.store, shop.tables, found)
    rollback(shop.store, shop.tables, CATALOGUE)
    assert publish(shop.store, shop.tables, found) == first
    assert withdrawn(shop, found) == {(MUG, request_of("blue"), finish_of("blue"))}


def test_a_rollback_that_was_rolled_back_binds_no_more(shop: Shop, late: ReleaseBatch) -> None:
    rollback(shop.store, shop.tables, CATALOGUE, 1)
    rollback(shop.store, shop.tables, CATALOGUE, 2)
    assert withdrawn(shop, late) == frozenset()
    assert shop.shown().keys() == {"bag/front", "shirt/front"}


def test_a_shop_without_outcomes_has_withdrawn_nothing(tmp_path: Path, late: ReleaseBatch) -> None:
    shop = Shop(tmp_path)
    for key in shop.keys("outcomes/"):
        shop.store.delete([key])
    assert withdrawn(shop, late) == frozenset()
