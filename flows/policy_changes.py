"""Policy changes: try a policy on stored scores, put it in force, and list those that came into force.

Inputs: a policy, a store, a catalogue. Outputs: a document of the verdicts that change, and of what was withdrawn.
Trying takes no lease and writes nothing. Applying holds the catalogue as a full run does, completes the changes
that a killed process left, and then evaluates.
"""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from catalogs.errors import OptionError
from catalogs.policy.policy_record import PolicyRecord
from catalogs.policy.schema import Policy, built_in_policy
from flows.run.job_policy import DEFAULT_POLICY
from flows.run.leases import hold_catalogue_lease
from flows.wiring.open_store import prepare_for_writing
from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from tasks.amendments.apply_policy import (
    CheckOverride,
    PolicyTerms,
    apply_policy,
    find_holding_checks,
    require_valid_override,
)
from tasks.amendments.manifest_change import ManifestChange, recover_all_changes
from tasks.policies.prompt_evaluation import open_prompt_evaluator
from tasks.policies.reevaluate import PolicyReevaluation, reevaluate
from tasks.runs.policy_in_force import PolicyChoice, find_policy_to_use
from tasks.runs.policy_records import PolicyRecords
from tasks.runs.release_history import require_history


def try_policy(store: ObjectStore, tables: TableStore, catalogue: str, policy: Policy) -> dict[str, Any]:
    """Return what a policy would change: the flip matrix over all that is live or waits. Writes nothing.

    Raises `OptionError` for a catalogue without a manifest.
    """
    history = require_history(tables, catalogue, store)
    return reevaluate(
        store, tables, catalogue, policy, open_prompt_evaluator(store, catalogue, history, policy)
    ).document()


@dataclass(frozen=True)
class PolicyProposal:
    """A policy that a person applies: its file or built-in name, who, and why; `accepted` names the checks to pass."""

    policy: Policy
    file: str
    person: str
    reason: str = ""
    accepted: tuple[str, ...] = ()
    against_people: bool = False
    """Whether live images that people accepted go too; needs a reason."""


def enforce_policy(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    proposal: PolicyProposal,
    settings: Settings,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Put a policy in force: withdraw every live image that it refuses, in one commit; return what was done.

    More than 5 % of the live images are withdrawn only when a person accepts that; until then the document's `held`
    names the check, and the policy is not in force. Raises `OptionError` for a catalogue without a manifest.
    """
    if proposal.against_people and not proposal.reason.strip():
        raise OptionError("--reason: say why what people accepted may be withdrawn; the answer is kept with the policy")
    policy = proposal.policy
    prompt_evaluator = open_prompt_evaluator(store, catalogue, require_history(tables, catalogue, store), policy)
    evaluate = partial(
        reevaluate, store, tables, catalogue, policy, prompt_evaluator, against_people=proposal.against_people
    )
    if dry_run:
        reevaluation = evaluate()
        return _document(reevaluation, held=find_holding_checks(reevaluation), dry_run=True)
    prepare_for_writing(store, tables, settings)
    with hold_catalogue_lease(store, catalogue, settings, wait=True, purpose="policy apply"):
        completed = recover_all_changes(store, tables, catalogue, holds_lease=True)
        _record_policy_so_far(store, tables, catalogue, proposal)
        reevaluation = evaluate()
        holding_checks = find_holding_checks(reevaluation)
        override = CheckOverride(proposal.accepted, proposal.reason, proposal.person) if proposal.accepted else None
        if override is not None:
            require_valid_override(holding_checks, override)
        unaccepted_checks = [check for check in holding_checks if check not in proposal.accepted]
        document = _document(reevaluation, held=unaccepted_checks, dry_run=False)
        if not unaccepted_checks:
            terms = PolicyTerms(proposal.file, proposal.person, proposal.reason or "applied")
            change = apply_policy(store, tables, reevaluation, terms, override if holding_checks else None)
            document |= _describe_change(change)
    document["completed"] = [asdict(completed_change) for completed_change in completed]
    return document | {"in_force": _describe_policy_in_force(store, catalogue)}


def list_policies(store: ObjectStore, tables: TableStore, catalogue: str) -> list[dict[str, Any]]:
    """Return the policies that came into force in a catalogue, the newest first, as plain values without their rules.

    Raises `OptionError` for a catalogue without a manifest.
    """
    require_history(tables, catalogue, store)
    records = [record.document() for record in PolicyRecords(store, catalogue).read_all()]
    for position, document in enumerate(records):
        document["in_force"] = position == 0
        del document["policy"]
    return records


def read_recorded_policy(store: ObjectStore, tables: TableStore, catalogue: str, number: int | None) -> PolicyRecord:
    """Return the policy of a number, by default the one in force. Raises `OptionError` where there is none."""
    require_history(tables, catalogue, store)
    records = PolicyRecords(store, catalogue)
    latest = records.latest_number()
    number = latest if number is None else number
    if not 1 <= number <= latest:
        known = f"1 to {latest}" if latest else "none yet; the next refresh records the first one"
        raise OptionError(f"There is no policy {number} in {catalogue!r}; it has: {known}")
    return records.read(number)


def _record_policy_so_far(store: ObjectStore, tables: TableStore, catalogue: str, proposal: PolicyProposal) -> None:
    """Record the policy that was in force so far, in a store of a version that kept no records."""
    default = PolicyChoice(built_in_policy(), DEFAULT_POLICY, is_named=False)
    found = find_policy_to_use(store, tables, catalogue, default, proposal.person)
    if not found.is_recorded:
        PolicyRecords(store, catalogue).claim(found.record)  # where another process was first, its record counts


def _describe_change(change: ManifestChange | None) -> dict[str, Any]:
    if change is None:
        return {}
    return {
        "run_id": change.run_id,
        "release": {"version": change.version, "previous": change.previous},
        "withdrawn": {"pictures": change.dropped},
    }


def _describe_policy_in_force(store: ObjectStore, catalogue: str) -> dict[str, Any] | None:
    record = PolicyRecords(store, catalogue).in_force()
    return None if record is None else {"number": record.number, "digest": record.policy.digest, "file": record.file}


def _document(reevaluation: PolicyReevaluation, *, held: list[str], dry_run: bool) -> dict[str, Any]:
    verdicts = reevaluation.withdrawals["verdict"].to_pylist()
    refused = {"review": verdicts.count("REVIEW"), "blocked": verdicts.count("BLOCK")}
    return {
        "catalogue": reevaluation.catalogue,
        "dry_run": dry_run,
        "run_id": None,
        "held": held,
        "release": {"version": reevaluation.version, "previous": reevaluation.version},
        "refused": refused | {"another_seed": reevaluation.withdrawals["again"].to_pylist().count(True)},
        "withdrawn": {"pictures": 0},
        "completed": [],
        "in_force": None,
        "trial": reevaluation.document(),
    }
