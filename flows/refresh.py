"""The refresh, as a sentence: settle what is open, plan, make, decide, audit, publish, remember, ask people, report.

Comes in: a `Job` and open places. Goes out: the run's report. Read this file first: every stage is one call, in the
order in which data flows, and a run that was killed between any two of them is taken up again here.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from catalogs import layout
from catalogs.planning.budget import CostModel
from catalogs.planning.plan import Plan
from catalogs.planning.pricing import PriceList, estimate_cost
from catalogs.planning.sharding import SHARDS_PER_PART
from catalogs.policy.schema import Policy
from catalogs.runs.job import RefreshJob, Run
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.table_schemas import DECISIONS
from flows.engines.model_versions import resolve_registry_versions
from flows.engines.selection import EngineOpener, engine_warnings
from flows.orchestration.child_runs import cancel_children
from flows.orchestration.flow_signature import parameters_from_pydantic
from flows.orchestration.prefect_artifacts import PrefectObserver, refresh_run_name, tag_run
from flows.parameters import PartParameters, RefreshParameters
from flows.refresh_part import process_parts
from flows.run.audit import AuditChecks, audit_run
from flows.run.executors import SHARD_THREADS, Executor, PrefectExecutor
from flows.run.leases import acquire_run_lease, hold_catalogue_lease, try_acquire_run_lease
from flows.run.observers import Observer, current_observer
from flows.run.report import RunResult, report_run
from flows.run.shard_pipeline import PipelineLimits, process_shards
from flows.wiring.composition import open_resources
from flows.wiring.preflight import missing_scanner_warnings
from flows.wiring.pricing import cost_model_for_job, read_price_list
from infra.coordination.leases import Lease
from infra.engines import open_engine
from infra.errors import StagedImageLost
from infra.settings import Settings
from infra.sources import open_source
from infra.stores.parquet_objects import read_table, write_table_once
from tasks.amendments.manifest_change import recover_all_changes
from tasks.gates.prompt_gate import open_prompt_gate
from tasks.pipeline.decide import DecisionResult, decide
from tasks.pipeline.plan import is_plan_current, load_plan, make_plan
from tasks.pipeline.publish import Release, load_batch, publish
from tasks.pipeline.queue_reviews import queue_reviews
from tasks.pipeline.record_outcomes import record_outcomes
from tasks.reporting.run_statistics import sum_engine_seconds
from tasks.runs import run_state as runs
from tasks.runs.budget_meter import BudgetMeter
from tasks.runs.resources import Resources, ScreeningContext
from tasks.runs.run_context import RunContext

REPLACED_BY_NEWER_RUN = {"reason": "a newer run took its place"}


@dataclass
class Refresh:
    """One refresh in this process: the job, the places, and the clock."""

    job: RefreshJob
    resources: Resources
    screening: ScreeningContext
    executor: Executor
    settings: Settings
    prices: PriceList
    observer: Observer
    wait: bool = True
    stage_seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    warnings: list[str] = field(default_factory=list)
    outdated: list[Run] = field(default_factory=list)

    def run(self) -> dict[str, Any]:
        """Refresh the catalogue and return the report."""
        full = self.job.scope == "full"
        store, settings = self.resources.store, self.settings
        with hold_catalogue_lease(store, self.job.catalogue, settings, wait=self.wait) if full else nullcontext():
            with self._timed_stage("settle"):
                recover_all_changes(store, self.resources.tables, self.job.catalogue, holds_lease=full)
                run, lease = self._find_or_start_run()
            try:
                with lease.keep_alive():
                    return self.resume(run, lease.check)
            finally:
                lease.release()

    def _find_or_start_run(self) -> tuple[Run, Lease]:
        """Finish what was committed, supersede what no longer fits, and return the run to go on with, leased."""
        store = self.resources.store
        fingerprint = self.job.fingerprint(open_source(self.job.source).fingerprint())
        found: tuple[Run, Lease] | None = None
        for run in runs.load_open_runs_discarding_orphans(store, self.job.catalogue):
            if not self._may_end(run):
                continue
            lease = try_acquire_run_lease(store, run, self.settings)
            if lease is None:
                continue  # somebody works on it
            same = run.fingerprint == fingerprint and not runs.is_committed(self.resources.tables, run)
            if found is None and same and is_plan_current(store, self.resources.tables, run):
                found = (run, lease)
                continue
            with lease.keep_alive():
                self._end_abandoned_run(run)
            lease.release()
        if found is not None:
            return found
        run = runs.start_run(store, self.job, fingerprint)
        return run, acquire_run_lease(store, run, self.settings)

    def _end_abandoned_run(self, run: Run) -> None:
        """End a run that nobody works on any more: complete what the shop sees already, supersede the rest."""
        if runs.is_committed(self.resources.tables, run):
            self._finalize_committed_run(run)
        elif runs.held_checks(self.resources.store, run):
            self.outdated.append(run)  # a catalogue that cannot be read takes no batch's place
        else:
            runs.close_run(self.resources.store, run, "superseded", REPLACED_BY_NEWER_RUN)

    def _may_end(self, run: Run) -> bool:
        """Tell whether this run may end that one: one of its scope, and a full run any partial one but held ones."""
        if run.scope == self.job.scope:
            return True
        return self.job.scope == "full" and not runs.held_checks(self.resources.store, run)

    def resume(self, run: Run, check_lease: Callable[[], None]) -> dict[str, Any]:
        """Do what of a run is not done yet, and return its report."""
        store, tables = self.resources.store, self.resources.tables
        with self._timed_stage("plan"):
            terms = cost_model_for_job(self.job, self.prices, self.settings)
            gates = open_prompt_gate(self.job.policy, self.job.recipe.languages, self.settings.classifier)
            asked = (self.job, store, tables, run.run_id, self.settings.shard_size, terms, gates)
            plan = load_plan(store, run.run_id) or self.executor.run_stage("plan", lambda: make_plan(*asked))
        images = (plan.images, plan.gpu_seconds, self.settings.engine_count)
        self.observer.on_plan(plan, estimate_cost(self.prices, self.settings.gpu, *images))
        for outdated in self.outdated:
            runs.close_run(store, outdated, "superseded", REPLACED_BY_NEWER_RUN)
        decisions = self._load_or_make_decisions(run, plan, check_lease, terms)
        check_lease()
        batch = load_batch(store, self.job.catalogue, run.run_id, decisions)
        with self._timed_stage("audit"):
            held, checks, preview = audit_run(self.resources, self.executor, run, plan, batch, self.job.policy)
        if held:
            runs.hold_run(store, run, held, checks)
            return self._report(run, plan, batch, preview, held, checks)
        check_lease()
        return self._publish_and_close(run, self.job.policy, plan, batch, checks)

    def _load_or_make_decisions(
        self, run: Run, plan: Plan, check_lease: Callable[[], None], cost_model: CostModel
    ) -> Any:
        """Return the decided batch: made and judged now, or found where a killed run left it."""
        key = layout.RunFiles(run.run_id).batch
        store = self.resources.store
        if store.exists(key):
            return read_table(store, key, DECISIONS)
        meter = BudgetMeter(
            cost_model.budget, sum_engine_seconds(store, run.run_id), self.started, plan.seconds_per_image
        )
        bench = RunContext(self.resources, self.screening, run.run_id, check_lease, meter)
        self._generate(run, plan, bench)
        while (decided := self._decide(run, meter)).batch is None:
            with self._timed_stage("generate"):
                process_shards(bench, [], decided.retry_items, self.executor, self._pipeline_limits, self.observer)
        # The first one stands: another process, if it took this run for dead, may have decided it too.
        return write_table_once(store, key, decided.batch)

    def _decide(self, run: Run, budget_meter: BudgetMeter) -> DecisionResult:
        job, places = self.job, self.resources
        arguments = (places.store, places.tables, job.catalogue, run.run_id, job.policy, job.recipe.provenance_by_name)
        with self._timed_stage("decide"):
            return self.executor.run_stage("decide", lambda: decide(*arguments, budget_meter.stop_reason))

    def _generate(self, run: Run, plan: Plan, context: RunContext) -> None:
        pending = set(missing := context.add_planned_shards(plan.shards))
        owed = context.find_pending_items() if run.resumed else []
        self.observer.on_images_planned(
            sum(shard.requests for shard in plan.shards if shard.name in pending) + len(owed)
        )
        with self._timed_stage("generate"):
            if len(missing) <= SHARDS_PER_PART:
                process_shards(context, missing, owed, self.executor, self._pipeline_limits, self.observer)
                return
            stub = self.settings.stub_seconds
            ask = partial(PartParameters, store=self.job.store, run=run.run_id, stub_seconds=stub)
            there = None if self.job.has_limits else ask
            process_parts(there, plan, context, missing, self.executor, self._pipeline_limits, self.observer)

    def _publish_and_close(
        self, run: Run, policy: Policy, plan: Plan, batch: ReleaseBatch, checks: AuditChecks
    ) -> dict[str, Any]:
        """Publish, remember, report, close: each safe to do again."""
        store, tables = self.resources.store, self.resources.tables
        with self._timed_stage("publish"):
            try:
                release = self.executor.run_stage(
                    "publish", lambda: publish(store, tables, batch, self.resources.signer)
                )
            except StagedImageLost as error:
                if not runs.is_committed(tables, run):  # resumed, it would fail again every night
                    runs.close_run(store, run, "superseded", {"reason": str(error)})
                raise
        with self._timed_stage("remember"):
            superseded = release.sums.superseded
            self.executor.run_stage("remember", lambda: record_outcomes(tables, batch, policy, superseded))
            self.executor.run_stage("review", lambda: queue_reviews(store, batch, policy, superseded))
        report = self._report(run, plan, batch, release, [], checks)
        runs.close_run(store, run, "done", {"version": release.version})
        return report

    def _report(
        self, run: Run, plan: Plan, batch: ReleaseBatch, release: Release, held: list[str], checks: AuditChecks
    ) -> dict[str, Any]:
        with self._timed_stage("report"):
            seconds = {"total": time.monotonic() - self.started, **self.stage_seconds}
            ended = RunResult(run, plan, batch, release, held, checks, self.warnings, seconds)
            report, sheet = report_run(self.resources, self.job, self.prices, self.settings.gpu, ended)
            self.observer.on_report(report, sheet)
        return report.to_json()

    def _finalize_committed_run(self, run: Run) -> None:
        """Close a run that was killed between its manifest commit and its end, under its own policy."""
        store = self.resources.store
        _, policy = runs.load_frozen_rules(store, run.run_id)
        decisions = read_table(store, layout.RunFiles(run.run_id).batch, DECISIONS)
        plan = load_plan(store, run.run_id)
        assert plan is not None  # noqa: S101 - a committed run was planned
        self._publish_and_close(run, policy, plan, load_batch(store, run.catalogue, run.run_id, decisions), [])

    @property
    def _pipeline_limits(self) -> PipelineLimits:
        return PipelineLimits(self.settings.shards_in_flight, self.settings.shard_size)

    @contextmanager
    def _timed_stage(self, name: str) -> Iterator[None]:
        self.observer.on_stage(name)
        began = time.monotonic()
        try:
            yield
        finally:
            self.stage_seconds[name] = self.stage_seconds.get(name, 0.0) + time.monotonic() - began


@flow(
    name="refresh",
    flow_run_name=refresh_run_name,
    task_runner=ThreadPoolTaskRunner(max_workers=SHARD_THREADS),  # type: ignore[arg-type]
    persist_result=False,
    validate_parameters=False,  # the model does, and repeats no value that may hold a password
    on_cancellation=[cancel_children],
    on_crashed=[cancel_children],
)
@parameters_from_pydantic(RefreshParameters, required=("catalogue",))
def refresh(parameters: RefreshParameters) -> dict[str, Any]:
    """Refresh a catalogue: make what is new or changed, judge it, and publish it as one release. Returns the report."""
    return run_refresh(parameters, Settings(), PrefectExecutor())


def run_refresh(
    parameters: RefreshParameters,
    settings: Settings,
    executor: Executor,
    observer: Observer | None = None,
    opener: EngineOpener = open_engine,
) -> dict[str, Any]:
    """Open the resources of a refresh, run it, close them, and return the report."""
    job, warnings = parameters.resolve_job()
    if parameters.stub_seconds is not None:
        settings = settings.model_copy(update={"stub_seconds": parameters.stub_seconds})
    observer = observer or current_observer()
    if isinstance(executor, PrefectExecutor):
        observer = PrefectObserver(observer, job.catalogue)
        tag_run(job.catalogue, job.scope)
    with open_resources(job := resolve_registry_versions(job), settings, opener=opener) as (places, gate):
        prices = read_price_list(settings)
        work = Refresh(job, places, gate, executor, settings, prices, observer, wait=parameters.wait)
        work.warnings += [
            *warnings,
            *missing_scanner_warnings(job),
            *engine_warnings(job.recipe, settings, places.store),
        ]
        return work.run()
