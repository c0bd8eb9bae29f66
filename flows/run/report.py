"""Report a run: count its records and its batch, write the report and its contact sheet, and return both.

Inputs: how the run ended. Outputs: the `RunReport` and the contact sheet; the run's folder holds them by then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from catalogs.planning.plan import Plan
from catalogs.planning.pricing import PriceList
from catalogs.planning.retry_rules import RetrySummary
from catalogs.policy.review_expiry import REVIEW_EXPIRED
from catalogs.runs.job import RefreshJob, Run
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.runs.report import ReportInput, build_report
from catalogs.runs.report_parts import ReportStorage
from catalogs.runs.report_schema import RunReport
from flows.run.audit import AuditChecks
from infra.errors import error_sentence
from infra.interfaces import ObjectStore
from infra.public_links import public_link
from infra.settings import Settings
from tasks.gates.required_marks import summarize_marks
from tasks.models.metrics import write_model_samples
from tasks.pipeline.audit import reject_warnings
from tasks.pipeline.publish import Release
from tasks.reporting.contact_sheet import Tile, build_contact_sheet
from tasks.reporting.photo_statistics import read_shared_photos, summarize_photos
from tasks.reporting.run_report import write_report
from tasks.reporting.run_statistics import (
    collect_run_statistics,
    find_incomplete_skus,
    measure_delivery,
    read_prompts,
    refused_work_warnings,
    spoken_warnings,
    summarize_channels,
)
from tasks.runs.held_batches import find_held_batches
from tasks.runs.resources import Resources
from tasks.runs.review_alarm import QueueLimits, held_alarms, queue_alarms, read_asked_times


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Of a held run `release` is what would have been published, and `held` names the checks that failed. `seconds` has
    one entry per stage, and `total`. `own_faults` are the batch's slots that a fault of our own has kept, `taken_back`
    the published images that people took back before the run.
    """

    run: Run
    plan: Plan
    batch: ReleaseBatch
    release: Release
    held: Sequence[str]
    checks: AuditChecks
    warnings: Sequence[str]
    seconds: Mapping[str, float]
    storage: ReportStorage = field(default_factory=ReportStorage)
    own_faults: RetrySummary | None = None
    taken_back: int = 0


def report_run(
    resources: Resources, job: RefreshJob, prices: PriceList, settings: Settings, result: RunResult
) -> tuple[RunReport, list[Tile]]:
    """Write a run's report and return it with its contact sheet."""
    store, run = resources.store, result.run
    report_input = _collect_input(resources, job, prices, settings, result)
    report = build_report(report_input)
    write_model_samples(store, run.run_id, report_input.models)
    sheet = _contact_sheet(store, result, settings.public_url)
    write_report(store, run.run_id, report, sheet)
    return report, sheet


def _collect_input(
    resources: Resources, job: RefreshJob, prices: PriceList, settings: Settings, result: RunResult
) -> ReportInput:
    store, tables = resources.store, resources.tables
    run, plan, batch, release = result.run, result.plan, result.batch, result.release
    images, reasons, models = collect_run_statistics(store, run.run_id, batch)
    late = _people_alarms(resources, run, settings, is_held=bool(result.held))
    shared = [line for line in [read_shared_photos(tables, batch).sentence] if line]
    return ReportInput(
        run=run,
        rows=plan.rows,
        counts=plan.slots,
        retired=plan.retired,
        rejects=plan.rejects,
        source_notes=plan.source_notes,
        prompts=plan.prompts,
        warnings=_all_warnings(result, images.refused_work, late),
        prices=prices,
        gpu=settings.gpu,
        totals=release.sums,
        version=release.version,
        previous=release.previous,
        held=result.held,
        checks=result.checks,
        images=replace(images, planned=plan.images),
        reasons=reasons | ({REVIEW_EXPIRED: plan.expired} if plan.expired else {}),
        skus=find_incomplete_skus(tables, batch),
        waiting_skus=(plan.skus_without_image, plan.first_skus_without_image),
        retries=RetrySummary.from_document(plan.retries).combined(result.own_faults or RetrySummary()),
        delivery=measure_delivery(tables, batch, release.sums.superseded, release.previous, store.now()),
        limits=(job.max_cost, job.max_hours),
        channels=summarize_channels(batch, release.sums.superseded, job.recipe.channels),
        models=models,
        provenance_marks=summarize_marks(job.recipe, resources.signer, release.visible_files),
        store=store.url,
        public_url=settings.public_url,
        seconds=result.seconds,
        storage=result.storage,
        shop_brands=plan.shop_brands,
        photos=plan.photos | summarize_photos(batch.decisions, shared),
        answers=plan.answers | ({"withdrawn": result.taken_back} if result.taken_back else {}),
    )


def _contact_sheet(store: ObjectStore, result: RunResult, base: str | None) -> list[Tile]:
    decisions = result.batch.decisions
    prompts = read_prompts(store, result.run.run_id, decisions["request_key"].to_pylist())
    return build_contact_sheet(store, decisions, prompts, links=_public_links(result, base))


def _public_links(result: RunResult, base: str | None) -> dict[bytes, str]:
    """Return the public address of each slot's image that the release shows; of a held batch none is there yet."""
    if base is None or result.held:
        return {}
    shown = result.release.files.items()
    return {
        slot: f"{public_link(base, file.key)}" for slot, file in shown if slot not in result.release.sums.superseded
    }


def _people_alarms(resources: Resources, run: Run, settings: Settings, *, is_held: bool) -> list[str]:
    """Return what people are late with. A queue is looked at by full runs, once a night, and only for its limits."""
    store, tables, now = resources.store, resources.tables, resources.store.now()
    limits = QueueLimits(settings.review_max_waiting, settings.review_max_age_hours)
    held = held_alarms(find_held_batches(store, [run]), now) if is_held else []
    if run.scope != "full" or not limits.are_set:
        return held
    return [*held, *queue_alarms(read_asked_times(tables, run.catalogue), limits, now)]


def _all_warnings(result: RunResult, refused_work: Mapping[str, int], late: Sequence[str]) -> list[str]:
    spoken, rejected = spoken_warnings(result.batch), reject_warnings(result.plan, result.held)
    work, let_go = refused_work_warnings(refused_work), _accepted_warnings(result)
    warnings = (*late, *spoken, *rejected, *let_go, *result.warnings, *result.plan.warnings, *work)
    return [error_sentence(warning) for warning in warnings]


def _accepted_warnings(result: RunResult) -> list[str]:
    """Return what a failed check says that a person has let go."""
    failed = (check for check in result.checks if check["critical"] and not check["success"])
    return [f"{check['name']}: {check['reason']}" for check in failed if check["name"] not in result.held]
