"""Apply a policy: withdraw the live images that it refuses, by one manifest commit and the outcomes of a refresh.

Inputs: a policy's evaluation of a catalogue (`tasks.policies.reevaluate`). Outputs: a `ManifestChange`, or the check
that holds it. Nothing is published here: an image that newly passes is left to the next refresh, which searches for
near duplicates first.
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
    complete_change,
    new_change_run,
)
from tasks.amendments.release_diff import diff_without
from tasks.policies.reevaluate import PolicyReevaluation
from tasks.runs import run_state as runs

MAX_WITHDRAWN_SHARE = 0.05
"""Share of the live slots above which a person must accept the withdrawal: the share that also holds a run."""
WITHDRAWN_SHARE_CHECK = "withdrawn-share"


@dataclass(frozen=True)
class CheckOverride:
    """A person's decision that these checks may fail, and the reason."""

    checks: tuple[str, ...]
    reason: str
    person: str


def require_no_held_run(store: ObjectStore, catalogue: str) -> None:
    """Raise `OptionError` while a held batch may still be released: another policy decided it."""
    for run in runs.load_open_runs_discarding_orphans(store, catalogue):
        if runs.held_checks(store, run):
            raise OptionError(
                f"The run {run.run_id} of {catalogue!r} is held, and its batch was decided by an earlier policy;"
                " release it, or refresh with the new policy so that another run takes its place, then apply the policy"
            )


def find_holding_checks(evaluation: PolicyReevaluation) -> list[str]:
    """Return the checks that hold the withdrawal: none, or the check of its share of the live slots."""
    too_many = evaluation.withdrawals.num_rows > MAX_WITHDRAWN_SHARE * evaluation.published
    return [WITHDRAWN_SHARE_CHECK] if too_many else []


def require_valid_override(held: list[str], override: CheckOverride) -> None:
    """Raise `OptionError` where a person accepts a check that never holds a policy, or gives no reason."""
    unknown = sorted(set(override.checks) - {WITHDRAWN_SHARE_CHECK})
    if unknown:
        raise OptionError(f"--accept: {unknown[0]!r} never holds a policy; only {WITHDRAWN_SHARE_CHECK} does")
    if set(held) & set(override.checks) and not override.reason.strip():
        raise OptionError("--reason: say why so many images may be withdrawn; the answer is kept with the run")


def apply_policy(
    store: ObjectStore, tables: TableStore, evaluation: PolicyReevaluation, override: CheckOverride | None = None
) -> ManifestChange | None:
    """Withdraw the images that the policy refuses; None if there are none. The caller holds the catalogue's lease."""
    if not evaluation.withdrawals.num_rows:
        return None
    run, policy = new_change_run(evaluation.catalogue, store.now()), evaluation.policy
    if override is not None:
        runs.accept_checks(store, run, override.checks, override.reason, override.person)
    details = {"policy_digest": policy.digest, "review_days": policy.review_days}
    write_json(store, layout.RunFiles(run.run_id).policy, policy.model_dump(mode="json"))
    write_table(store, layout.RunFiles(run.run_id).withdrawals, evaluation.withdrawals)
    intent = begin_change(store, tables, run, POLICY_KIND, details)
    diff = diff_without(tables, evaluation.catalogue, evaluation.version, evaluation.withdrawals)
    return complete_change(store, tables, intent, {evaluation.version: diff})
