"""What open runs become when a refresh of their catalogue begins."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from catalogs import layout
from catalogs.planning.plan import Plan
from catalogs.policy.schema import Policy
from catalogs.runs.commit_kinds import FENCE_KIND
from catalogs.runs.job import RefreshJob, Run
from catalogs.runs.release_batch import ReleaseBatch
from flows.run.leases import hold_run_lease
from flows.run.recovery import RecoveredRun, recover_runs, supersede_held_runs
from infra.coordination.leases import Lease
from infra.interfaces import Pool
from infra.sources import open_source
from infra.stores.json_objects import read_json
from infra.tables import open_tables
from infra.testing.faulty_store import FaultInjector, FaultyStore
from tasks.pipeline.plan import make_plan
from tasks.runs import run_state as runs
from tasks.runs.resources import Resources
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import SETTINGS, RefreshHarness
from tests.fixtures.run_rows import start_run

T = TypeVar("T")


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
        recovered = recover_runs(self.job, self.resources, SETTINGS, self._close, _finish_nothing)
        recovered.lease.release()
        return recovered

    def is_open(self, run: Run) -> bool:
        return runs.is_run_open(self.shop.store, run)

    def _close(self, run: Run, policy: Policy, plan: Plan, batch: ReleaseBatch, check: Callable[[], None]) -> None:
        check()
        assert (policy, batch.run_id, plan.images) == (self.job.policy, run.run_id, 1)
        self.closed.append(run.run_id)
        runs.close_run(self.shop.store, run, "done", {"version": 1})


def _finish_nothing(job: RefreshJob, run: Run, lease: Lease) -> None:
    pytest.fail(f"{run.run_id} was finished, and nobody has let it go")


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


# A10: what is taken over is fenced first


def fenced(scenario: Scenario) -> list[str]:
    history = scenario.resources.tables.history(layout.manifest_table(scenario.job.catalogue))
    return [commit.metadata["fenced"] for commit in history if commit.metadata.get("kind") == FENCE_KIND]


def test_a10_a_run_is_fenced_before_it_is_superseded_unless_its_process_gave_its_lease_back(scenario: Scenario) -> None:
    dead, given_back = scenario.start_run(same_inputs=False), scenario.start_run(same_inputs=False)
    with hold_run_lease(scenario.shop.store, given_back, SETTINGS):
        pass
    scenario.recover()
    assert fenced(scenario) == [dead.run_id]
    assert (scenario.is_open(dead), scenario.is_open(given_back)) == (False, False)


def test_a10_a_resumed_run_is_fenced_where_a_release_may_lose_its_race(scenario: Scenario) -> None:
    first = scenario.start_run()
    assert (scenario.recover().run.run_id, fenced(scenario)) == (first.run_id, [])
    scenario.shop.store.delete([layout.open_run(first.catalogue, first.run_id)])
    scenario.shop.refresh()
    second = scenario.start_run()
    assert (scenario.recover().run.run_id, fenced(scenario)) == (second.run_id, [second.run_id])
    scenario.shop.store.delete([info.key for info in scenario.shop.store.list(layout.LEASES)])
    assert scenario.recover().run.run_id == second.run_id, "a fence leaves its plan current"


def test_a10_a_closed_run_whose_marker_was_left_is_neither_resumed_nor_closed_otherwise(
    scenario: Scenario,
) -> None:
    run = scenario.start_run()
    runs.close_run(scenario.shop.store, run, "done", {"version": 0})
    runs.open_run(scenario.shop.store, run)
    assert scenario.recover().run.run_id != run.run_id
    assert not scenario.is_open(run)
    assert read_json(scenario.shop.store, layout.RunFiles(run.run_id).closed)["state"] == "done"


# A16: held partial batches, markers and leases


def hold_partial(scenario: Scenario, source: str, policy: Policy) -> Run:
    job = replace(scenario.job, scope="partial", source=source, policy=policy)
    run = start_run(scenario.shop.store, job, "another fingerprint")
    runs.hold_run(scenario.shop.store, run, ["publish-share"], [])
    return run


def test_a16_a_held_batch_of_one_file_is_not_ended_by_a_partial_run_of_another(scenario: Scenario) -> None:
    adhoc = hold_partial(scenario, "adhoc.csv", scenario.job.policy)
    own = hold_partial(scenario, scenario.job.source, scenario.job.policy)
    scenario.job = replace(scenario.job, scope="partial")
    assert [run.run_id for run in scenario.recover().outdated] == [own.run_id]
    assert scenario.is_open(adhoc)
    scenario.job = replace(scenario.job, scope="full")
    assert scenario.recover().outdated == ()


def test_a16_a_held_batch_of_another_file_ends_once_it_can_no_longer_be_released(scenario: Scenario) -> None:
    older = scenario.job.policy.model_copy(update={"version": 99})
    adhoc = hold_partial(scenario, "adhoc.csv", older)
    scenario.job = replace(scenario.job, scope="partial")
    assert [run.run_id for run in scenario.recover().outdated] == [adhoc.run_id]


def test_a16_a_held_run_that_is_being_released_is_not_superseded(scenario: Scenario) -> None:
    held, waiting = scenario.start_run(same_inputs=False), scenario.start_run(same_inputs=False)
    with hold_run_lease(scenario.shop.store, held, SETTINGS):
        supersede_held_runs(scenario.resources, [held, waiting], SETTINGS)
    assert (scenario.is_open(held), scenario.is_open(waiting)) == (True, False)


def test_a16_a_new_run_holds_its_lease_before_it_is_open(scenario: Scenario) -> None:
    operations: list[str] = []

    class Recorder(FaultInjector):
        def call(self, description: str, operation: Callable[[], T]) -> T:
            operations.append(description)
            return super().call(description, operation)

    scenario.resources = replace(scenario.resources, store=FaultyStore(scenario.shop.store, Recorder()))
    run = scenario.recover().run
    places = [
        next(place for place, text in enumerate(operations) if text.startswith("write") and key in text)
        for key in (layout.run_lease(run.catalogue, run.run_id), layout.open_run(run.catalogue, run.run_id))
    ]
    assert places == sorted(places)


def test_a16_an_open_run_that_cannot_be_read_is_left_alone_and_told(scenario: Scenario) -> None:
    run = scenario.start_run()
    scenario.shop.store.write(layout.RunFiles(run.run_id).run, b"not JSON")
    recovered = scenario.recover()
    assert (recovered.run.run_id != run.run_id, scenario.is_open(run)) == (True, True)
    assert [layout.RunFiles(run.run_id).run in warning for warning in recovered.warnings] == [True]
