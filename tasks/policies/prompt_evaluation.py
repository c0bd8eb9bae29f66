"""Prompt evaluation: judge stored prompts by another policy, in the languages of the catalogue.

Inputs: a store, a catalogue's history, and a policy. Outputs: a function from a prompt to its verdict. Brands are not
judged: a brand's owner is in the catalogue's rows, which only a refresh reads. A term of a word list that is a brand
too is judged by what the shop is known to sell.
"""

from collections.abc import Callable, Sequence

from catalogs import layout
from catalogs.policy.brands.shop_brands import NO_SHOP_BRANDS
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import Recipe
from catalogs.verdict import Verdict
from infra.interfaces import Commit, ObjectStore
from tasks.gates.prompt_gate import PolicyPromptGate
from tasks.runs.shop_brand_records import ShopBrandRecords


def open_prompt_evaluator(
    store: ObjectStore, catalogue: str, history: Sequence[Commit], policy: Policy
) -> Callable[[str], Verdict]:
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
    brands = ShopBrandRecords(store, catalogue).newest() or NO_SHOP_BRANDS
    return PolicyPromptGate(policy, languages, shop_brands=brands.names).evaluate_stored_prompt
