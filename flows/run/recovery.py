"""Recovery: settle what other processes left open in a catalogue, and find the run to continue.

Inputs: a job, open resources, and how a committed run is closed. Outputs: a run under its lease, and the held runs that
it supersedes once it is planned. Invariant: a run under a live lease is never touched.

| an open run that no process holds                         | ends as                                     |
| --------------------------------------------------------- | ------------------------------------------- |
| committed its manifest rows                               | done: its outcomes and report are completed |
| same fingerprint, and planned against the current release | resumed (one of them)                       |
| held for a person                                         | superseded, after the new run is planned    |
| any other                                                 | superseded                                  |
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from catalogs import layout
from catalogs.planning.plan import Plan
from catalogs.policy.schema import Policy
from catalogs.runs.job import RefreshJob, Run
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.table_schemas import DECISIONS
from flows.run.leases import acquire_run_lease, try_acquire_run_lease
from infra.coordination.leases import Lease
from infra.interfaces import ObjectStore
from infra.settings import Settings
from infra.sources import open_source
from infra.stores.parquet_objects import read_table
from tasks.amendments.manifest_change import recover_all_changes
from tasks.pipeline.plan import is_plan_current, load_plan
from tasks.pipeline.publish import load_batch
from tasks.runs import run_state as runs
from tasks.runs.resources import Resources

REPLACED_BY_NEWER_RUN = {"reason": "a newer run took its place"}

CloseCommitted = Callable[[Run, Policy, Plan, ReleaseBatch], object]
"""Completes a run after its manifest commit, under its own policy, and closes it."""


@dataclass(frozen=True)
class RecoveredRun:
    """The run to continue, and the held runs that it supersedes once it is planned."""

    run: Run
    lease: Lease
    outdated: tuple[Run, ...]


def recover_runs(
    job: RefreshJob, resources: Resources, settings: Settings, close_committed: CloseCommitted
) -> RecoveredRun:
    """Complete or supersede what is open in the job's catalogue, and return the run to resume, or a new one."""
    store, tables = resources.store, resources.tables
    recover_all_changes(store, tables, job.catalogue, holds_lease=job.scope == "full")
    fingerprint = job.fingerprint(open_source(job.source).fingerprint())
    resumed: tuple[Run, Lease] | None = None
    outdated: list[Run] = []
    for run in runs.load_open_runs_discarding_orphans(store, job.catalogue):
        if not _may_end(job, store, run):
            continue
        lease = try_acquire_run_lease(store, run, settings)
        if lease is None:
            continue  # another process works on it
        plan = load_plan(store, run.run_id)  # without one there was no commit
        committed = plan is not None and runs.is_committed(tables, run, after=plan.base_version)
        resumable = run.fingerprint == fingerprint and not committed
        if resumed is None and resumable and is_plan_current(store, tables, run):
            resumed = (run, lease)
            continue
        with lease.keep_alive():
            if committed:
                _close_committed_run(store, run, close_committed)
            elif runs.held_checks(store, run):
                outdated.append(run)  # a new run that cannot be planned must not end it
            else:
                supersede_runs(store, [run])
        lease.release()
    if resumed is None:
        run = runs.start_run(store, job, fingerprint)
        resumed = (run, acquire_run_lease(store, run, settings))
    return RecoveredRun(*resumed, tuple(outdated))


def supersede_runs(store: ObjectStore, outdated: Iterable[Run]) -> None:
    """Close runs that a newer run replaces."""
    for run in outdated:
        runs.close_run(store, run, "superseded", REPLACED_BY_NEWER_RUN)


def _may_end(job: RefreshJob, store: ObjectStore, run: Run) -> bool:
    """Tell whether a job may end this run: one of its own scope; a full job also partial runs that are not held."""
    if run.scope == job.scope:
        return True
    return job.scope == "full" and not runs.held_checks(store, run)


def _close_committed_run(store: ObjectStore, run: Run, close_committed: CloseCommitted) -> None:
    """Close a run that was killed between its manifest commit and its end."""
    _, policy = runs.load_frozen_rules(store, run.run_id)
    decisions = read_table(store, layout.RunFiles(run.run_id).batch, DECISIONS)
    plan = load_plan(store, run.run_id)
    assert plan is not None  # noqa: S101 - a committed run was planned
    close_committed(run, policy, plan, load_batch(store, run.catalogue, run.run_id, decisions))
