"""Audit a run's decided batch: count it against the live release, run the suite, and write the result.

Inputs: a run with its plan and batch. Outputs: the checks that hold it (none: it may be published), all checks, and
what the release would be. A check that a person has accepted for this run does not hold it.
"""

from typing import Any

from catalogs.planning.plan import Plan
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import Recipe
from catalogs.runs.job import Run
from catalogs.runs.release_batch import ReleaseBatch
from flows.run.executors import Executor
from infra.interfaces import ObjectStore, TableStore
from tasks.pipeline.audit import SHARE_CHECKS, KeptBack, audit_batch, foresee_held
from tasks.pipeline.publish import Release, preview_release
from tasks.reporting.audit_report import write_audit
from tasks.runs.held_decisions import complete_release, read_batch_decisions
from tasks.runs.held_releases import accepted_checks
from tasks.runs.look_before_live import LOOK_BEFORE_LIVE, check_look, find_look_reason
from tasks.runs.resources import Resources
from tasks.runs.standing_acceptances import find_standing

AuditChecks = list[dict[str, Any]]
ACCEPTED_BEFORE = "accepted for run {run}, and no more than a tenth more since"


def audit_run(
    resources: Resources, executor: Executor, run: Run, plan: Plan, batch: ReleaseBatch, rules: tuple[Recipe, Policy]
) -> tuple[list[str], AuditChecks, Release]:
    """Return the checks that hold the batch, all checks, and the release as it would be published.

    A batch that changes nothing in the release is audited only where its rows or prompts are strange already: a night
    in which every row was rejected changes nothing either.
    """
    store, tables, policy = resources.store, resources.tables, rules[1]
    preview = preview_release(store, tables, batch)
    if not batch.decisions.num_rows and not plan.retired and not foresee_held(plan, policy):
        return [], [], preview
    superseded, released = preview.sums.superseded, complete_release(store, run) if run.resumed else None
    kept_back = None
    if released is not None:
        kept_back = KeptBack(released.waiting, released.refused, read_batch_decisions(store, run))
    audit = executor.run_stage("audit", lambda: audit_batch(batch, plan, superseded, policy, kept_back))
    if look := check_look(store, tables, run.catalogue, batch.decisions, rules):
        audit = audit.with_check(look)
    write_audit(store, run.catalogue, run.run_id, audit.document)
    accepted = accepted_checks(store, run)
    held = [name for name in audit.held if name not in accepted]
    observed = {check.name: float(check.observed or 0) for check in audit.checks if check.name in SHARE_CHECKS}
    failed = {name: value for name, value in observed.items() if name in held}
    standing = find_standing(store, tables, run.catalogue, failed)
    checks = [
        {**check, "reason": f"{check['reason']}; {ACCEPTED_BEFORE.format(run=standing[check['name']])}"}
        if check["name"] in standing
        else check
        for check in audit.to_json()["checks"]
    ]
    return [name for name in held if name not in standing], checks, preview


def foresee_held_run(
    store: ObjectStore, tables: TableStore, catalogue: str, plan: Plan, rules: tuple[Recipe, Policy]
) -> dict[str, str]:
    """Return the checks that will hold a refresh of this plan, whatever is generated: name -> sentence."""
    recipe, policy = rules
    foreseen = foresee_held(plan, policy)
    failed = {name: value for name, (value, _) in foreseen.items() if name in SHARE_CHECKS}
    standing = find_standing(store, tables, catalogue, failed)
    held = {name: sentence for name, (_, sentence) in foreseen.items() if name not in standing}
    look = find_look_reason(tables, catalogue, recipe, policy) if plan.slots.new + plan.slots.changed else None
    return held if look is None else held | {LOOK_BEFORE_LIVE: look}
