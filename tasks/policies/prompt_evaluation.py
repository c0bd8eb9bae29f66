"""Prompt evaluation: judge stored prompts by another policy, in the languages of the catalogue.

Inputs: a store, a catalogue's history, and a policy. Outputs: a function from a prompt to its verdict. Brands are not
judged: a brand's owner is in the catalogue's rows, which only a refresh reads.
"""

from collections.abc import Callable, Sequence

from catalogs import layout
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import Recipe
from catalogs.verdict import Verdict
from infra.interfaces import Commit, ObjectStore
from tasks.gates.prompt_gate import PolicyPromptGate


def open_prompt_evaluator(store: ObjectStore, history: Sequence[Commit], policy: Policy) -> Callable[[str], Verdict]:
    """Return a function that judges a prompt, in the languages of the newest recipe that is still stored."""
    languages: Sequence[str] = Recipe.model_fields["languages"].default
    for commit in history:
        data = store.find(layout.RunFiles(commit.run_id).recipe) if commit.run_id else None
        try:
            if data is not None:
                languages = Recipe.model_validate_json(data).languages
                break
        except ValueError:
            continue  # another version wrote it
    gate = PolicyPromptGate(policy, languages)
    return lambda prompt: gate.evaluate_prompt(prompt).verdict
