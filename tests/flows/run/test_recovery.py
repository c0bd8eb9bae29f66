"""What open runs become when a refresh of their catalogue begins."""

from collections.abc import Callable
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.planning.plan import Plan
from catalogs.policy.schema import Policy
from catalogs.runs.job import Run
from catalogs.runs.release_batch import ReleaseBatch
from flows.run.leases import hold_run_lease
from flows.run.recovery import RecoveredRun, recover_runs
from infra.interfaces import Pool
from infra.sources import open_source
from infra.tables import open_tables
from tasks.pipeline.plan import make_plan
from tasks.runs import run_state as runs
from tasks.runs.resources import Resources
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import SETTINGS, RefreshHarness
from tests.fixtures.run_rows import start_run


class Scenario:
    """A catalogue with open runs that no process works on."""

    def __init__(self, folder: Path) -> None:
        self.shop = RefreshHarness(folder, [{"sku": "mug", "title": "Mug"}], STUB_RECIPE)
        self.job = self.shop.parameters().resolve_job()[0]
        self.resources = Resources(self.shop.store, open_tables(self.shop.url), _no_pool)
        self.closed: list[str] = []

    def start_run(self, *, same_inputs: bool = True) -> Run:
        """Start a run and plan it, of the job's catalogue or of another."""
        inputs = self.job.fingerprint(open_source(self.job.source).fingerprint())
        run = start_run(self.shop.store, self.job, inputs if same_inputs else "of another catalogue")
        make_plan(self.job, self.shop.store, self.resources.tables, run.run_id, SETTINGS.shard_size)
        return run

    def recover(self) -> RecoveredRun:
        recovered = recover_runs(self.job, self.resources, SETTINGS, self._close)
        recovered.lease.release()
        return recovered

    def is_open(self, run: Run) -> bool:
        return runs.is_run_open(self.shop.store, run)

    def _close(self, run: Run, policy: Policy, plan: Plan, batch: ReleaseBatch, check: Callable[[], None]) -> None:
        check()
        assert (policy, batch.run_id, plan.images) == (self.job.policy, run.run_id, 1)
        self.closed.append(run.run_id)
        runs.close_run(self.shop.store, run, "done", {"version": 1})


def _no_pool(model: str) -> Pool:
    pytest.fail(f"a pool of {model} was opened")


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    return Scenario(tmp_path)


def test_a_new_run_is_started_where_none_is_open(scenario: Scenario) -> None:
    recovered = scenario.recover()
    assert (scenario.is_open(recovered.run), recovered.outdated, scenario.closed) == (True, (), [])


def test_one_run_of_the_same_inputs_is_resumed_and_the_others_are_superseded(scenario: Scenario) -> None:
    same, other = scenario.start_run(), scenario.start_run(same_inputs=False)
    assert scenario.recover().run.run_id == same.run_id
    assert (scenario.is_open(same), scenario.is_open(other)) == (True, False)


def test_a_run_under_a_live_lease_is_left_alone(scenario: Scenario) -> None:
    same = scenario.start_run()
    with hold_run_lease(scenario.shop.store, same, SETTINGS):
        assert scenario.recover().run.run_id != same.run_id
    assert scenario.is_open(same)


def test_a_held_run_stays_until_the_new_run_is_planned(scenario: Scenario) -> None:
    held = scenario.start_run(same_inputs=False)
    runs.hold_run(scenario.shop.store, held, ["retired-share"], [])
    assert [run.run_id for run in scenario.recover().outdated] == [held.run_id]
    assert scenario.is_open(held)


def test_a_run_that_was_killed_after_its_commit_is_closed_under_its_own_policy(scenario: Scenario) -> None:
    report = scenario.shop.refresh().report
    run = runs.load_run(scenario.shop.store, report["run_id"])
    runs.open_run(scenario.shop.store, run)
    scenario.shop.store.delete([layout.RunFiles(run.run_id).closed])
    assert scenario.recover().run.run_id != run.run_id
    assert scenario.closed == [run.run_id]
