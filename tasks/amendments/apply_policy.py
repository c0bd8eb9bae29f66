"""Withdraw the live pictures that a policy refuses: one manifest commit, and outcomes as a night would have left them.

Comes in: what a policy says of a catalogue (`tasks.policies.reevaluate`). Goes out: an `Amendment`, or the check that
holds it. Nothing is published here: what newly passes is for the next refresh, which compares it with its neighbours
first.
"""

from dataclasses import dataclass

from catalogs import layout
from catalogs.errors import OptionError
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import write_table
from tasks.amendments.manifest_change import POLICY, Amendment, begin, carry_out, new_run, withdraw
from tasks.policies.reevaluate import Redecided
from tasks.runs import run_state as runs

WITHDRAWN_SHARE = 0.05
"""Share of the live slots from which on a person must say that they may go: the share that holds a night, too."""
CHECK = "withdrawn-share"


@dataclass(frozen=True)
class Consent:
    """A person's word that checks may fail, and why."""

    checks: tuple[str, ...]
    reason: str
    person: str


def require_free(store: ObjectStore, catalogue: str) -> None:
    """Raise `OptionError` while a batch waits for a person: other rules decided it, and it may still be released."""
    for run in runs.open_runs(store, catalogue):
        if runs.held_checks(store, run):
            raise OptionError(
                f"The run {run.run_id} of {catalogue!r} is held, and its batch was decided by the policy of its night;"
                " release it, or refresh with the new policy so that another takes its place, and apply the policy then"
            )


def holding(found: Redecided) -> list[str]:
    """Return the checks that hold the withdrawal: none, or that it takes away too large a share of the shop."""
    return [CHECK] if found.withdrawals.num_rows > WITHDRAWN_SHARE * found.published else []


def require_accepted(held: list[str], consent: Consent) -> None:
    """Raise `OptionError` where a person accepts what never holds a policy, or does not say why."""
    unknown = sorted(set(consent.checks) - {CHECK})
    if unknown:
        raise OptionError(f"--accept: {unknown[0]!r} never holds a policy; only {CHECK} does")
    if set(held) & set(consent.checks) and not consent.reason.strip():
        raise OptionError("--reason: say why so many pictures may go; the answer is kept with the run")


def apply_policy(
    store: ObjectStore, tables: TableStore, found: Redecided, consent: Consent | None = None
) -> Amendment | None:
    """Withdraw what the policy refuses; None where it refuses nothing. The caller holds the catalogue's lease."""
    if not found.withdrawals.num_rows:
        return None
    run, policy = new_run(found.catalogue), found.policy
    if consent is not None:
        runs.accept(store, run, consent.checks, consent.reason, consent.person)
    words = {"policy_digest": policy.digest, "review_days": policy.review_days}
    write_json(store, layout.run_file(run.run_id, "policy.json"), policy.model_dump(mode="json"))
    write_table(store, layout.run_file(run.run_id, layout.WITHDRAWALS), found.withdrawals)
    intent = begin(store, run, POLICY, words)
    known = {found.version: withdraw(tables, found.catalogue, found.version, found.withdrawals)}
    return carry_out(store, tables, intent, known)
