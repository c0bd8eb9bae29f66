"""A rollback is asked for in view of one release, says when it waits, and needs conditional writes."""

import threading
from pathlib import Path
from typing import Any

import pytest

from catalogs.runs.rollback_selection import RollbackSelection
from flows.channel_answers import give_answer
from flows.rollbacks import let_back, roll_back
from flows.run.leases import hold_catalogue_lease
from infra.errors import StoreError
from infra.settings import Settings
from infra.testing.faulty_store import FaultInjector, FaultyStore
from tasks.amendments.approve import ApprovalAnswer
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario

SETTINGS = Settings(lease_seconds=30)


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"a/front": "red"})
    shop.release("r2", {"a/front": "pink"})
    return shop


def test_it_says_at_once_that_it_waits_and_leaves_what_is_published_meanwhile(scenario: StoreScenario) -> None:
    """A4: it waited without a word for the nightly, and then took back what that had just published."""
    said: list[str] = []
    published = threading.Event()

    def hear(message: str) -> None:
        said.append(message)
        scenario.release("nightly", {"b/front": "green"})
        published.set()

    def nightly() -> None:
        with hold_catalogue_lease(scenario.store, CATALOGUE, SETTINGS, wait=False):
            holds.set()
            published.wait(30)

    holds = threading.Event()
    thread = threading.Thread(target=nightly)
    thread.start()
    holds.wait(30)
    done = roll_back(scenario.store, scenario.tables, CATALOGUE, RollbackSelection(), SETTINGS, report_wait=hear)
    thread.join()
    assert said[0].startswith("Waiting for 'shoes': it is held by 'full run of shoes' (process ")
    assert (done.target, done.restored, done.dropped, done.published_meanwhile) == (1, 1, 0, 1)
    assert set(scenario.published_objects()) == {"a/front", "b/front"}


def test_a_dry_run_waits_for_nobody_and_writes_nothing(scenario: StoreScenario) -> None:
    with hold_catalogue_lease(scenario.store, CATALOGUE, SETTINGS, wait=False):
        there = scenario.keys()
        done = roll_back(scenario.store, scenario.tables, CATALOGUE, RollbackSelection(), SETTINGS, dry_run=True)
        assert (done.restored, done.run_id) == (1, "")
        assert scenario.keys() == there


def test_a_store_that_ignores_conditions_is_refused(scenario: StoreScenario) -> None:
    """A16: promise 8 was kept by refreshes and policies only."""

    class Ignoring(FaultyStore):
        def write_once(self, key: str, data: bytes, **words: Any) -> bool:
            self.write(key, data, **words)
            return True

    store, shown = Ignoring(scenario.store, FaultInjector()), scenario.published_objects()
    refused = pytest.raises(StoreError, match="overwrites what a conditional write should leave alone")
    with refused:
        roll_back(store, scenario.tables, CATALOGUE, RollbackSelection(), SETTINGS)
    with refused:
        let_back(store, scenario.tables, CATALOGUE, ["a"], SETTINGS, reason="good", person="ada")
    with refused:
        give_answer(store, scenario.tables, CATALOGUE, ApprovalAnswer("showroom", ["a"], "seen", "ada"), SETTINGS)
    assert scenario.published_objects() == shown
