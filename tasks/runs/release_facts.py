"""Release facts: how often a catalogue was released and by which rules, as its manifest's commits say.

Inputs: a catalogue's manifest, a run's recipe and policy. Outputs: the `ReleaseFacts` that a recipe's `release` is
asked with, and the commit metadata that the next run reads them from. Only a recipe whose `release` counts nights or
compares rules writes them: each commit carries what the one before it said, so that neither a swept run folder nor a
cleaned log forgets it, and reading costs the newest commits, however old the store is. Where no commit carries them
yet, the releases that the log still has are counted, and the rules of the last one are not known.
"""

from collections.abc import Mapping

from catalogs import layout
from catalogs.keys import digest
from catalogs.photos.kept_request import KEPT_MODEL
from catalogs.policy.schema import Policy
from catalogs.recipe.release_rule import ChangedRule, ReleaseFacts
from catalogs.recipe.schema import Recipe
from catalogs.runs.commit_kinds import RELEASE_KIND
from catalogs.runs.job import Scope
from infra.interfaces import TableStore

MAX_COMMITS = 100
"""Commits that are looked through for the facts: of a release every 15 minutes, a day's."""
_FULL_RELEASES = "full_releases"
_RULES: dict[ChangedRule, str] = {"recipe": "recipe_digest", "model": "model_digest", "policy": "policy_digest"}


def compute_rules(recipe: Recipe, policy: Policy) -> dict[ChangedRule, str]:
    """Return the digests of what a batch is decided by: the recipe, its models' versions, and the policy."""
    models = {name: list(provenance) for name, provenance in recipe.provenance_by_name.items() if name != KEPT_MODEL}
    return {"recipe": recipe.digest, "model": digest(models), "policy": policy.digest}


def read_release_facts(tables: TableStore, catalogue: str) -> ReleaseFacts:
    """Return what the catalogue's newest commits say of its releases."""
    history = tables.history(layout.manifest_table(catalogue), MAX_COMMITS)
    for commit in history:
        if _FULL_RELEASES in commit.metadata:
            rules = {name: commit.metadata[key] for name, key in _RULES.items() if key in commit.metadata}
            return ReleaseFacts(int(commit.metadata[_FULL_RELEASES]), rules)
    return ReleaseFacts(sum(commit.metadata.get("kind") == RELEASE_KIND for commit in history), {})


def release_metadata(
    tables: TableStore, catalogue: str, scope: Scope, recipe: Recipe, policy: Policy
) -> Mapping[str, str]:
    """Return what the commit of a run's release is to carry; nothing where the recipe's `release` needs none of it."""
    rule = recipe.release
    if rule is None or not (rule.first_nights or rule.after_change):
        return {}
    before = read_release_facts(tables, catalogue)
    rules = {_RULES[name]: value for name, value in compute_rules(recipe, policy).items()}
    return {_FULL_RELEASES: str(before.full_releases + (scope == "full")), **rules}
