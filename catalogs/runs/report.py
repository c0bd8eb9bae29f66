"""Build the report of a run from its plan, its counts and its audit.

Inputs: the run, its plan, its totals. Outputs: a `RunReport`. The report in the store is the truth about a run; what
Prefect shows is a view of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from catalogs.ingest.row_rejects import Reject
from catalogs.ingest.row_validation import RowCounts
from catalogs.planning.plan import PlanCounts
from catalogs.planning.pricing import CostEstimate, PriceList
from catalogs.planning.retry_rules import RetrySummary
from catalogs.runs.job import Run
from catalogs.runs.release_batch import BatchTotals
from catalogs.runs.report_parts import (
    ReportAnswers,
    ReportBrands,
    ReportEstimate,
    ReportPrompt,
    ReportReject,
    ReportRetries,
    ReportSkus,
    ReportStorage,
)
from catalogs.runs.report_schema import (
    ReportChannel,
    ReportCheck,
    ReportCost,
    ReportImages,
    ReportLimits,
    ReportMarks,
    ReportModel,
    ReportNewSkus,
    ReportRelease,
    ReportRows,
    ReportSlots,
    RunReport,
    read_part,
    read_photos,
)
from catalogs.slot_states import REPORT_STATES

MAX_REPORTED_SKUS = 100
"""SKUs of each notable kind that the report names; it counts all of them."""

NOTHING_LIVE = "nothing_live"
"""The report's key for SKUs without any live image."""

RETRIED_WITH_SCANNER = "tried again in the first run that has the missing scanner"

NEW_SKU_TARGET = timedelta(hours=2)
"""How soon after its creation a new SKU should have its images."""


@dataclass
class ImageCounts:
    """Images of a run: distinct requests planned, generated or reused; further slots that share one; all attempts."""

    planned: int = 0
    generated: int = 0
    reused: int = 0
    failed: int = 0
    shared: int = 0
    attempts: int = 0
    gpu_seconds: float = 0.0
    refused_work: dict[str, int] = field(default_factory=dict)
    """Stored work that was found, not believed and made anew, by kind: `image`, `file`, `scores`."""


@dataclass
class DeliveryCounts:
    """What the run published: SKUs with a new image, slots deferred by reason, new SKUs and those of them in time."""

    skus: int = 0
    deferred: dict[str, int] = field(default_factory=dict)
    new_skus: int = 0
    in_time: int = 0


@dataclass
class ReportInput:
    """What a report is built from."""

    run: Run
    rows: RowCounts
    counts: PlanCounts
    retired: int
    rejects: Sequence[Reject]
    warnings: Sequence[str]
    prices: PriceList
    gpu: str | None
    estimate: CostEstimate | None = None
    totals: BatchTotals | None = None
    version: int | None = None
    previous: int | None = None
    held: Sequence[str] = ()
    checks: Sequence[Mapping[str, Any]] = ()
    images: ImageCounts = field(default_factory=ImageCounts)
    reasons: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    skus: Mapping[str, Sequence[str]] = field(default_factory=dict)
    waiting_skus: tuple[int, Sequence[str]] = (0, ())
    """SKUs outside the batch of which nothing is live, since all of their slots wait: how many, and the first."""
    retries: RetrySummary = field(default_factory=RetrySummary)
    """Slots that a fault of our own keeps, after the run."""
    delivery: DeliveryCounts = field(default_factory=DeliveryCounts)
    limits: tuple[float | None, float | None] = (None, None)
    """The highest cost, in the price list's currency, and the most hours that the run may take."""
    channels: Mapping[str, ReportChannel] = field(default_factory=dict)
    models: Sequence[Mapping[str, Any]] = ()
    """One row per model, and per version of a registered model: see `tasks.models.metrics`."""
    provenance_marks: Mapping[str, Any] = field(default_factory=dict)
    """The fields of `ReportMarks`; empty where nothing was published."""
    source_notes: Sequence[str] = ()
    """What was found out about the source's files."""
    prompts: Sequence[Mapping[str, Any]] = ()
    """A few rows with their prompts: see `catalogs.planning.prompt_samples`."""
    store: str = ""
    public_url: str | None = None
    dry_run: bool = False
    storage: ReportStorage = field(default_factory=ReportStorage)
    answers: Mapping[str, int] = field(default_factory=dict)
    """The fields of `ReportAnswers` that are not 0."""
    shop_brands: Mapping[str, Any] = field(default_factory=dict)
    """The fields of `ReportBrands`; empty where the policy does not ask which brands the shop sells."""
    photos: Mapping[str, Any] = field(default_factory=dict)
    """The fields of `ReportPhotos`; empty for a catalogue without photos."""


def build_report(report_input: ReportInput) -> RunReport:
    """Return the report of a run, or of a plan that was not run."""
    run, images = report_input.run, report_input.images
    available = images.generated + images.reused
    slots = _count_slots(report_input)
    skus = _summarize_skus(report_input)
    return RunReport(
        run_id=run.run_id,
        catalogue=run.catalogue,
        scope=run.scope,
        dry_run=report_input.dry_run,
        resumed=run.resumed,
        source=run.source,
        store=report_input.store,
        public_url=report_input.public_url,
        started_at=run.started_at.isoformat(),
        held=list(report_input.held),
        release=ReportRelease(report_input.version, report_input.previous),
        rows=ReportRows(**asdict(report_input.rows)),
        slots=slots,
        images=read_part(ReportImages, asdict(images)),
        cache_hit_rate=round(images.reused / available, 4) if available else 0.0,
        gpu_seconds=round(images.gpu_seconds, 3),
        cost=_compute_cost(report_input, slots.published or 0),
        limits=ReportLimits(*report_input.limits, deferred=dict(report_input.delivery.deferred)),
        new_skus=_summarize_new_skus(report_input.delivery),
        estimate=ReportEstimate(**asdict(report_input.estimate)) if report_input.estimate else None,
        channels=report_input.channels,
        models=[read_part(ReportModel, row) for row in report_input.models],
        marks=ReportMarks(**report_input.provenance_marks) if report_input.provenance_marks else None,
        seconds={name: round(value, 3) for name, value in report_input.seconds.items()},
        rejects=[ReportReject(**asdict(reject)) for reject in report_input.rejects],
        reasons=dict(sorted(report_input.reasons.items(), key=lambda item: (-item[1], item[0]))),
        checks=[ReportCheck(**check) for check in report_input.checks],
        skus=skus,
        retries=ReportRetries(**report_input.retries.document()),
        warnings=[*report_input.warnings, *_retry_warnings(report_input.retries), *_sku_warnings(skus)],
        storage=report_input.storage,
        source_notes=list(report_input.source_notes),
        prompts=[read_part(ReportPrompt, sample) for sample in report_input.prompts],
        brands=ReportBrands(**report_input.shop_brands) if report_input.shop_brands else None,
        photos=read_photos(report_input.photos) if report_input.photos else None,
        answers=ReportAnswers(**report_input.answers),
    )


def _summarize_skus(report_input: ReportInput) -> dict[str, ReportSkus]:
    """Return the SKUs in a notable state. Those without an image are the batch's and those that wait outside of it."""
    skus = {name: ReportSkus(len(found), list(found[:MAX_REPORTED_SKUS])) for name, found in report_input.skus.items()}
    count, first = report_input.waiting_skus
    if count:
        batch = skus.get(NOTHING_LIVE, ReportSkus())
        skus[NOTHING_LIVE] = ReportSkus(batch.count + count, [*batch.first, *first][:MAX_REPORTED_SKUS])
    return skus


def _retry_warnings(retries: RetrySummary) -> list[str]:
    if not retries.slots:
        return []
    reasons = ", ".join(f"{reason} {count}" for reason, count in retries.reasons.most_common(5))
    when = f"tried again from {retries.next_try:%Y-%m-%d %H:%M} UTC on" if retries.next_try else RETRIED_WITH_SCANNER
    return [f"{retries.slots} slots wait because of a fault of our own, not of their images ({reasons}): {when}"]


def _sku_warnings(skus: Mapping[str, ReportSkus]) -> list[str]:
    phrases = {
        "old_beside_new": "show an old image beside a new one",
        NOTHING_LIVE: "have no image at all",
    }
    warnings = []
    for name, phrase in phrases.items():
        found = skus.get(name, ReportSkus())
        if found.count:
            named = ", ".join(found.first[:5]) + (" …" if found.count > 5 else "")
            warnings.append(f"{found.count} SKUs {phrase}: {named}")
    return warnings


def _count_slots(report_input: ReportInput) -> ReportSlots:
    counts, totals = report_input.counts, report_input.totals
    planned = {
        "new": counts.new,
        "changed": counts.changed,
        "unchanged": counts.unchanged,
        "waiting": counts.waiting,
        "retired": report_input.retired,
        "in_progress": counts.in_progress,
        "replaced": 0,
        "photos_not_read": counts.photos_not_read or None,
    }
    states = dict.fromkeys(REPORT_STATES, 0)
    if report_input.dry_run:
        deferred = sum(report_input.delivery.deferred.values())
        states.update(blocked=counts.blocked, review=counts.review, deferred=deferred)
    if totals is not None:
        # Waiting slots that the policy now lets pass count as new or changed, and wait no longer.
        freed = totals.new + totals.changed - counts.new - counts.changed
        planned.update(new=totals.new, changed=totals.changed, waiting=counts.waiting - freed)
        planned.update(retired=totals.retired, replaced=totals.replaced)
        states.update({name: totals.states.get(name, 0) for name in REPORT_STATES})
    return ReportSlots(**planned, **states)


def _compute_cost(report_input: ReportInput, published: int) -> ReportCost:
    name, gpu = report_input.prices.find_gpu(report_input.gpu)
    total = gpu.cost(report_input.images.gpu_seconds)
    generated, skus = report_input.images.generated, report_input.delivery.skus
    return ReportCost(
        total=round(total, 9),
        per_image=round(total / generated, 9) if generated else None,
        per_accepted=round(total / published, 9) if published else None,
        per_sku=round(total / skus, 9) if skus else None,
        per_hour=gpu.usd_per_hour,
        usual=list(gpu.usd_per_image) if gpu.usd_per_image else None,
        currency=report_input.prices.currency,
        gpu=name,
    )


def _summarize_new_skus(delivery: DeliveryCounts) -> ReportNewSkus:
    share = round(delivery.in_time / delivery.new_skus, 4) if delivery.new_skus else None
    return ReportNewSkus(delivery.new_skus, delivery.in_time, share)
