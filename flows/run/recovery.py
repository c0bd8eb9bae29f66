"""Recovery: settle what other processes left open in a catalogue, and find the run to continue.

Inputs: a job, open resources, and how a committed run is closed. Outputs: a run under its lease, and the held runs that
it supersedes once it is planned. Invariant: a run under a live lease is never touched.

| an open run that no process holds                         | ends as                                     |
| --------------------------------------------------------- | ------------------------------------------- |
| committed its manifest rows                               | done: its outcomes and report are completed |
| same fingerprint, planned against the current release and | resumed (one of them)                       |
| all answers, and nothing left to other runs               |                                             |
| let go by a person, and never published                   | done: what goes is published now; where     |
|                                                           | another check holds it, as in the next line |
| held for a person                                         | superseded, after the new run is planned    |
| any other                                                 | superseded                                  |

A held partial batch is of one file: a run of another file leaves it to the person, unless another policy came into
force since. A run whose process has not given its lease back is fenced before it is superseded or resumed: that
process may be suspended just before its commit (`tasks.runs.fencing`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from catalogs import layout
from catalogs.errors import PolicyChanged
from catalogs.planning.plan import Plan
from catalogs.policy.schema import Policy
from catalogs.runs.job import RefreshJob, Run
from catalogs.runs.release_batch import ReleaseBatch
from flows.run.leases import acquire_run_lease, try_acquire_run_lease
from infra.coordination.leases import Lease
from infra.errors import StagedImageLost
from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from tasks.amendments.answer_withdrawals import withdraw_taken_back
from tasks.amendments.manifest_change import recover_all_changes
from tasks.pipeline.publish import load_batch
from tasks.pipeline.stored_plan import is_plan_current, knows_all_answers, load_plan
from tasks.runs import run_state as runs
from tasks.runs.fencing import fence_run
from tasks.runs.held_decisions import find_release, read_decisions
from tasks.runs.job_source import open_job_source
from tasks.runs.resources import Resources

REPLACED_BY_NEWER_RUN = {"reason": "a newer run took its place"}

CloseCommitted = Callable[[Run, Policy, Plan, ReleaseBatch, Callable[[], None]], object]
"""Completes a run after its manifest commit, under its own policy, and closes it; it is given the lease's check."""
FinishReleased = Callable[[RefreshJob, Run, Lease], object]
"""Publishes what a person has let go of a run's batch, under its own rules, and closes it, unless a check holds it."""


@dataclass(frozen=True)
class RecoveredRun:
    """The run to continue, the held runs that it supersedes once it is planned, and warnings for its report."""

    run: Run
    lease: Lease
    outdated: tuple[Run, ...]
    warnings: tuple[str, ...] = ()
    taken_back: int = 0
    """Published images that people took back, and that were withdrawn before the run."""


@dataclass(frozen=True)
class SettledRuns:
    """What is left of a catalogue's open runs: the one to resume, if any, and the rest as in `RecoveredRun`."""

    resumed: tuple[Run, Lease] | None
    outdated: tuple[Run, ...]
    warnings: tuple[str, ...]

    def run_or_new(self, job: RefreshJob, store: ObjectStore, fingerprint: str, settings: Settings) -> RecoveredRun:
        """Return the run to resume, or a new one, under its lease."""
        started = self.resumed or _start_run(job, store, fingerprint, settings)
        return RecoveredRun(*started, self.outdated, self.warnings)


def recover_runs(
    job: RefreshJob,
    resources: Resources,
    settings: Settings,
    close_committed: CloseCommitted,
    finish_released: FinishReleased,
) -> RecoveredRun:
    """Complete or supersede what is open in the job's catalogue, and return the run to resume, or a new one."""
    store, tables = resources.store, resources.tables
    recover_all_changes(store, tables, job.catalogue, holds_lease=job.scope == "full")
    taken_back = None
    if job.scope == "full":  # before the plan: a plan of before is not current any more
        taken_back = withdraw_taken_back(store, tables, job.catalogue, job.policy.review_days)
    fingerprint = job.fingerprint(open_job_source(job).fingerprint())
    settled = settle_open_runs(
        resources,
        job.catalogue,
        settings,
        close_committed,
        may_end=lambda run: _may_end(job, store, run),
        may_resume=lambda run: run.fingerprint == fingerprint and _is_of_todays_answers(store, run),
        finish_released=finish_released,
    )
    found = settled.run_or_new(job, store, fingerprint, settings)
    return found if taken_back is None else replace(found, taken_back=taken_back.dropped)


def settle_open_runs(
    resources: Resources,
    catalogue: str,
    settings: Settings,
    close_committed: CloseCommitted,
    *,
    may_end: Callable[[Run], bool],
    may_resume: Callable[[Run], bool],
    finish_released: FinishReleased | None = None,
) -> SettledRuns:
    """Complete or supersede the open runs that no process holds and that may end; one that may be resumed is kept."""
    store, tables = resources.store, resources.tables
    resumed: tuple[Run, Lease] | None = None
    outdated: list[Run] = []
    open_runs = runs.load_open_runs(store, catalogue)
    warnings = [*open_runs.warnings]
    # What was let go is first: what it publishes may outdate the plan of a run that would be resumed.
    for run in sorted(open_runs.runs, key=lambda run: find_release(store, run) is None):
        if not may_end(run):
            continue
        was_released = runs.has_released_lease(store, run)
        lease = try_acquire_run_lease(store, run, settings)
        if lease is None:
            continue  # another process works on it
        with lease.keep_alive():
            committed = is_run_committed(store, tables, run)
            is_resumable = not committed and _is_resumable(store, tables, run)
            is_resumed = is_resumable and resumed is None and may_resume(run)
            is_let_go = is_resumable and finish_released is not None and find_release(store, run) is not None
            if not committed and not was_released:
                _fence(store, tables, run, is_resumed=is_resumed or is_let_go)
            if is_resumed:
                resumed = (run, lease)
            elif committed:
                _close_committed_run(store, run, close_committed, lease)
            elif finish_released is not None and is_let_go:
                warnings += _finish_released_run(store, run, finish_released, lease)
                outdated += [run] if runs.is_run_open(store, run) else []
            elif runs.held_checks(store, run):
                outdated.append(run)  # a new run that cannot be planned must not end it
            else:
                runs.close_run(store, run, "superseded", REPLACED_BY_NEWER_RUN)
        if not is_resumed:
            lease.release()
    return SettledRuns(resumed, tuple(outdated), tuple(warnings))


def supersede_held_runs(resources: Resources, outdated: Iterable[Run], settings: Settings) -> None:
    """Close held runs that a newer run replaces; one that a person releases at this moment goes first."""
    store = resources.store
    for run in outdated:
        lease = try_acquire_run_lease(store, run, settings)
        if lease is None:
            continue
        if runs.is_run_open(store, run) and not is_run_committed(store, resources.tables, run):
            runs.close_run(store, run, "superseded", REPLACED_BY_NEWER_RUN)
        lease.release()


def _start_run(job: RefreshJob, store: ObjectStore, fingerprint: str, settings: Settings) -> tuple[Run, Lease]:
    """Start a new run: its lease first, so that no other process sees an open run that seems to be dead."""
    run = runs.create_run(store, job, fingerprint)
    lease = acquire_run_lease(store, run, settings)
    runs.open_run(store, run)
    return run, lease


def is_run_committed(store: ObjectStore, tables: TableStore, run: Run) -> bool:
    """Tell whether a run has committed its manifest rows."""
    plan = load_plan(store, run.run_id)  # without one there was no commit
    return plan is not None and runs.is_committed(tables, run, after=plan.base_version)


def _is_of_todays_answers(store: ObjectStore, run: Run) -> bool:
    """Tell whether a newer plan would take no newer answers, or a person has let this very batch go already."""
    return knows_all_answers(store, run) or find_release(store, run) is not None


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


def _is_resumable(store: ObjectStore, tables: TableStore, run: Run) -> bool:
    return is_plan_current(store, tables, run) and not runs.is_closed(store, run)


def _fence(store: ObjectStore, tables: TableStore, run: Run, *, is_resumed: bool) -> None:
    """Fence a run. Resumed it commits the same batch under the same id, so a first release needs no fence before it."""
    if is_resumed and tables.version(layout.manifest_table(run.catalogue)) is None:
        return
    fence_run(store, tables, run)


def _finish_released_run(store: ObjectStore, run: Run, finish_released: FinishReleased, lease: Lease) -> list[str]:
    """Publish what a person has let go; return a warning where it is to be decided anew instead."""
    recipe, policy = runs.load_frozen_rules(store, run.run_id)
    job = RefreshJob(run.source, store.url, run.catalogue, recipe, policy, run.scope)
    try:
        finish_released(job, run, lease)
    except (PolicyChanged, StagedImageLost) as error:
        return [f"What was let go of the run {run.run_id} is decided anew: {error}"]
    return []


def _close_committed_run(store: ObjectStore, run: Run, close_committed: CloseCommitted, lease: Lease) -> None:
    """Close a run that was killed between its manifest commit and its end."""
    _, policy = runs.load_frozen_rules(store, run.run_id)
    decisions = read_decisions(store, run)
    plan = load_plan(store, run.run_id)
    assert plan is not None  # noqa: S101 - a committed run was planned
    close_committed(run, policy, plan, load_batch(store, run.catalogue, run.run_id, decisions), lease.check)
