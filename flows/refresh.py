"""The refresh flow: recover, plan, generate, decide, audit, publish, record outcomes, queue reviews, report.

Inputs: a resolved job and open resources. Outputs: the run's report. Read this file first: every stage is one call, in
the order in which data flows. Invariant: a run that was killed between any two stages is resumed by the next refresh of
its catalogue, and finds by content what is done already.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import pyarrow as pa
from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from catalogs import layout
from catalogs.errors import PolicyChanged
from catalogs.planning.budget import CostModel
from catalogs.planning.plan import Plan
from catalogs.planning.pricing import PriceList, estimate_cost
from catalogs.planning.retry_rules import RetrySummary
from catalogs.planning.sharding import SHARDS_PER_PART
from catalogs.policy.schema import Policy
from catalogs.runs.job import RefreshJob, Run
from catalogs.runs.release_batch import ReleaseBatch
from flows.engines.model_versions import resolve_registry_versions
from flows.engines.selection import EngineOpener, engine_warnings
from flows.orchestration.child_runs import cancel_children
from flows.orchestration.flow_signature import parameters_from_pydantic
from flows.orchestration.prefect_artifacts import PrefectObserver, refresh_run_name, tag_run
from flows.orchestration.prefect_executor import PrefectExecutor
from flows.parameters import PartParameters, RefreshParameters
from flows.refresh_part import process_parts
from flows.run.audit import AuditChecks, audit_run
from flows.run.closing import close_published_run, hold_batch, publish_batch, remember_batch
from flows.run.executors import SHARD_THREADS, Executor
from flows.run.job_policy import choose_policy, require_policy_of_job, run_under_policy_in_force
from flows.run.leases import hold_catalogue_lease, lease_check
from flows.run.observers import Observer, current_observer
from flows.run.recovery import recover_runs, supersede_held_runs
from flows.run.report import RunResult, report_run
from flows.run.shard_pipeline import PipelineLimits, process_shards
from flows.run.stage_times import StageTimes
from flows.wiring.composition import open_resources
from flows.wiring.open_store import open_before_run
from flows.wiring.photos import open_photo_resolver
from flows.wiring.preflight import missing_scanner_warnings, single_writer_warnings
from flows.wiring.pricing import cost_model_for_job, read_price_list
from infra.coordination.leases import Lease
from infra.engines import open_engine
from infra.settings import Settings
from infra.stores.parquet_objects import write_table_once
from infra.stores.request_count import REQUESTS
from tasks.gates.prompt_gate import open_plan_gates
from tasks.pipeline.decide import DecisionResult, decide
from tasks.pipeline.plan import make_plan
from tasks.pipeline.publish import Release, load_batch
from tasks.pipeline.stored_plan import load_plan
from tasks.reporting.run_statistics import sum_engine_seconds
from tasks.reporting.storage_summary import summarize_storage
from tasks.runs import run_state as runs
from tasks.runs.budget_meter import BudgetMeter
from tasks.runs.commit_guard import CommitGuard
from tasks.runs.held_decisions import read_decisions
from tasks.runs.policy_in_force import PolicyChoice, record_policy
from tasks.runs.resources import Resources, ScreeningContext
from tasks.runs.run_context import RunContext
from tasks.runs.shop_brand_records import record_first_shop_brands


@dataclass
class Refresh:
    """One refresh in this process: the job, the open resources, and the clock."""

    job: RefreshJob
    resources: Resources
    screening: ScreeningContext
    executor: Executor
    settings: Settings
    prices: PriceList
    observer: Observer
    wait: bool = True
    warnings: Sequence[str] = ()
    policy_choice: PolicyChoice | None = None
    """The policy that the command names, or the default; without it the job's own counts as named."""
    taken_back: int = 0  # published images that people took back, withdrawn before this run
    times: StageTimes = field(init=False)
    requests_before: Mapping[str, int] = field(default_factory=REQUESTS.since)

    def __post_init__(self) -> None:
        self.times = StageTimes(self.observer.on_stage)

    def run(self) -> dict[str, Any]:
        """Refresh the catalogue and return the report.

        Raises `PolicyChanged` where another policy came into force since the job's was taken; this run is closed then.
        """
        store, name, full = self.resources.store, self.job.catalogue, self.job.scope == "full"
        hold = partial(hold_catalogue_lease, wait=self.wait, report_wait=self.observer.on_wait)
        with hold(store, name, self.settings) if full else nullcontext() as catalogue:
            with self.times.stage("settle"):
                policy = require_policy_of_job(store, self.resources.tables, self.job, self.policy_choice)
                finish = partial(self._finish_released, catalogue)
                recovered = recover_runs(self.job, self.resources, self.settings, self.complete, finish)
                self.warnings, self.taken_back = [*self.warnings, *recovered.warnings], recovered.taken_back
            guard = CommitGuard(store, recovered.run, self.job.policy, lease_check(recovered.lease, catalogue))
            try:
                with recovered.lease.keep_alive():
                    record_policy(store, name, policy)
                    record_first_shop_brands(store, self.job)
                    return self.resume(recovered.run, guard, recovered.outdated)
            except PolicyChanged as error:
                guard.check_run()
                runs.close_run(store, recovered.run, "superseded", {"reason": str(error)})
                raise
            finally:
                recovered.lease.release()

    def resume(self, run: Run, guard: CommitGuard, outdated: Iterable[Run] = ()) -> dict[str, Any]:
        """Finish the remaining stages of a run, and return its report; `outdated` runs are superseded by its plan."""
        plan = self._load_or_make_plan(run)
        supersede_held_runs(self.resources, outdated, self.settings)
        decisions = self._load_or_make_decisions(run, plan, guard.check_leases)
        guard.check()
        batch = load_batch(self.resources.store, self.job.catalogue, run.run_id, decisions)
        with self.times.stage("audit"):
            held, checks, preview = audit_run(self.resources, self.executor, run, plan, batch, self.job.rules)
        guard.check_run()
        if held:
            hold_batch(self.resources, self.executor, guard, batch, held, checks, self.job.recipe)
            return self._report(run, plan, batch, preview, held, checks)
        return self._publish(guard, plan, batch, checks)

    def _load_or_make_plan(self, run: Run) -> Plan:
        """Return the run's plan: made now, or found where a killed run left it."""
        with self.times.stage("plan"):
            found = load_plan(self.resources.store, run.run_id)
            plan = found or self.executor.run_stage("plan", partial(self._make_plan, run))
        images = (plan.images, plan.gpu_seconds, self.settings.engine_count)
        self.observer.on_plan(plan, estimate_cost(self.prices, self.settings.gpu, *images))
        return plan

    def _make_plan(self, run: Run) -> Plan:
        gates = open_plan_gates(self.job, self.settings.classifier, self.screening.scanners)
        store, rest = self.resources.store, (run.run_id, self.settings.shard_size, self._cost_model, gates)
        with open_photo_resolver(self.job, store, self.settings, on_read=self.observer.on_photos_read) as photos:
            return make_plan(self.job, store, self.resources.tables, *rest, photos=photos)

    def _load_or_make_decisions(self, run: Run, plan: Plan, check_lease: Callable[[], None]) -> pa.Table:
        """Return the decided batch: generated and judged now, or found where a killed run left it."""
        store, key = self.resources.store, layout.RunFiles(run.run_id).batch
        if store.exists(key):
            return read_decisions(store, run)
        spent = sum_engine_seconds(store, run.run_id)
        meter = BudgetMeter(self._cost_model.budget, spent, self.times.started, plan.seconds_per_image)
        context = RunContext(self.resources, self.screening, run.run_id, check_lease, meter)
        self._generate(run, plan, context)
        while (decision := self._decide(run, meter)).batch is None:
            self.warnings = [*self.warnings, *decision.warnings]
            with self.times.stage("generate"):
                limits = PipelineLimits.of(self.settings)
                process_shards(context, [], decision.retry_items, self.executor, limits, self.observer)
        self.warnings = [*self.warnings, *decision.warnings]
        # The first batch written is used: another process that took this run for dead may have decided it too.
        return write_table_once(store, key, decision.batch)

    def _decide(self, run: Run, budget_meter: BudgetMeter) -> DecisionResult:
        job, store, tables = self.job, self.resources.store, self.resources.tables
        arguments = (store, tables, job.catalogue, run.run_id, job.policy, job.recipe.provenance_by_name)
        with self.times.stage("decide"):
            return self.executor.run_stage("decide", lambda: decide(*arguments, budget_meter.stop_reason))

    def _generate(self, run: Run, plan: Plan, context: RunContext) -> None:
        missing_shards = context.add_planned_shards(plan.shards)
        retries = context.find_pending_items() if run.resumed else []
        planned = {shard.name: shard.requests for shard in plan.shards}
        self.observer.on_images_planned(sum(planned[name] for name in missing_shards) + len(retries))
        executor, limits, observer = self.executor, PipelineLimits.of(self.settings), self.observer
        with self.times.stage("generate"):
            if len(missing_shards) <= SHARDS_PER_PART:
                process_shards(context, missing_shards, retries, executor, limits, observer)
                return
            common = {"store": self.job.store, "run": run.run_id, "stub_seconds": self.settings.stub_seconds}
            of_part = None if self.job.has_limits else partial(PartParameters, **common)
            process_parts(of_part, plan, context, missing_shards, executor, limits, observer)

    def complete(self, run: Run, policy: Policy, plan: Plan, batch: ReleaseBatch, check: Callable[[], None]) -> None:
        """Complete a run that was killed after its manifest commit, under its own policy."""
        self._publish(CommitGuard(self.resources.store, run, policy, check), plan, batch, [])

    def _finish_released(self, catalogue: Lease | None, job: RefreshJob, run: Run, lease: Lease) -> None:
        """Finish a held run that a person has let go, under its own rules: those of `job`."""
        work = replace(self, job=job, warnings=(), taken_back=0)
        work.resume(run, CommitGuard(self.resources.store, run, job.policy, lease_check(catalogue, lease)))

    def _publish(self, guard: CommitGuard, plan: Plan, batch: ReleaseBatch, checks: AuditChecks) -> dict[str, Any]:
        """Publish, record outcomes, queue reviews, report, close: each is safe to repeat."""
        with self.times.stage("publish"):
            release = publish_batch(self.resources, self.executor, guard, plan, batch, self.job.recipe)
        with self.times.stage("remember"):
            recorded = remember_batch(self.resources, self.executor, guard, plan, batch, release)
        report = self._report(guard.run, plan, batch, release, [], checks, recorded.own_faults)
        close_published_run(self.resources, guard, batch, release)
        return report

    def _report(
        self,
        run: Run,
        plan: Plan,
        batch: ReleaseBatch,
        release: Release,
        held: list[str],
        checks: AuditChecks,
        own_faults: RetrySummary | None = None,
    ) -> dict[str, Any]:
        with self.times.stage("report"):
            storage = summarize_storage(self.resources.store, self.requests_before)
            spent = (self.warnings, self.times.document(), storage)
            result = RunResult(run, plan, batch, release, held, checks, *spent, own_faults, self.taken_back)
            report, sheet = report_run(self.resources, self.job, self.prices, self.settings, result)
            self.observer.on_report(report, sheet)
        return report.to_json()

    @cached_property
    def _cost_model(self) -> CostModel:
        return cost_model_for_job(self.job, self.prices, self.settings)


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
    job, choice = resolve_registry_versions(job, settings), choose_policy(job, parameters.policy)

    def run_job(job: RefreshJob, choice: PolicyChoice, policy_warnings: Sequence[str]) -> dict[str, Any]:
        with open_resources(job, settings, opener=opener) as (resources, screening):
            prices = read_price_list(settings)
            run = Refresh(job, resources, screening, executor, settings, prices, observer, parameters.wait)
            # After the clock has started: listing engines counts as time of the run.
            run.warnings = [
                *warnings,
                *policy_warnings,
                *missing_scanner_warnings(job),
                *single_writer_warnings(settings),
                *engine_warnings(job.recipe, settings, resources.store),
            ]
            run.policy_choice = choice
            return run.run()

    return run_under_policy_in_force(*open_before_run(job.store), job, choice, run_job)
