"""Apply people's answers now: decide the answered slots, and publish what was accepted in one commit.

Inputs: open resources, a catalogue. Outputs: an `AppliedAnswers`: the report of the run that decided the answered
slots, and what only a refresh can take. It is a run like any other, under a lease, with a guard before each commit,
audited, held where its checks fail, resumed or superseded where it was killed; only its plan comes from what waits and
not from a catalogue. No engine is opened and nothing is generated.

The catalogue is held for as long as it takes, as for a rollback, so no full run works beside it. What a killed process
has committed is completed first, also of a full run: its outcomes say what still waits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from catalogs.planning.plan import Plan
from catalogs.policy.schema import Policy, built_in_policy
from catalogs.runs.job import RefreshJob, Run
from catalogs.runs.release_batch import ReleaseBatch
from flows.refresh import Refresh
from flows.run.executors import Executor
from flows.run.job_policy import take_shop_brands
from flows.run.leases import hold_catalogue_lease, lease_check
from flows.run.observers import Observer, current_observer
from flows.run.recovery import SettledRuns, is_run_committed, settle_open_runs
from flows.wiring.composition import idle_screening
from flows.wiring.pricing import read_price_list
from infra.coordination.leases import Lease
from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from tasks.amendments.answer_withdrawals import withdraw_taken_back
from tasks.amendments.manifest_change import recover_all_changes
from tasks.pipeline.stored_plan import load_plan
from tasks.reviews.answered_slots import LEFT_TO_REFRESH
from tasks.reviews.apply_plan import ANSWERS_SOURCE, write_apply_plan
from tasks.reviews.apply_selection import ApplySelection, select_answered
from tasks.runs import run_state as runs
from tasks.runs.commit_guard import CommitGuard
from tasks.runs.policy_records import PolicyRecords
from tasks.runs.resources import Resources

MAX_LISTED_SKUS = 100
"""SKUs that a document names a reason; the count is of all."""


@dataclass(frozen=True)
class AppliedAnswers:
    """What applying the answers did, or would do."""

    catalogue: str
    answers: Mapping[str, int]
    """Slots that were decided: accepted, refused, differing, undone."""
    left: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """A code of `LEFT_TO_REFRESH` -> the SKUs that the next refresh takes, one a slot."""
    report: Mapping[str, Any] | None = None
    """The report of the run; None where there was nothing to decide, and in a dry run."""
    dry_run: bool = False
    withdrawn: int = 0
    """Published images that people took back: they go by a commit of their own, before the run."""

    @property
    def held(self) -> Sequence[str]:
        """Return the checks that hold the run's batch."""
        return list(self.report["held"]) if self.report is not None else []

    def document(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        left = [
            {"reason": code, "why": LEFT_TO_REFRESH[code], "slots": len(skus)}
            | {"skus": sorted(set(skus))[:MAX_LISTED_SKUS]}
            for code, skus in sorted(self.left.items())
        ]
        answers = {**self.answers, "withdrawn": self.withdrawn, "left": sum(map(len, self.left.values()))}
        document = {"catalogue": self.catalogue, "dry_run": self.dry_run, "answers": answers, "left": left}
        return {**document, "held": self.held, "run": self.report}


def preview_answers(store: ObjectStore, tables: TableStore, catalogue: str) -> AppliedAnswers:
    """Return what applying the answers would decide and leave; nothing is written, no lease is taken."""
    selection = select_answered(store, tables, catalogue)
    return AppliedAnswers(catalogue, selection.counts(), selection.left, dry_run=True)


def apply_answers(
    resources: Resources, catalogue: str, settings: Settings, executor: Executor, *, wait: bool = True
) -> AppliedAnswers:
    """Decide the answered slots in one run, and return what was done.

    Raises `LeaseHeld` where another process holds the catalogue and `wait` is False, and `OptionError` for a damaged
    run that a person must look at.
    """
    observer = current_observer()
    purpose, on_wait = "review apply", observer.on_wait
    with hold_catalogue_lease(
        resources.store, catalogue, settings, wait=wait, purpose=purpose, report_wait=on_wait
    ) as lease:
        return _AnswersRun(resources, catalogue, settings, executor, observer, lease).apply()


@dataclass(frozen=True)
class _AnswersRun:
    """One run that applies answers, under the catalogue's lease."""

    resources: Resources
    catalogue: str
    settings: Settings
    executor: Executor
    observer: Observer
    lease: Lease

    def apply(self) -> AppliedAnswers:
        """Settle what is open, select what was answered, and decide it."""
        store, tables = self.resources.store, self.resources.tables
        recover_all_changes(store, tables, self.catalogue, holds_lease=True)
        taken_back = withdraw_taken_back(store, tables, self.catalogue, self._newest_policy().review_days)
        settled = self._settle()
        selection = select_answered(store, tables, self.catalogue)
        report = self._decide(selection, settled) if selection.slots else None
        if report is None and settled.resumed is not None:
            settled.resumed[1].release()
        withdrawn = taken_back.dropped if taken_back is not None else 0
        return AppliedAnswers(self.catalogue, selection.counts(), selection.left, report, withdrawn=withdrawn)

    def _settle(self) -> SettledRuns:
        """Complete what others committed, and end the partial runs that nobody works on; full ones wait for theirs."""
        store, tables = self.resources.store, self.resources.tables

        def may_end(run: Run) -> bool:
            if run.scope == "full":
                return is_run_committed(store, tables, run)
            return run.source == ANSWERS_SOURCE or not runs.held_checks(store, run)

        def may_resume(run: Run) -> bool:
            if run.source != ANSWERS_SOURCE:
                return False
            selection = select_answered(store, tables, self.catalogue)
            return bool(selection.slots) and run.fingerprint == selection.fingerprint(self._policy(selection))

        ended = (self.catalogue, self.settings, self._close_committed)
        return settle_open_runs(self.resources, *ended, may_end=may_end, may_resume=may_resume)

    def _decide(self, selection: ApplySelection, settled: SettledRuns) -> dict[str, Any]:
        store, policy = self.resources.store, self._policy(selection)
        assert selection.recipe is not None  # noqa: S101 - slots were selected by their runs' recipes
        job = RefreshJob(ANSWERS_SOURCE, store.url, self.catalogue, selection.recipe, policy, "partial")
        job = take_shop_brands(store, job)
        recovered = settled.run_or_new(job, store, selection.fingerprint(policy), self.settings)
        run = recovered.run
        guard = CommitGuard(store, run, policy, lease_check(recovered.lease, self.lease))
        try:
            with recovered.lease.keep_alive():
                if load_plan(store, run.run_id) is None:
                    write_apply_plan(store, run.run_id, selection, policy)
                return self._refresh(job, recovered.warnings).resume(run, guard, recovered.outdated)
        finally:
            recovered.lease.release()

    def _newest_policy(self) -> Policy:
        record = PolicyRecords(self.resources.store, self.catalogue).in_force()
        return built_in_policy() if record is None else record.policy

    def _policy(self, selection: ApplySelection) -> Policy:
        """Return the policy in force; in a store of a version that kept none, the newest run's own."""
        if PolicyRecords(self.resources.store, self.catalogue).latest_number():
            return self._newest_policy()
        newest = max(slot.run.run_id for slot in selection.slots)  # run ids sort by time
        return runs.load_frozen_rules(self.resources.store, newest)[1]

    def _close_committed(
        self, run: Run, policy: Policy, plan: Plan, batch: ReleaseBatch, check_lease: Callable[[], None]
    ) -> None:
        """Complete a run that was killed after its manifest commit, under its own rules."""
        recipe, _ = runs.load_frozen_rules(self.resources.store, run.run_id)
        job = RefreshJob(run.source, self.resources.store.url, self.catalogue, recipe, policy, run.scope)
        self._refresh(job).complete(run, policy, plan, batch, check_lease)

    def _refresh(self, job: RefreshJob, warnings: Sequence[str] = ()) -> Refresh:
        """Return the stages of a refresh for this job. Engines and screening processes are never asked for."""
        screening = idle_screening(self.resources, job)
        work = partial(Refresh, job, self.resources, screening, self.executor, self.settings)
        return work(read_price_list(self.settings), self.observer, warnings=warnings)
