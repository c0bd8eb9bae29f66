"""Learn a job's brands: which brands its shop sells, before its first plan and during every full one.

Inputs: a job and its source. Outputs: the first fact about the shop, or what learns from a plan's batches. Only the
first fact comes before the verdicts of the run that learns it: there is nothing else to judge by.
"""

from catalogs.policy.brands.shop_brands import FIRST_RUN, NO_SHOP_BRANDS, ShopBrands
from catalogs.runs.job import RefreshJob
from infra.interfaces import ObjectStore
from infra.sources import Source
from tasks.gates.brand_learning import BrandLearner
from tasks.pipeline.source_passes import run_source_passes
from tasks.runs.job_source import open_validator


def open_learner(job: RefreshJob) -> BrandLearner | None:
    """Return what learns a shop's brands for later runs, from a whole catalogue; None where that is not asked."""
    is_asked = job.scope == "full" and job.policy.brands.own == "shop"
    return BrandLearner(job.policy, job.recipe, job.shop_brands) if is_asked else None


def learn_first_brands(job: RefreshJob, source: Source, store: ObjectStore) -> ShopBrands:
    """Return the first fact about a shop, from the whole catalogue. Raises what reading it raises."""
    validator = open_validator(job, source)
    run_source_passes(validator, source)
    learner, at = BrandLearner(job.policy, job.recipe), store.now()
    for batch in source.batches(validator.needed_columns):
        learner.add(validator.validate_batch(batch.numbers, batch.rows).table)
    return ShopBrands(1, NO_SHOP_BRANDS.with_learned(learner.learned), at=at, reason=FIRST_RUN)
