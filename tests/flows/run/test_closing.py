"""A run is closed by its own process, or by nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.ingest.row_validation import RowCounts
from catalogs.planning.plan import Plan, PlanCounts
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.loading import built_in_recipe
from flows.run.closing import close_published_run, publish_batch
from flows.run.executors import open_thread_executor
from infra.errors import LeaseLost, StagedImageLost
from infra.stores.json_objects import read_json
from tasks.pipeline.publish import Release
from tasks.runs import run_state as runs
from tasks.runs.commit_guard import CommitGuard
from tasks.runs.resources import Resources
from tests.fixtures.run_rows import RUN_ID, decision_row, make_release_batch
from tests.fixtures.store_scenarios import StoreScenario


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    made = StoreScenario(tmp_path)
    made.write_run_folder(RUN_ID, is_open=True)
    return made


def resources_of(scenario: StoreScenario) -> Resources:
    def no_pool(model: str) -> Any:
        pytest.fail(f"a pool of {model} was opened")

    return Resources(scenario.store, scenario.tables, no_pool)


def guard_of(scenario: StoreScenario, check_leases: Callable[[], None] = lambda: None) -> CommitGuard:
    return CommitGuard(scenario.store, runs.load_run(scenario.store, RUN_ID), built_in_policy(), check_leases)


def closed(scenario: StoreScenario) -> dict[str, Any] | None:
    key = layout.RunFiles(RUN_ID).closed
    return read_json(scenario.store, key) if scenario.store.exists(key) else None


PLAN = Plan(base_version=0, live=0, rows=RowCounts(), slots=PlanCounts())


def test_a_lost_staged_image_ends_the_run_as_superseded_unless_it_is_not_ours_any_more(scenario: StoreScenario) -> None:
    batch = make_release_batch([decision_row("shirt/front", "red")])

    def lost() -> None:
        raise LeaseLost("taken over")

    with open_thread_executor() as executor:
        with pytest.raises(LeaseLost):
            publish_batch(resources_of(scenario), executor, guard_of(scenario, lost), PLAN, batch, built_in_recipe())
        assert closed(scenario) is None
        with pytest.raises(StagedImageLost):
            publish_batch(resources_of(scenario), executor, guard_of(scenario), PLAN, batch, built_in_recipe())
    assert (closed(scenario) or {})["state"] == "superseded"


def test_a_run_that_was_closed_meanwhile_is_not_closed_again(scenario: StoreScenario) -> None:
    batch, run = make_release_batch([]), runs.load_run(scenario.store, RUN_ID)
    runs.close_run(scenario.store, run, "superseded", {"reason": "a newer run took its place"})
    with pytest.raises(LeaseLost, match="taken over and closed"):
        close_published_run(resources_of(scenario), guard_of(scenario), batch, Release(1, 0, None, {}))  # type: ignore[arg-type]
    assert (closed(scenario) or {})["state"] == "superseded"
