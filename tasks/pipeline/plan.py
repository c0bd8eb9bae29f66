"""Plan a run: read the catalogue, compare it with what is live, and write down what the run will generate.

Inputs: a `RefreshJob`, the tables, the cost model, and a run's folder to write to (none for a dry run). Outputs: a
`Plan` with counts, rejects, shards in the order of work and what the budget defers. Slots, requests and rejects go
straight to Parquet, row group by row group, so a first run of 2,000,000 images is planned in bounded memory.
`plan.json` is written last: the plan is whole when it exists.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial

import numpy as np
import pyarrow as pa

from catalogs import layout
from catalogs.answers.answer_index import AnswerIndex
from catalogs.errors import CatalogueError
from catalogs.ingest.row_rejects import Reject
from catalogs.ingest.row_validation import RowCounts, RowValidator
from catalogs.planning.budget import CostModel
from catalogs.planning.caption_length import CaptionLengths
from catalogs.planning.plan import (
    MAX_REPORTED_REJECTS,
    Plan,
    PlannedBatch,
    rows_to_table,
)
from catalogs.planning.planned_elsewhere import PlannedElsewhere
from catalogs.planning.planner import Planner
from catalogs.planning.prompt_samples import PromptSampler, SampledPlanner
from catalogs.planning.resolved_photos import PhotoResolver, UnreadPhotos
from catalogs.planning.retry_rules import RetryClock
from catalogs.planning.schedule import build_schedule
from catalogs.planning.sharding import Sharder
from catalogs.planning.waiting_slots import WaitingSlots
from catalogs.policy.review_expiry import REVIEW_EXPIRED
from catalogs.runs.job import RefreshJob
from catalogs.stages.library import StageLibrary
from catalogs.table_schemas import DEFERRALS, REFRESHED_DIGESTS, REJECTS, REPLACED_SLOTS, SLOTS
from infra.interfaces import ObjectStore, TableStore
from infra.sources import Source
from infra.sources.source_batches import SourceBatch
from infra.stores.json_objects import write_json
from tasks.answers.answer_log import read_answer_index
from tasks.gates.brand_learning import BrandLearner
from tasks.gates.caption_counter import RecipeCaptionCounter
from tasks.gates.prompt_gate import PlanGates, PolicyPromptGate
from tasks.pipeline.current_state import CurrentState, read_current_state
from tasks.pipeline.ended_slots import EndingOutcomes, find_ended_slots
from tasks.pipeline.former_negatives import read_former_negatives
from tasks.pipeline.learn_brands import open_learner
from tasks.pipeline.plan_stages import read_plan_stages, stage_warnings
from tasks.pipeline.plans_elsewhere import read_planned_elsewhere
from tasks.pipeline.retired_slots import retire_slots
from tasks.pipeline.source_passes import run_source_passes
from tasks.pipeline.source_totals import SourceTotals
from tasks.runs.job_source import open_job_source, open_validator
from tasks.runs.plan_writer import PlanWriter


def make_plan(  # noqa: PLR0913 - a job, its stores and its terms, each with a default where it may be left out
    job: RefreshJob,
    store: ObjectStore,
    tables: TableStore,
    run_id: str | None,
    shard_size: int,
    cost_model: CostModel | None = None,
    gates: PlanGates | None = None,
    photos: PhotoResolver | None = None,
) -> Plan:
    """Plan `job`, by default without limits; with a `run_id`, write the plan into that run's folder, `plan.json` last.

    Without `photos` none of the photos that rows name is read, and their slots wait.
    Raises `CatalogueError` where the source as a whole cannot be used, and `infra.errors.UnreadableSource` where it
    cannot be read.
    """
    source, now = open_job_source(job), store.now()
    elsewhere = read_planned_elsewhere(store, job.catalogue, run_id)  # before the manifest
    state = read_current_state(tables, job.catalogue)
    live, version = state.live, state.version
    negatives = partial(read_former_negatives, store, tables, layout.manifest_table(job.catalogue), version)
    gates, answers = gates or PlanGates(), read_answer_index(store, job.catalogue)
    stages = read_plan_stages(store, job.recipe, live)
    planner = _open_planner(job, state, gates, now, elsewhere, negatives, answers, photos, stages)
    sharder = Sharder(shard_size, cost_model=cost_model or CostModel())
    plan = Plan(base_version=version, live=len(live), rows=RowCounts(), slots=planner.counts)
    plan.outcomes_version, plan.newest_answer = state.outcomes_version, answers.newest_token
    with ExitStack() as stack:
        writer = PlanWriter(store, run_id, stack)
        sampled = SampledPlanner(planner, gates.sampler or PromptSampler())
        totals = _plan_source(job, source, sampled, writer, sharder, plan, now)
        plan.prompts = sampled.sampler.documents()
        _report_planner(plan, planner)
        retire_slots(job, tables, live, writer, plan, totals)
        if totals.renames:
            plan.renamed = len(totals.renames)
            plan.warnings.append(totals.renames.warning(live))
            writer.write_table(writer.files.renamed, totals.renames.table(live))
        if job.scope == "full":
            gone = [] if totals.unidentified_rejects else planner.outcomes.unrequested_slots(live)
            ending, rejected = EndingOutcomes(gone, planner.lapsed.ended), totals.rejected_skus
            writer.write_rows(writer.files.ended, find_ended_slots(tables, job.catalogue, ending, rejected, now))
    if run_id is not None:
        write_json(store, layout.RunFiles(run_id).plan, plan.document())
    return plan


def _open_planner(  # noqa: PLR0913 - all that a planner joins
    job: RefreshJob,
    state: CurrentState,
    gates: PlanGates,
    now: datetime,
    elsewhere: PlannedElsewhere,
    read_negatives: Callable[[], Sequence[str]],
    answers: AnswerIndex,
    photos: PhotoResolver | None,
    stages: Mapping[str, StageLibrary],
) -> Planner:
    prompt_gate = gates.prompts or PolicyPromptGate(job.policy, job.recipe.languages, shop_brands=job.shop_brands.names)
    judging = (job.policy.digest, prompt_gate, RetryClock(now, gates.scanners), job.policy.review_days)
    brands = job.shop_brands if job.policy.brands.own == "shop" else None
    texts = (read_negatives, CaptionLengths(RecipeCaptionCounter(job.recipe)), brands)
    return Planner(
        job.recipe,
        state.live,
        state.outcomes,
        *judging,
        job.backfill,
        elsewhere,
        *texts,
        answers,
        photos=photos or UnreadPhotos(),
        stages=stages,
    )


def _plan_source(
    job: RefreshJob,
    source: Source,
    planner: SampledPlanner,
    writer: PlanWriter,
    sharder: Sharder,
    plan: Plan,
    now: datetime,
) -> SourceTotals:
    """Read the source batch by batch, plan each batch and write its rows; then put the shards into order."""
    validator, totals, learner = open_validator(job, source), SourceTotals(), open_learner(job)
    run_source_passes(validator, source)
    plan.rows = validator.counts
    plan.source_notes = [*source.notes]
    for batch in source.batches(validator.needed_columns):
        planned, rejects = _plan_batch(validator, planner, learner, batch)
        totals.add_batch(planned, rejects)
        plan.rejects += rejects[: MAX_REPORTED_REJECTS - len(plan.rejects)]
        plan.count_rejects(rejects)
        _write_batch(planned, rejects, writer, sharder, plan)
    for part, table in sharder.flush():
        writer.write_request_group(part, table)
    if validator.counts.input == 0:
        raise CatalogueError(f"The catalogue {job.source!r} has no rows; nothing was planned and nothing is retired")
    _apply_schedule(plan, sharder, totals, writer, now)
    if job.policy.brands.own == "shop":
        plan.shop_brands = job.shop_brands.describe(learner.learned if learner is not None else [])
    plan.warnings += source.warnings
    plan.warnings += validator.warning_sentences()
    if totals.unidentified_rejects:
        plan.warnings.append(
            f"{totals.unidentified_rejects} rejected rows have no readable SKU: nothing is retired in this run"
        )
    return totals


def _plan_batch(
    validator: RowValidator, sampled: SampledPlanner, learner: BrandLearner | None, batch: SourceBatch
) -> tuple[PlannedBatch, list[Reject]]:
    """Validate and plan one batch; return its plan, and its rejects in the order of the rows."""
    sampled.planner.syntax.add_source(sampled.planner.recipe, batch.rows)
    validated = validator.validate_batch(batch.numbers, batch.rows)
    if learner is not None:
        learner.add(validated.table)
    damaged = [Reject(row.number, None, "", row.reason) for row in batch.damaged]
    validator.counts.input += len(damaged) + batch.empty
    validator.counts.rejected += len(damaged)
    validator.counts.ignored += batch.empty
    planned = sampled.plan_batch(validated.table)
    template_failures = len(planned.rejects)  # counted as accepted by the validation; rejected now
    validator.counts.accepted -= template_failures
    validator.counts.rejected += template_failures
    return planned, sorted([*damaged, *validated.rejects, *planned.rejects], key=lambda reject: reject.row)


def _write_batch(
    planned: PlannedBatch, rejects: list[Reject], writer: PlanWriter, sharder: Sharder, plan: Plan
) -> None:
    """Write a batch's rows, put its requests into shards, and add its counts to the plan."""
    if planned.slots:
        writer.write_table(writer.files.slots, rows_to_table(planned.slots, SLOTS))
        writer.write_table(writer.files.source_rows, planned.source_rows)
    if rejects:
        writer.write_table(writer.files.rejects, rows_to_table(rejects, REJECTS))
    if planned.refreshed:
        columns = [list(column) for column in zip(*planned.refreshed, strict=True)]
        writer.write_table(writer.files.refreshed, pa.table(columns, schema=REFRESHED_DIGESTS))
        plan.refreshed += len(planned.refreshed)
    if planned.replaced:
        writer.write_table(writer.files.replaced, rows_to_table(planned.replaced, REPLACED_SLOTS))
    for reason, count in planned.prompt_gate_reasons.items():
        plan.reasons[reason] = plan.reasons.get(reason, 0) + count
    for request in planned.requests:
        for part, table in sharder.add(request):
            writer.write_request_group(part, table)


def _apply_schedule(plan: Plan, sharder: Sharder, totals: SourceTotals, writer: PlanWriter, now: datetime) -> None:
    """Order the shards by urgency, and defer what exceeds the budget."""
    schedule = build_schedule(sharder.shards, sharder.summaries, totals.priority_raises, sharder.cost_model.budget, now)
    plan.shards, plan.gpu_seconds = schedule.shards, schedule.gpu_seconds
    plan.images = sum(shard.requests for shard in plan.shards)
    if schedule.overdue:
        plan.warnings.append(
            f"{schedule.overdue} images are late already: their deadline has passed, so they come first"
        )
    if schedule.deferral_codes:
        plan.deferred = schedule.count_deferred(np.concatenate(totals.slot_key_prefixes))
        columns = [list(schedule.deferral_codes), list(schedule.deferral_codes.values())]
        writer.write_table(writer.files.deferrals, pa.table(columns, schema=DEFERRALS))


def _report_planner(plan: Plan, planner: Planner) -> None:
    """Add to the plan what the planner found out beside the slots to decide."""
    plan.warnings += [*planner.syntax.warnings(), *planner.captions.warnings(), *planner.kept_rows.warnings()]
    plan.warnings += [*planner.photos.warnings(), *stage_warnings(planner.recipe, planner.stages)]
    plan.photos, plan.answers = planner.kept_rows.document(), planner.rules.taken.document()
    _report_waiting(plan, planner.waiting)


def _report_waiting(plan: Plan, waiting: WaitingSlots) -> None:
    """Add to the plan what holds back the slots that it leaves alone."""
    plan.retries = waiting.own_faults.document()
    plan.skus_without_image, plan.first_skus_without_image = waiting.skus_without_image, waiting.first_skus
    plan.expired = waiting.expired
    if plan.expired:
        plan.reasons[REVIEW_EXPIRED] = plan.expired
        plan.warnings.append(
            f"{plan.expired} × no answer from a person in {waiting.review_days} days: blocked, {REVIEW_EXPIRED}"
        )
