"""Policy changes: try a policy on stored scores, and apply it to what is published.

Inputs: a policy, a store, a catalogue. Outputs: a document of the verdicts that change, and of what was withdrawn.
Trying takes no lease and writes nothing. Applying holds the catalogue as a full run does, completes the changes
that a killed process left, and then evaluates.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from catalogs import layout
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import Recipe
from catalogs.verdict import Verdict
from flows.run.leases import hold_catalogue_lease
from infra.errors import ObjectMissing
from infra.interfaces import Commit, ObjectStore, TableStore
from infra.settings import Settings
from infra.stores.conditional_writes import require_conditional_writes
from infra.stores.json_objects import read_json
from tasks.amendments.apply_policy import (
    CheckOverride,
    apply_policy,
    find_holding_checks,
    require_no_held_run,
    require_valid_override,
)
from tasks.amendments.manifest_change import recover_all_changes
from tasks.gates.prompt_gate import PolicyPromptGate
from tasks.policies.reevaluate import PolicyReevaluation, reevaluate
from tasks.runs.release_history import require_history


def try_policy(store: ObjectStore, tables: TableStore, catalogue: str, policy: Policy) -> dict[str, Any]:
    """Return what a policy would change: the flip matrix over all that is live or waits. Writes nothing.

    Raises `OptionError` for a catalogue without a manifest.
    """
    history = require_history(tables, catalogue, store)
    return reevaluate(store, tables, catalogue, policy, _prompt_evaluator(store, history, policy)).document()


def enforce_policy(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    policy: Policy,
    settings: Settings,
    consent: CheckOverride | None = None,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Withdraw every live image that a policy refuses, in one commit, and return what was done.

    More than 5 % of the live images are withdrawn only when a person accepts that; until then the document's `held`
    names the check. Raises `OptionError` for a catalogue without a manifest, or one whose last batch waits for a
    person.
    """
    prompt_evaluator = _prompt_evaluator(store, require_history(tables, catalogue, store), policy)
    if dry_run:
        reevaluation = reevaluate(store, tables, catalogue, policy, prompt_evaluator)
        return _document(reevaluation, held=find_holding_checks(reevaluation), dry_run=True)
    require_conditional_writes(store, single_writer=settings.single_writer)
    with hold_catalogue_lease(store, catalogue, settings, wait=True, purpose="policy apply"):
        completed = recover_all_changes(store, tables, catalogue, holds_lease=True)
        require_no_held_run(store, catalogue)
        reevaluation = reevaluate(store, tables, catalogue, policy, prompt_evaluator)
        holding_checks = find_holding_checks(reevaluation)
        if consent is not None:
            require_valid_override(holding_checks, consent)
        unaccepted_checks = [check for check in holding_checks if consent is None or check not in consent.checks]
        change = (
            None
            if unaccepted_checks
            else apply_policy(store, tables, reevaluation, consent if holding_checks else None)
        )
        document = _document(reevaluation, held=unaccepted_checks, dry_run=False)
    document["completed"] = [asdict(completed_change) for completed_change in completed]
    if change is not None:
        document |= {"run_id": change.run_id, "release": {"version": change.version, "previous": change.previous}}
        document["withdrawn"]["pictures"] = change.dropped
    return document


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
        "trial": reevaluation.document(),
    }


def _prompt_evaluator(store: ObjectStore, history: Sequence[Commit], policy: Policy) -> Callable[[str], Verdict]:
    """Return a function that judges a prompt by a policy, in the languages of the newest recipe that is still stored.

    Brands are not judged: a brand's owner is in the catalogue's rows, which only a refresh reads.
    """
    languages: Sequence[str] = Recipe.model_fields["languages"].default
    for commit in history:
        try:
            frozen = read_json(store, layout.RunFiles(commit.run_id).recipe)
            languages = Recipe.model_validate(frozen).languages
            break
        except (ObjectMissing, ValueError):
            continue  # its folder was swept, or another version wrote it
    prompt_gate = PolicyPromptGate(policy, languages)
    return lambda prompt: prompt_gate.evaluate_prompt(prompt).verdict
