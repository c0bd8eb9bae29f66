"""Withdraw the live pictures that a policy refuses: one manifest commit, and outcomes as a night would have left them.

Comes in: what a policy says of a catalogue (`tasks.policies.reevaluate`). Goes out: an `ManifestChange`, or the check
that holds it. Nothing is published here: what newly passes is for the next refresh, which compares it with its
neighbours first.
"""

from dataclasses import dataclass

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.runs.commit_kinds import POLICY_KIND
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import write_table
from tasks.amendments.manifest_change import (
    ManifestChange,
    begin_change,
    build_withdrawal_diff,
    complete_change,
    new_change_run,
)
from tasks.policies.reevaluate import PolicyReevaluation
from tasks.runs import run_state as runs

MAX_WITHDRAWN_SHARE = 0.05
"""Share of the live slots from which on a person must say that they may go: the share that holds a night, too."""
WITHDRAWN_SHARE_CHECK = "withdrawn-share"


@dataclass(frozen=True)
class CheckOverride:
    """A person's word that checks may fail, and why."""

    checks: tuple[str, ...]
    reason: str
    person: str


def require_no_held_run(store: ObjectStore, catalogue: str) -> None:
    """Raise `OptionError` while a batch waits for a person: other rules decided it, and it may still be released."""
    for run in runs.load_open_runs(store, catalogue):
        if runs.held_checks(store, run):
            raise OptionError(
                f"The run {run.run_id} of {catalogue!r} is held, and its batch was decided by the policy of its night;"
                " release it, or refresh with the new policy so that another takes its place, and apply the policy then"
            )


def find_holding_checks(evaluation: PolicyReevaluation) -> list[str]:
    """Return the checks that hold the withdrawal: none, or that it takes away too large a share of the shop."""
    return (
        [WITHDRAWN_SHARE_CHECK] if evaluation.withdrawals.num_rows > MAX_WITHDRAWN_SHARE * evaluation.published else []
    )


def require_valid_override(held: list[str], override: CheckOverride) -> None:
    """Raise `OptionError` where a person accepts what never holds a policy, or does not say why."""
    unknown = sorted(set(override.checks) - {WITHDRAWN_SHARE_CHECK})
    if unknown:
        raise OptionError(f"--accept: {unknown[0]!r} never holds a policy; only {WITHDRAWN_SHARE_CHECK} does")
    if set(held) & set(override.checks) and not override.reason.strip():
        raise OptionError("--reason: say why so many pictures may go; the answer is kept with the run")


def apply_policy(
    store: ObjectStore, tables: TableStore, evaluation: PolicyReevaluation, override: CheckOverride | None = None
) -> ManifestChange | None:
    """Withdraw what the policy refuses; None where it refuses nothing. The caller holds the catalogue's lease."""
    if not evaluation.withdrawals.num_rows:
        return None
    run, policy = new_change_run(evaluation.catalogue), evaluation.policy
    if override is not None:
        runs.accept_checks(store, run, override.checks, override.reason, override.person)
    words = {"policy_digest": policy.digest, "review_days": policy.review_days}
    write_json(store, layout.RunFiles(run.run_id).policy, policy.model_dump(mode="json"))
    write_table(store, layout.RunFiles(run.run_id).withdrawals, evaluation.withdrawals)
    intent = begin_change(store, run, POLICY_KIND, words)
    known = {
        evaluation.version: build_withdrawal_diff(
            tables, evaluation.catalogue, evaluation.version, evaluation.withdrawals
        )
    }
    return complete_change(store, tables, intent, known)
