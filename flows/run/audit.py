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
from infra.interfaces import ObjectStore, TableStore
from tasks.pipeline.audit import SHARE_CHECKS, audit_batch, foresee_held
from tasks.pipeline.publish import Release, preview_release
from tasks.reporting.audit_report import write_audit
from tasks.runs import run_state as runs
from tasks.runs.resources import Resources
from tasks.runs.standing_acceptances import find_standing

AuditChecks = list[dict[str, Any]]
ACCEPTED_BEFORE = "accepted for run {run}, and no more than a tenth more since"


def audit_run(
    resources: Resources, executor: Executor, run: Run, plan: Plan, batch: ReleaseBatch, policy: Policy
) -> tuple[list[str], AuditChecks, Release]:
    """Return the checks that hold the batch, all checks, and the release as it would be published.

    A batch that changes nothing in the release is audited only where its rows or prompts are strange already: a night
    in which every row was rejected changes nothing either.
    """
    preview = preview_release(resources.store, resources.tables, batch)
    if not batch.decisions.num_rows and not plan.retired and not foresee_held(plan, policy):
        return [], [], preview
    superseded = preview.sums.superseded
    audit = executor.run_stage("audit", lambda: audit_batch(batch, plan, superseded, policy))
    write_audit(resources.store, run.catalogue, run.run_id, audit.document)
    accepted = runs.accepted_checks(resources.store, run)
    held = [name for name in audit.held if name not in accepted]
    observed = {check.name: float(check.observed or 0) for check in audit.checks if check.name in SHARE_CHECKS}
    failed = {name: value for name, value in observed.items() if name in held}
    standing = find_standing(resources.store, resources.tables, run.catalogue, failed)
    checks = [
        {**check, "reason": f"{check['reason']}; {ACCEPTED_BEFORE.format(run=standing[check['name']])}"}
        if check["name"] in standing
        else check
        for check in audit.to_json()["checks"]
    ]
    return [name for name in held if name not in standing], checks, preview


def foresee_held_run(
    store: ObjectStore, tables: TableStore, catalogue: str, plan: Plan, policy: Policy
) -> dict[str, str]:
    """Return the checks that will hold a refresh of this plan, whatever is generated: name -> sentence."""
    foreseen = foresee_held(plan, policy)
    failed = {name: value for name, (value, _) in foreseen.items() if name in SHARE_CHECKS}
    standing = find_standing(store, tables, catalogue, failed)
    return {name: sentence for name, (_, sentence) in foreseen.items() if name not in standing}
