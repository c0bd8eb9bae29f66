"""Apply a policy: withdraw the live images that it refuses, by one manifest commit and the outcomes of a refresh.

Inputs: a policy's evaluation of a catalogue (`tasks.policies.reevaluate`). Outputs: a `ManifestChange`, or the check
that holds it. Nothing is published here: an image that newly passes is left to the next refresh, which searches for
near duplicates first.

The policy comes into force by its record, which is written between the intent and the manifest commit. A batch that was
decided under the policy before it finds the record at its own commit, or loses its race to the policy's commit and
finds it then; what such a batch published before the policy's commit is judged by that commit. A batch that waits for a
person is not in the way: it can no longer be released, and the next refresh decides it anew.
"""

from dataclasses import dataclass

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.policy.policy_record import PolicyRecord
from catalogs.policy.schema import Policy
from catalogs.runs.commit_kinds import POLICY_KIND
from catalogs.runs.job import Run
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import write_table
from tasks.amendments.change_operation import AGAINST_PEOPLE, EVALUATED_BASE
from tasks.amendments.manifest_change import (
    ManifestChange,
    begin_change,
    complete_change,
    new_change_run,
)
from tasks.amendments.release_diff import diff_without
from tasks.policies.people_over_policies import take_back
from tasks.policies.reevaluate import PolicyReevaluation
from tasks.runs.held_releases import accept_checks
from tasks.runs.policy_records import PolicyRecords

MAX_WITHDRAWN_SHARE = 0.05
"""Share of the live slots above which a person must accept the withdrawal: the share that also holds a run."""
WITHDRAWN_SHARE_CHECK = "withdrawn-share"


@dataclass(frozen=True)
class CheckOverride:
    """A person's decision that these checks may fail, and the reason."""

    checks: tuple[str, ...]
    reason: str
    person: str


@dataclass(frozen=True)
class PolicyTerms:
    """How a policy comes into force: its file or built-in name, who applies it, and why."""

    file: str
    person: str
    reason: str


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
    store: ObjectStore,
    tables: TableStore,
    evaluation: PolicyReevaluation,
    terms: PolicyTerms,
    override: CheckOverride | None = None,
) -> ManifestChange | None:
    """Put the policy in force, and withdraw the images that it refuses. The caller holds the catalogue's lease.

    None where it is in force already and refuses nothing.
    """
    policy, records = evaluation.policy, PolicyRecords(store, evaluation.catalogue)
    current = records.in_force()
    is_new = current is None or current.policy != policy
    if not is_new and not evaluation.withdrawals.num_rows:
        return None
    if evaluation.against_people:
        take_back(store, evaluation.catalogue, evaluation.accepted, terms.person, terms.reason)
    run = new_change_run(evaluation.catalogue, store.now())
    if override is not None:
        accept_checks(store, run, override.checks, override.reason, override.person)
    details = {
        "policy_digest": policy.digest,
        "review_days": policy.review_days,
        EVALUATED_BASE: evaluation.version,
        **({AGAINST_PEOPLE: True} if evaluation.against_people else {}),
    }
    write_json(store, layout.RunFiles(run.run_id).policy, policy.model_dump(mode="json"))
    write_table(store, layout.RunFiles(run.run_id).withdrawals, evaluation.withdrawals)
    intent = begin_change(store, tables, run, POLICY_KIND, details)
    if is_new:
        _record(records, policy, terms, run, against_people=evaluation.against_people)
    diff = diff_without(tables, evaluation.catalogue, evaluation.version, evaluation.withdrawals)
    return complete_change(store, tables, intent, {evaluation.version: diff})


def _record(records: PolicyRecords, policy: Policy, terms: PolicyTerms, run: Run, *, against_people: bool) -> None:
    """Put a policy in force under the next free number."""
    is_claimed = False
    while not is_claimed:
        number = records.latest_number() + 1
        said = (terms.file, terms.person, run.started_at, terms.reason)
        record = PolicyRecord(number, policy, *said, run.run_id, against_people)
        is_claimed = records.claim(record)
