"""A dry run: what a refresh would make, what it would cost, and nothing touched.

Comes in: parameters and settings. Goes out: the same report that a refresh gives, with an estimate in place of sums.
"""

import time
from datetime import UTC, datetime
from typing import Any

from catalogs.errors import RecipeError
from catalogs.planning.pricing import estimate
from catalogs.runs.job import Run
from catalogs.runs.report import Delivery, Facts, Images, build_report
from flows.engines.model_versions import look_up
from flows.parameters import RefreshParameters
from flows.wiring.composition import (
    engine_warnings,
    prompt_gates,
    read_prices,
    require_weights,
    terms_for,
    warn_of_silence,
)
from infra.settings import Settings
from infra.sources import open_source
from infra.stores import open_store
from infra.tables import open_tables
from tasks.pipeline.plan import make_plan


def plan_refresh(parameters: RefreshParameters, settings: Settings) -> dict[str, Any]:
    """Return the report of a plan that was not run."""
    began = time.monotonic()
    job, warnings = parameters.job()
    job = look_up(job)
    warnings += [*warn_of_silence(job), *engine_warnings(job.recipe, settings, open_store(job.store))]
    stub_seconds = parameters.stub_seconds if parameters.stub_seconds is not None else settings.stub_seconds
    prices = read_prices(settings)
    terms = terms_for(job, prices, settings.model_copy(update={"stub_seconds": stub_seconds}))
    gates = prompt_gates(job, settings)
    plan = make_plan(job, open_store(job.store), open_tables(job.store), None, settings.shard_size, terms, gates)
    try:
        require_weights(job.recipe, settings)
    except RecipeError as error:
        warnings.append(f"A refresh will be refused. {error}")
    fingerprint = job.fingerprint(open_source(job.source).fingerprint())
    run = Run("", job.catalogue, job.scope, fingerprint, datetime.now(UTC), job.source)
    elapsed = time.monotonic() - began
    return build_report(
        Facts(
            run=run,
            rows=plan.rows,
            counts=plan.slots,
            retired=plan.retired,
            rejects=plan.rejects,
            warnings=[*warnings, *plan.warnings],
            prices=prices,
            gpu=settings.gpu,
            estimate=estimate(prices, settings.gpu, plan.images, plan.gpu_seconds, settings.engines),
            version=plan.base_version,
            previous=plan.base_version,
            images=Images(planned=plan.images, shared=plan.shared),
            reasons=plan.reasons | plan.deferred,
            delivery=Delivery(deferred=plan.deferred),
            limits=(job.max_cost, job.max_hours),
            seconds={"total": elapsed, "plan": elapsed},
            store=open_store(job.store).url,
            dry_run=True,
        )
    )
