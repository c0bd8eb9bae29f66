"""Closing a run: publish its decided batch, record what was refused, ask for reviews, and write how the run ended.

Inputs: a run's guard, its plan and its batch. Outputs: the release. Every step may be repeated by another process that
completes the run, and asks the guard first whether this one may still write.
"""

from catalogs.planning.plan import Plan
from catalogs.runs.release_batch import ReleaseBatch
from flows.run.executors import Executor
from infra.errors import StagedImageLost
from tasks.maintenance.compact_fingerprints import fold_fingerprints
from tasks.maintenance.compact_tables import compact_tables
from tasks.pipeline.publish import Release, publish
from tasks.pipeline.queue_reviews import queue_reviews
from tasks.pipeline.record_outcomes import RecordedOutcomes, record_outcomes
from tasks.runs import run_state as runs
from tasks.runs.commit_guard import CommitGuard
from tasks.runs.resources import Resources
from tasks.runs.shop_brand_records import record_learned_brands


def publish_batch(
    resources: Resources, executor: Executor, guard: CommitGuard, plan: Plan, batch: ReleaseBatch
) -> Release:
    """Publish a batch; where a staged image is lost, the run ends as superseded, and the error is raised."""
    store, tables, signer = resources.store, resources.tables, resources.signer
    try:
        return executor.run_stage("publish", lambda: publish(store, tables, batch, signer, guard.check))
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
    executor.run_stage("review", lambda: queue_reviews(store, batch, policy, superseded))
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
