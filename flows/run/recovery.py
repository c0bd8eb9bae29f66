"""Recovery: settle what other processes left open in a catalogue, and find the run to continue.

Inputs: a job, open resources, and how a committed run is closed. Outputs: a run under its lease, and the held runs that
it supersedes once it is planned. Invariant: a run under a live lease is never touched.

| an open run that no process holds                         | ends as                                     |
| --------------------------------------------------------- | ------------------------------------------- |
| committed its manifest rows                               | done: its outcomes and report are completed |
| same fingerprint, planned against the current release,    | resumed (one of them)                       |
| and nothing left to other runs                            |                                             |
| held for a person                                         | superseded, after the new run is planned    |
| any other                                                 | superseded                                  |

A held partial batch is of one file: a run of another file leaves it to the person, unless another policy came into
force since. A run whose process has not given its lease back is fenced before it is superseded or resumed: that
process may be suspended just before its commit (`tasks.runs.fencing`).
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
from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from infra.stores.parquet_objects import read_table
from tasks.amendments.manifest_change import recover_all_changes
from tasks.pipeline.plan import is_plan_current, load_plan
from tasks.pipeline.publish import load_batch
from tasks.runs import run_state as runs
from tasks.runs.fencing import fence_run
from tasks.runs.job_source import open_job_source
from tasks.runs.resources import Resources

REPLACED_BY_NEWER_RUN = {"reason": "a newer run took its place"}

CloseCommitted = Callable[[Run, Policy, Plan, ReleaseBatch, Callable[[], None]], object]
"""Completes a run after its manifest commit, under its own policy, and closes it; it is given the lease's check."""


@dataclass(frozen=True)
class RecoveredRun:
    """The run to continue, the held runs that it supersedes once it is planned, and warnings for its report."""

    run: Run
    lease: Lease
    outdated: tuple[Run, ...]
    warnings: tuple[str, ...] = ()


def recover_runs(
    job: RefreshJob, resources: Resources, settings: Settings, close_committed: CloseCommitted
) -> RecoveredRun:
    """Complete or supersede what is open in the job's catalogue, and return the run to resume, or a new one."""
    store, tables = resources.store, resources.tables
    recover_all_changes(store, tables, job.catalogue, holds_lease=job.scope == "full")
    fingerprint = job.fingerprint(open_job_source(job).fingerprint())
    resumed: tuple[Run, Lease] | None = None
    outdated: list[Run] = []
    open_runs = runs.load_open_runs(store, job.catalogue)
    for run in open_runs.runs:
        if not _may_end(job, store, run):
            continue
        was_released = runs.has_released_lease(store, run)
        lease = try_acquire_run_lease(store, run, settings)
        if lease is None:
            continue  # another process works on it
        with lease.keep_alive():
            committed = _is_committed(store, tables, run)
            is_resumed = resumed is None and not committed and _may_resume(store, tables, run, fingerprint)
            if not committed and not was_released:
                _fence(store, tables, run, is_resumed=is_resumed)
            if is_resumed:
                resumed = (run, lease)
            elif committed:
                _close_committed_run(store, run, close_committed, lease)
            elif runs.held_checks(store, run):
                outdated.append(run)  # a new run that cannot be planned must not end it
            else:
                runs.close_run(store, run, "superseded", REPLACED_BY_NEWER_RUN)
        if not is_resumed:
            lease.release()
    started = resumed or _start_run(job, store, fingerprint, settings)
    return RecoveredRun(*started, tuple(outdated), tuple(open_runs.warnings))


def supersede_held_runs(resources: Resources, outdated: Iterable[Run], settings: Settings) -> None:
    """Close held runs that a newer run replaces; one that a person releases at this moment goes first."""
    store = resources.store
    for run in outdated:
        lease = try_acquire_run_lease(store, run, settings)
        if lease is None:
            continue
        if runs.is_run_open(store, run) and not _is_committed(store, resources.tables, run):
            runs.close_run(store, run, "superseded", REPLACED_BY_NEWER_RUN)
        lease.release()


def _start_run(job: RefreshJob, store: ObjectStore, fingerprint: str, settings: Settings) -> tuple[Run, Lease]:
    """Start a new run: its lease first, so that no other process sees an open run that seems to be dead."""
    run = runs.create_run(store, job, fingerprint)
    lease = acquire_run_lease(store, run, settings)
    runs.open_run(store, run)
    return run, lease


def _is_committed(store: ObjectStore, tables: TableStore, run: Run) -> bool:
    plan = load_plan(store, run.run_id)  # without one there was no commit
    return plan is not None and runs.is_committed(tables, run, after=plan.base_version)


def _may_end(job: RefreshJob, store: ObjectStore, run: Run) -> bool:
    """Tell whether a job may end this run, or may only leave it open."""
    if run.scope == "full":
        return job.scope == "full"
    if not runs.held_checks(store, run):
        return True
    if job.scope == "partial" and run.source == job.source:
        return True
    _, policy = runs.load_frozen_rules(store, run.run_id)
    return policy.digest != job.policy.digest  # it can no longer be released


def _may_resume(store: ObjectStore, tables: TableStore, run: Run, fingerprint: str) -> bool:
    return run.fingerprint == fingerprint and is_plan_current(store, tables, run) and not runs.is_closed(store, run)


def _fence(store: ObjectStore, tables: TableStore, run: Run, *, is_resumed: bool) -> None:
    """Fence a run. Resumed it commits the same batch under the same id, so a first release needs no fence before it."""
    if is_resumed and tables.version(layout.manifest_table(run.catalogue)) is None:
        return
    fence_run(store, tables, run)


def _close_committed_run(store: ObjectStore, run: Run, close_committed: CloseCommitted, lease: Lease) -> None:
    """Close a run that was killed between its manifest commit and its end."""
    _, policy = runs.load_frozen_rules(store, run.run_id)
    decisions = read_table(store, layout.RunFiles(run.run_id).batch, DECISIONS)
    plan = load_plan(store, run.run_id)
    assert plan is not None  # noqa: S101 - a committed run was planned
    close_committed(run, policy, plan, load_batch(store, run.catalogue, run.run_id, decisions), lease.check)
