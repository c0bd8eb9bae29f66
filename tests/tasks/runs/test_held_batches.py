"""Which batches wait for a person, since when, and which of them nobody answers."""

from datetime import timedelta
from pathlib import Path

import pytest

from catalogs import layout
from infra.stores.json_objects import write_json
from tasks.runs import run_state as runs
from tasks.runs.held_batches import LAST_RESORT_HOURS, list_held_batches
from tests.fixtures.run_rows import RUN_ID
from tests.fixtures.store_scenarios import StoreScenario

CHECK = {"name": "look-before-live", "success": False, "critical": True, "reason": "3 images of 3 not accepted yet"}


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    shop = StoreScenario(tmp_path)
    shop.write_run_folder(RUN_ID, is_open=True)
    return shop


def hold(scenario: StoreScenario, hours: float | None = None) -> None:
    runs.hold_run(scenario.store, runs.load_run(scenario.store, RUN_ID), [CHECK["name"]], [CHECK], hours)  # type: ignore[list-item]


def test_an_open_run_that_is_not_held_waits_for_nobody(scenario: StoreScenario) -> None:
    assert list_held_batches(scenario.store, "shoes") == []


def test_a_held_batch_says_why_and_what_to_do(scenario: StoreScenario) -> None:
    hold(scenario, 2)
    (batch,) = list_held_batches(scenario.store, "shoes")
    now = batch.since + timedelta(hours=1)
    assert [(check.name, check.sentence) for check in batch.checks] == [(CHECK["name"], CHECK["reason"])]
    assert batch.sentence(now) == (
        f"The batch of the run {RUN_ID} is held by look-before-live for 1 h. Look at it in `packshot review`, or:"
        f" packshot release {RUN_ID} --store … --accept look-before-live --reason …"
    )
    assert batch.document(now)["overdue"] is False


def test_silence_is_said_and_lets_nothing_go(scenario: StoreScenario) -> None:
    hold(scenario, 2)
    (batch,) = list_held_batches(scenario.store, "shoes")
    now = batch.since + timedelta(hours=2)
    assert batch.document(now)["overdue"] is True
    assert "for 2 h without an answer; it stays held" in batch.sentence(now)
    assert runs.is_run_open(scenario.store, batch.run)


def test_a_batch_that_is_held_again_waits_since_the_first_time(scenario: StoreScenario) -> None:
    hold(scenario, 2)
    (first,) = list_held_batches(scenario.store, "shoes")
    hold(scenario, 5)
    (second,) = list_held_batches(scenario.store, "shoes")
    assert second.since == first.since
    assert second.silent_after == timedelta(hours=5)


def test_a_batch_that_an_older_version_held_waits_since_its_run_began(scenario: StoreScenario) -> None:
    write_json(scenario.store, layout.RunFiles(RUN_ID).held, {"held": ["publish-share"], "checks": []})
    (batch,) = list_held_batches(scenario.store, "shoes")
    assert (batch.since, batch.silent_after) == (batch.run.started_at, timedelta(hours=LAST_RESORT_HOURS))
    assert [(check.name, check.sentence) for check in batch.checks] == [("publish-share", "")]
