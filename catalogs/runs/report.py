"""What a run says of itself: one document, the same for `--json`, the store, the page and the terminal.

Comes in: the run, its plan, its sums. Goes out: a mapping of plain values. The store's report is the truth about a run;
what Prefect shows is a view of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from catalogs.ingest.row_validation import Reject, RowCounts
from catalogs.planning.plan import PlanCounts
from catalogs.planning.pricing import CostEstimate, PriceList
from catalogs.runs.job import Run
from catalogs.runs.release_batch import BatchTotals
from catalogs.slot_states import REPORT_STATES

MAX_REPORTED_SKUS = 100
"""SKUs that the report names of each notable kind; it counts them all."""
NEW_SKU_TARGET = timedelta(hours=2)
"""How soon after its creation a new SKU should have its pictures."""


@dataclass
class ImageCounts:
    """Images of a run: distinct requests planned, made or found, further slots that share one, attempts in all."""

    planned: int = 0
    generated: int = 0
    reused: int = 0
    failed: int = 0
    shared: int = 0
    attempts: int = 0
    gpu_seconds: float = 0.0


@dataclass
class DeliveryCounts:
    """What reached the shop: SKUs with a picture of this run, what was deferred and why, new SKUs and those in time."""

    skus: int = 0
    deferred: dict[str, int] = field(default_factory=dict)
    new_skus: int = 0
    in_time: int = 0


@dataclass
class ReportInput:
    """What a report is made of."""

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
    delivery: DeliveryCounts = field(default_factory=DeliveryCounts)
    limits: tuple[float | None, float | None] = (None, None)
    """What the run may cost, and the hours that it may take."""
    channels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Channel -> published pictures that are usable there, those that are not, and why not."""
    models: Sequence[Mapping[str, Any]] = ()
    """What each model, and each version of a registered one, made."""
    provenance_marks: Mapping[str, Any] = field(default_factory=dict)
    """What the published pictures carry: who signed them, watermarks. Empty where nothing was published."""
    store: str = ""
    dry_run: bool = False


def build_report(report_input: ReportInput) -> dict[str, Any]:
    """Return the report of a run, or of a plan that was not run."""
    images = report_input.images
    found = images.generated + images.reused
    slots = _slots(report_input)
    return {
        "run_id": report_input.run.run_id,
        "catalogue": report_input.run.catalogue,
        "scope": report_input.run.scope,
        "dry_run": report_input.dry_run,
        "resumed": report_input.run.resumed,
        "source": report_input.run.source,
        "store": report_input.store,
        "started_at": report_input.run.started_at.isoformat(),
        "held": list(report_input.held),
        "release": {"version": report_input.version, "previous": report_input.previous},
        "rows": asdict(report_input.rows),
        "slots": slots,
        "images": {name: value for name, value in asdict(images).items() if name != "gpu_seconds"},
        "cache_hit_rate": round(images.reused / found, 4) if found else 0.0,
        "gpu_seconds": round(images.gpu_seconds, 3),
        "cost": _cost(report_input, slots["published"]),
        "limits": {
            "max_cost": report_input.limits[0],
            "max_hours": report_input.limits[1],
            "deferred": dict(report_input.delivery.deferred),
        },
        "new_skus": _new_sku_delivery(report_input.delivery),
        "estimate": asdict(report_input.estimate) if report_input.estimate else None,
        "channels": {name: dict(sums) for name, sums in report_input.channels.items()},
        "models": [{name: value for name, value in row.items() if name != "sample"} for row in report_input.models],
        "marks": dict(report_input.provenance_marks),
        "seconds": {name: round(value, 3) for name, value in report_input.seconds.items()},
        "rejects": [asdict(reject) for reject in report_input.rejects],
        "reasons": dict(sorted(report_input.reasons.items(), key=lambda item: (-item[1], item[0]))),
        "checks": [dict(check) for check in report_input.checks],
        "skus": {
            name: {"count": len(skus), "first": list(skus[:MAX_REPORTED_SKUS])}
            for name, skus in report_input.skus.items()
        },
        "warnings": [*report_input.warnings, *_sku_warnings(report_input.skus)],
    }


def _sku_warnings(skus: Mapping[str, Sequence[str]]) -> list[str]:
    words = {
        "old_beside_new": "show an old picture beside a new one",
        "nothing_live": "have no picture at all",
    }
    found = []
    for name, phrase in words.items():
        if skus.get(name):
            named = ", ".join(skus[name][:5]) + (" …" if len(skus[name]) > 5 else "")
            found.append(f"{len(skus[name])} SKUs {phrase}: {named}")
    return found


def _slots(facts: ReportInput) -> dict[str, int]:
    counts, sums = facts.counts, facts.totals
    slots = {
        "new": counts.new,
        "changed": counts.changed,
        "unchanged": counts.unchanged,
        "waiting": counts.waiting,
        "retired": facts.retired,
    }
    states = dict.fromkeys(REPORT_STATES, 0)
    if facts.dry_run:
        states.update(blocked=counts.blocked, review=counts.review, deferred=sum(facts.delivery.deferred.values()))
    if sums is not None:
        # Waiting slots that the policy now lets pass count as new or changed, and wait no longer.
        freed = sums.new + sums.changed - counts.new - counts.changed
        slots.update(new=sums.new, changed=sums.changed, waiting=counts.waiting - freed, retired=sums.retired)
        states.update({name: sums.states.get(name, 0) for name in REPORT_STATES})
    return slots | states


def _cost(facts: ReportInput, published: int) -> dict[str, Any]:
    name, gpu = facts.prices.find_gpu(facts.gpu)
    total = gpu.cost(facts.images.gpu_seconds)
    made, skus = facts.images.generated, facts.delivery.skus
    return {
        "total": round(total, 9),
        "per_image": round(total / made, 9) if made else None,
        "per_accepted": round(total / published, 9) if published else None,
        "per_sku": round(total / skus, 9) if skus else None,
        "per_hour": gpu.usd_per_hour,
        "usual": list(gpu.usd_per_image) if gpu.usd_per_image else None,
        "currency": facts.prices.currency,
        "gpu": name,
    }


def _new_sku_delivery(delivery: DeliveryCounts) -> dict[str, Any]:
    share = round(delivery.in_time / delivery.new_skus, 4) if delivery.new_skus else None
    return {"count": delivery.new_skus, "within_2_hours": delivery.in_time, "share": share}
