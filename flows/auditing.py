"""The audit of a decided batch, as a sentence: count it against what is live, ask the suite, write down the answer.

Comes in: a run with its plan and batch. Goes out: the checks that hold it (none: it may go), all checks, and what the
release would be. What a person has let go for this run holds it no more.
"""

from typing import Any

from catalogs.batch import Batch
from catalogs.job import Run
from catalogs.plan import Plan
from catalogs.policy import Policy
from flows.hands import Hands
from tasks import runs
from tasks.audit import audit_batch
from tasks.audit_documents import write_audit
from tasks.publish import Release, would_be
from tasks.workbench import Places

Checks = list[dict[str, Any]]


def audited(
    places: Places, hands: Hands, run: Run, plan: Plan, batch: Batch, policy: Policy
) -> tuple[list[str], Checks, Release]:
    """Return the checks that hold the batch, all checks, and what the release would be."""
    preview = would_be(places.store, places.tables, batch)
    if not batch.decisions.num_rows and not plan.retired:
        return [], [], preview  # nothing that the shop sees would change
    superseded = preview.sums.superseded
    audit = hands.stage("audit", lambda: audit_batch(batch, plan, superseded, policy))
    write_audit(places.store, run.catalogue, run.run_id, audit.document)
    accepted = runs.accepted_checks(places.store, run)
    return [name for name in audit.held if name not in accepted], audit.to_json()["checks"], preview
