"""Audit a run's decided batch: count it against the live release, run the suite, and write the result.

Inputs: a run with its plan and batch. Outputs: the checks that hold it (none: it may be published), all checks, and
what the release would be. A check that a person has accepted for this run does not hold it.
"""

from typing import Any

from catalogs.planning.plan import Plan
from catalogs.policy.schema import Policy
from catalogs.runs.job import Run
from catalogs.runs.release_batch import ReleaseBatch
from flows.run.executors import Executor
from tasks.pipeline.audit import audit_batch
from tasks.pipeline.publish import Release, preview_release
from tasks.reporting.audit_report import write_audit
from tasks.runs import run_state as runs
from tasks.runs.resources import Resources

AuditChecks = list[dict[str, Any]]


def audit_run(
    resources: Resources, executor: Executor, run: Run, plan: Plan, batch: ReleaseBatch, policy: Policy
) -> tuple[list[str], AuditChecks, Release]:
    """Return the checks that hold the batch, all checks, and the release as it would be published.

    A batch that changes nothing in the release is not audited.
    """
    preview = preview_release(resources.store, resources.tables, batch)
    if not batch.decisions.num_rows and not plan.retired:
        return [], [], preview
    superseded = preview.sums.superseded
    audit = executor.run_stage("audit", lambda: audit_batch(batch, plan, superseded, policy))
    write_audit(resources.store, run.catalogue, run.run_id, audit.document)
    accepted = runs.accepted_checks(resources.store, run)
    return [name for name in audit.held if name not in accepted], audit.to_json()["checks"], preview
