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
from catalogs.planning.budget import Terms
from catalogs.planning.plan import Plan
from catalogs.planning.pricing import Prices, estimate
from catalogs.planning.sharding import SHARDS_A_PART
from catalogs.policy.schema import Policy
from catalogs.runs.job import Job, Run
from catalogs.runs.release_batch import Batch
from catalogs.table_schemas import DECISIONS
from flows.engines.model_versions import look_up
from flows.orchestration.child_runs import cancel_children
from flows.orchestration.flow_signature import taking
from flows.orchestration.prefect_artifacts import RunPage, run_name, tag_run
from flows.parameters import PartParameters, RefreshParameters
from flows.refresh_part import work_through_parts
from flows.run.audit import Checks, audited
from flows.run.executors import THREADS, Hands, PrefectHands
from flows.run.leases import lease_if_free, lease_run, leased_catalogue
from flows.run.observers import Watch, watch_of_this_process
from flows.run.report import Ended, reported
from flows.run.shard_pipeline import Limits, work_through
from flows.wiring.composition import engine_warnings, open_places, prompt_gates, read_prices, terms_for, warn_of_silence
from infra.coordination.leases import Lease
from infra.errors import StagedLost
from infra.settings import Settings
from infra.sources import open_source
from infra.stores.parquet_objects import read_table, write_table_once
from tasks.amendments.manifest_change import settle_amendments
from tasks.pipeline.decide import Decided, decide
from tasks.pipeline.plan import load_plan, make_plan, plan_holds
from tasks.pipeline.publish import Release, load_batch, publish
from tasks.pipeline.queue_reviews import keep_for_review
from tasks.pipeline.record_outcomes import remember
from tasks.reporting.run_statistics import engine_seconds
from tasks.runs import run_state as runs
from tasks.runs.budget_meter import Meter
from tasks.runs.run_context import Gate, Places, Workbench

REPLACED = {"reason": "a newer run took its place"}


@dataclass
class Refresh:
    """One refresh in this process: the job, the places, and the clock."""

    job: Job
    places: Places
    gate: Gate
    hands: Hands
    settings: Settings
    prices: Prices
    watch: Watch
    wait: bool = True
    seconds: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    warnings: list[str] = field(default_factory=list)
    outdated: list[Run] = field(default_factory=list)

    def run(self) -> dict[str, Any]:
        """Refresh the catalogue and return the report."""
        full = self.job.scope == "full"
        store, settings = self.places.store, self.settings
        with leased_catalogue(store, self.job.catalogue, settings, wait=self.wait) if full else nullcontext():
            with self._stage("settle"):
                settle_amendments(store, self.places.tables, self.job.catalogue, alone=full)
                run, lease = self._settle_or_start()
            try:
                with lease.keep_alive():
                    return self.go_on(run, lease.check)
            finally:
                lease.release()

    def _settle_or_start(self) -> tuple[Run, Lease]:
        """Finish what was committed, supersede what no longer fits, and return the run to go on with, leased."""
        store = self.places.store
        fingerprint = self.job.fingerprint(open_source(self.job.source).fingerprint())
        found: tuple[Run, Lease] | None = None
        for run in runs.open_runs(store, self.job.catalogue):
            if not self._concerns(run):
                continue
            lease = lease_if_free(store, run, self.settings)
            if lease is None:
                continue  # somebody works on it
            same = run.fingerprint == fingerprint and not runs.committed(self.places.tables, run)
            if found is None and same and plan_holds(store, self.places.tables, run):
                found = (run, lease)
                continue
            with lease.keep_alive():
                self._settle(run)
            lease.release()
        if found is not None:
            return found
        run = runs.start(store, self.job, fingerprint)
        return run, lease_run(store, run, self.settings)

    def _settle(self, run: Run) -> None:
        """End a run that nobody works on any more: complete what the shop sees already, supersede the rest."""
        if runs.committed(self.places.tables, run):
            self._complete(run)
        elif runs.held_checks(self.places.store, run):
            self.outdated.append(run)  # a catalogue that cannot be read takes no batch's place
        else:
            runs.close(self.places.store, run, "superseded", REPLACED)

    def _concerns(self, run: Run) -> bool:
        """Tell whether this run may end that one: one of its scope, and a full run any partial one but held ones."""
        if run.scope == self.job.scope:
            return True
        return self.job.scope == "full" and not runs.held_checks(self.places.store, run)

    def go_on(self, run: Run, check_lease: Callable[[], None]) -> dict[str, Any]:
        """Do what of a run is not done yet, and return its report."""
        store, tables = self.places.store, self.places.tables
        with self._stage("plan"):
            terms = terms_for(self.job, self.prices, self.settings)
            gates = prompt_gates(self.job, self.settings)
            asked = (self.job, store, tables, run.run_id, self.settings.shard_size, terms, gates)
            plan = load_plan(store, run.run_id) or self.hands.stage("plan", lambda: make_plan(*asked))
        images = (plan.images, plan.gpu_seconds, self.settings.engines)
        self.watch.plan(plan, estimate(self.prices, self.settings.gpu, *images))
        for outdated in self.outdated:
            runs.close(store, outdated, "superseded", REPLACED)
        decisions = self._decisions(run, plan, check_lease, terms)
        check_lease()
        batch = load_batch(store, self.job.catalogue, run.run_id, decisions)
        with self._stage("audit"):
            held, checks, preview = audited(self.places, self.hands, run, plan, batch, self.job.policy)
        if held:
            runs.hold(store, run, held, checks)
            return self._report(run, plan, batch, preview, held, checks)
        check_lease()
        return self._finish(run, self.job.policy, plan, batch, checks)

    def _decisions(self, run: Run, plan: Plan, check_lease: Callable[[], None], terms: Terms) -> Any:
        """Return the decided batch: made and judged now, or found where a killed run left it."""
        key = layout.run_file(run.run_id, "batch.parquet")
        store = self.places.store
        if store.exists(key):
            return read_table(store, key, DECISIONS)
        meter = Meter(terms.allowance, engine_seconds(store, run.run_id), self.began, plan.seconds_each)
        bench = Workbench(self.places, self.gate, run.run_id, check_lease, meter)
        self._make(run, plan, bench)
        while (decided := self._decided(run, meter)).batch is None:
            with self._stage("generate"):
                work_through(bench, [], decided.last_wave, self.hands, self._limits, self.watch)
        # The first one stands: another process, if it took this run for dead, may have decided it too.
        return write_table_once(store, key, decided.batch)

    def _decided(self, run: Run, meter: Meter) -> Decided:
        job, places = self.job, self.places
        arguments = (places.store, places.tables, job.catalogue, run.run_id, job.policy, job.recipe.makers)
        with self._stage("decide"):
            return self.hands.stage("decide", lambda: decide(*arguments, meter.stopped))

    def _make(self, run: Run, plan: Plan, bench: Workbench) -> None:
        pending = set(missing := bench.plan(plan.shards))
        owed = bench.unfinished() if run.resumed else []
        self.watch.total(sum(shard.requests for shard in plan.shards if shard.name in pending) + len(owed))
        with self._stage("generate"):
            if len(missing) <= SHARDS_A_PART:
                work_through(bench, missing, owed, self.hands, self._limits, self.watch)
                return
            stub = self.settings.stub_seconds
            ask = partial(PartParameters, store=self.job.store, run=run.run_id, stub_seconds=stub)
            there = None if self.job.limited else ask
            work_through_parts(there, plan, bench, missing, self.hands, self._limits, self.watch)

    def _finish(self, run: Run, policy: Policy, plan: Plan, batch: Batch, checks: Checks) -> dict[str, Any]:
        """Publish, remember, report, close: each safe to do again."""
        store, tables = self.places.store, self.places.tables
        with self._stage("publish"):
            try:
                release = self.hands.stage("publish", lambda: publish(store, tables, batch, self.places.signer))
            except StagedLost as error:
                if not runs.committed(tables, run):  # resumed, it would fail again every night
                    runs.close(store, run, "superseded", {"reason": str(error)})
                raise
        with self._stage("remember"):
            superseded = release.sums.superseded
            self.hands.stage("remember", lambda: remember(tables, batch, policy, superseded))
            self.hands.stage("review", lambda: keep_for_review(store, batch, policy, superseded))
        report = self._report(run, plan, batch, release, [], checks)
        runs.close(store, run, "done", {"version": release.version})
        return report

    def _report(
        self, run: Run, plan: Plan, batch: Batch, release: Release, held: list[str], checks: Checks
    ) -> dict[str, Any]:
        with self._stage("report"):
            seconds = {"total": time.monotonic() - self.began, **self.seconds}
            ended = Ended(run, plan, batch, release, held, checks, self.warnings, seconds)
            report, sheet = reported(self.places, self.job, self.prices, self.settings.gpu, ended)
            self.watch.report(report, sheet)
        return report

    def _complete(self, run: Run) -> None:
        """Close a run that was killed between its manifest commit and its end, under its own policy."""
        store = self.places.store
        _, policy = runs.frozen_rules(store, run.run_id)
        decisions = read_table(store, layout.run_file(run.run_id, "batch.parquet"), DECISIONS)
        plan = load_plan(store, run.run_id)
        assert plan is not None  # noqa: S101 - a committed run was planned
        self._finish(run, policy, plan, load_batch(store, run.catalogue, run.run_id, decisions), [])

    @property
    def _limits(self) -> Limits:
        return Limits(self.settings.shards_in_flight, self.settings.shard_size)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self.watch.stage(name)
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began


@flow(
    name="refresh",
    flow_run_name=run_name,
    task_runner=ThreadPoolTaskRunner(max_workers=THREADS),  # type: ignore[arg-type]
    persist_result=False,
    validate_parameters=False,  # the model does, and repeats no value that may hold a password
    on_cancellation=[cancel_children],
    on_crashed=[cancel_children],
)
@taking(RefreshParameters, required=("catalogue",))
def refresh(parameters: RefreshParameters) -> dict[str, Any]:
    """Refresh a catalogue: make what is new or changed, judge it, and publish it as one release. Returns the report."""
    return run_refresh(parameters, Settings(), PrefectHands())


def run_refresh(
    parameters: RefreshParameters, settings: Settings, hands: Hands, watch: Watch | None = None
) -> dict[str, Any]:
    """Open the places, refresh, close them."""
    job, warnings = parameters.job()
    if parameters.stub_seconds is not None:
        settings = settings.model_copy(update={"stub_seconds": parameters.stub_seconds})
    watch = watch or watch_of_this_process()
    if isinstance(hands, PrefectHands):
        watch = RunPage(watch, job.catalogue)
        tag_run(job.catalogue, job.scope)
    with open_places(job := look_up(job), settings) as (places, gate):
        prices = read_prices(settings)
        work = Refresh(job, places, gate, hands, settings, prices, watch, wait=parameters.wait)
        work.warnings += [*warnings, *warn_of_silence(job), *engine_warnings(job.recipe, settings, places.store)]
        return work.run()
