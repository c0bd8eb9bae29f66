"""The report of a run, as a sentence: add up what its records and its batch say, write it down, and hand it on.

Comes in: how a run ended. Goes out: the report document and the contact sheet, which are in the run's folder by then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalogs.planning.plan import Plan
from catalogs.planning.pricing import Prices
from catalogs.policy.review_expiry import EXPIRED
from catalogs.runs.job import Job, Run
from catalogs.runs.release_batch import Batch
from catalogs.runs.report import Facts, build_report
from flows.run.audit import Checks
from tasks.gates.required_marks import said_of_marks
from tasks.models.metrics import keep_samples
from tasks.pipeline.publish import Release
from tasks.reporting.run_report import Tile, contact_sheet, write_report
from tasks.reporting.run_statistics import channel_sums, delivery, prompts_of, standing, tally
from tasks.runs.run_context import Places


@dataclass(frozen=True)
class Ended:
    """How a run ended. A held one has a release that would be; `held` names the checks, `seconds` stages and total."""

    run: Run
    plan: Plan
    batch: Batch
    release: Release
    held: Sequence[str]
    checks: Checks
    warnings: Sequence[str]
    seconds: Mapping[str, float]


def reported(
    places: Places, job: Job, prices: Prices, gpu: str | None, ended: Ended
) -> tuple[dict[str, Any], list[Tile]]:
    """Write a run's report and return it with its contact sheet. `gpu` is whose price counts."""
    store, tables = places.store, places.tables
    run, plan, batch, release = ended.run, ended.plan, ended.batch, ended.release
    images, reasons, models = tally(store, run.run_id, batch)
    images.planned = plan.images
    superseded = release.sums.superseded
    report = build_report(
        Facts(
            run=run,
            rows=plan.rows,
            counts=plan.slots,
            retired=plan.retired,
            rejects=plan.rejects,
            warnings=[*ended.warnings, *plan.warnings],
            prices=prices,
            gpu=gpu,
            sums=release.sums,
            version=release.version,
            previous=release.previous,
            held=ended.held,
            checks=ended.checks,
            images=images,
            reasons=reasons | ({EXPIRED: plan.expired} if plan.expired else {}),
            skus=standing(tables, batch),
            delivery=delivery(tables, batch, superseded, release.previous),
            limits=(job.max_cost, job.max_hours),
            channels=channel_sums(batch, superseded, job.recipe.channels),
            models=models,
            marks=said_of_marks(job.recipe, places.signer, release.shown),
            store=store.url,
            seconds=ended.seconds,
        )
    )
    prompts = prompts_of(store, run.run_id, batch.decisions["request_key"].to_pylist())
    sheet = contact_sheet(store, batch.decisions, prompts)
    keep_samples(store, run.run_id, models)
    write_report(store, run.run_id, report, sheet)
    return report, sheet
