"""Dry run: what a refresh would make and cost, without changing anything.

Inputs: parameters and settings. Outputs: the report of a refresh, with an estimate in place of totals.
"""

import time
from dataclasses import replace
from typing import Any

from catalogs.errors import RuleFileError
from catalogs.planning.plan import Plan
from catalogs.planning.pricing import PriceList, estimate_cost
from catalogs.planning.prompt_samples import PromptSampler
from catalogs.planning.retry_rules import RetrySummary
from catalogs.recipe.built_in import newer_number_notice
from catalogs.runs.job import RefreshJob, Run
from catalogs.runs.report import DeliveryCounts, ImageCounts, ReportInput, build_report
from flows.engines.model_versions import resolve_registry_versions
from flows.engines.pinned_weights import require_pinned_weights
from flows.engines.selection import engine_warnings
from flows.parameters import RefreshParameters, built_in_base
from flows.run.audit import foresee_held_run
from flows.run.job_policy import choose_policy, take_policy_in_force
from flows.wiring.open_store import open_for_reading
from flows.wiring.photos import open_photo_resolver
from flows.wiring.preflight import missing_scanner_warnings, resolve_scanners
from flows.wiring.pricing import cost_model_for_job, read_price_list
from infra.settings import Settings
from tasks.gates.prompt_gate import open_plan_gates
from tasks.pipeline.audit import reject_warnings
from tasks.pipeline.plan import make_plan
from tasks.runs.job_source import open_job_source

DEFAULT_PROMPTS = 3


def plan_refresh(parameters: RefreshParameters, settings: Settings, prompts: int = DEFAULT_PROMPTS) -> dict[str, Any]:
    """Return the report of a plan that was not run, with the prompts of its first rows."""
    began = time.monotonic()
    job, warnings = parameters.resolve_job()
    store, tables = open_for_reading(job.store)
    job, policy_warnings = take_policy_in_force(store, tables, job, choose_policy(job, parameters.policy))
    job = resolve_registry_versions(job, settings)
    warnings += [*policy_warnings, *missing_scanner_warnings(job), *engine_warnings(job.recipe, settings, store)]
    stub_seconds = parameters.stub_seconds if parameters.stub_seconds is not None else settings.stub_seconds
    prices = read_price_list(settings)
    terms = cost_model_for_job(job, prices, settings.model_copy(update={"stub_seconds": stub_seconds}))
    scanners, sampler = resolve_scanners(job.policy)[0], PromptSampler(prompts, renders=True)
    gates = open_plan_gates(job, settings.classifier, scanners, sampler)
    with open_photo_resolver(job, store, settings, writes=False) as photos:
        plan = make_plan(job, store, tables, None, settings.shard_size, terms, gates, photos=photos)
    try:
        require_pinned_weights(job.recipe)
    except RuleFileError as error:
        warnings.append(f"A refresh will be refused. {error}")
    held = foresee_held_run(store, tables, job.catalogue, plan, job.rules)
    warnings += [f"A refresh will be held by {name}: {why}" for name, why in held.items()]
    warnings += reject_warnings(plan, held)
    if (base := built_in_base(parameters.recipe)) and (notice := newer_number_notice(base)):
        warnings.append(notice)
    fingerprint = job.fingerprint(open_job_source(job).fingerprint())
    run = Run("", job.catalogue, job.scope, fingerprint, store.now(), job.source)
    job, warnings = replace(job, store=store.url), [*warnings, *plan.warnings]
    return _report_plan(run, job, plan, warnings, settings, prices, time.monotonic() - began)


def _report_plan(
    run: Run,
    job: RefreshJob,
    plan: Plan,
    warnings: list[str],
    settings: Settings,
    prices: PriceList,
    elapsed: float,
) -> dict[str, Any]:
    """Return the report of a plan; the job's store is the opened store's URL."""
    report = build_report(
        ReportInput(
            run=run,
            rows=plan.rows,
            counts=plan.slots,
            retired=plan.retired,
            rejects=plan.rejects,
            prompts=plan.prompts,
            source_notes=plan.source_notes,
            warnings=warnings,
            prices=prices,
            gpu=settings.gpu,
            estimate=estimate_cost(prices, settings.gpu, plan.images, plan.gpu_seconds, settings.engine_count),
            version=plan.base_version,
            previous=plan.base_version,
            images=ImageCounts(planned=plan.images, shared=plan.shared_slots),
            reasons=plan.reasons | plan.deferred,
            waiting_skus=(plan.skus_without_image, plan.first_skus_without_image),
            retries=RetrySummary.from_document(plan.retries),
            delivery=DeliveryCounts(deferred=plan.deferred),
            limits=(job.max_cost, job.max_hours),
            seconds={"total": elapsed, "plan": elapsed},
            store=job.store,
            shop_brands=plan.shop_brands,
            photos=plan.photos,
            dry_run=True,
        )
    )
    return report.to_json()
