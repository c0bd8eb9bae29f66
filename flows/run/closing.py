"""Closing a run: publish its decided batch, record what was refused, ask for reviews, and write how the run ended.

Inputs: a run's guard, its plan and its batch. Outputs: the release. Every step may be repeated by another process that
completes the run, and asks the guard first whether this one may still write.
"""

from collections.abc import Sequence

from catalogs.planning.plan import Plan
from catalogs.recipe.schema import Recipe
from catalogs.runs.release_batch import ReleaseBatch
from flows.run.audit import AuditChecks
from flows.run.executors import Executor
from infra.errors import StagedImageLost
from tasks.maintenance.compact_fingerprints import fold_fingerprints
from tasks.maintenance.compact_tables import compact_tables
from tasks.pipeline.publish import Release, publish
from tasks.pipeline.queue_reviews import queue_held_images, queue_reviews
from tasks.pipeline.record_outcomes import RecordedOutcomes, record_outcomes
from tasks.reviews.review_index import fold_review_index
from tasks.runs import run_state as runs
from tasks.runs.commit_guard import CommitGuard
from tasks.runs.look_before_live import LOOK_BEFORE_LIVE
from tasks.runs.release_facts import release_metadata
from tasks.runs.resources import Resources
from tasks.runs.shop_brand_records import record_learned_brands


def hold_batch(
    resources: Resources,
    executor: Executor,
    guard: CommitGuard,
    batch: ReleaseBatch,
    held: Sequence[str],
    checks: AuditChecks,
    recipe: Recipe,
) -> None:
    """Record which checks hold a batch, and ask people to look at its images where that is what holds it."""
    store, run = resources.store, guard.run
    if LOOK_BEFORE_LIVE in held:
        executor.run_stage("review", lambda: queue_held_images(store, batch, guard.policy, run.started_at))
    runs.hold_run(store, run, held, checks, recipe.silent_after_hours)


def publish_batch(
    resources: Resources, executor: Executor, guard: CommitGuard, plan: Plan, batch: ReleaseBatch, recipe: Recipe
) -> Release:
    """Publish a batch; where a staged image is lost, the run ends as superseded, and the error is raised."""
    store, tables, signer = resources.store, resources.tables, resources.signer
    facts = release_metadata(tables, batch.catalogue, guard.run.scope, recipe, guard.policy)
    try:
        return executor.run_stage("publish", lambda: publish(store, tables, batch, signer, guard.check, facts))
    except StagedImageLost as error:
        guard.check_run()
        if not runs.is_committed(tables, guard.run, after=plan.base_version):  # resumed, it would fail again
            runs.close_run(store, guard.run, "superseded", {"reason": str(error)})
        raise


def remember_batch(
    resources: Resources, executor: Executor, guard: CommitGuard, plan: Plan, batch: ReleaseBatch, release: Release
) -> RecordedOutcomes:
    """Record a published batch's outcomes and what its rows taught, queue its reviews, compact its tables."""
    store, tables, policy = resources.store, resources.tables, guard.policy
    superseded = release.sums.superseded
    written = (batch, policy, superseded, store.now(), guard.check_run)
    recorded = executor.run_stage("remember", lambda: record_outcomes(tables, *written))
    queued = executor.run_stage("review", lambda: queue_reviews(store, batch, policy, superseded))
    if queued:
        fold_review_index(store, batch.catalogue)
    record_learned_brands(store, guard.run, plan.shop_brands.get("learned", []))
    if not batch.is_empty:
        compact_tables(tables, batch.catalogue)
    if release.files:
        fold_fingerprints(store, batch.catalogue)
    return recorded


def close_published_run(resources: Resources, guard: CommitGuard, batch: ReleaseBatch, release: Release) -> None:
    """Write that a run is done, and delete what an idle one needs no more."""
    guard.check_run()
    runs.close_run(resources.store, guard.run, "done", {"version": release.version})
    if batch.is_empty:
        runs.discard_idle_files(resources.store, guard.run)
