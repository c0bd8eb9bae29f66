"""Stages of a plan: the libraries that a recipe's rules choose from, and what is missing in them.

Inputs: a store, a recipe. Outputs: the libraries as they are, by name; a sentence for each that has no approved stage.
"""

from collections.abc import Mapping

from catalogs.planning.stage_selection import stage_libraries
from catalogs.recipe.photo_rule import STAGE
from catalogs.recipe.schema import Recipe
from catalogs.stages.library import StageLibrary
from infra.interfaces import ObjectStore
from tasks.stages.stage_libraries import read_library


def read_plan_stages(store: ObjectStore, recipe: Recipe) -> dict[str, StageLibrary]:
    """Return the libraries that a recipe names: a listing and a document each, and nothing for most recipes."""
    return {name: read_library(store, name) for name in stage_libraries(recipe)}


def stage_warnings(recipe: Recipe, libraries: Mapping[str, StageLibrary]) -> list[str]:
    """Return what is missing in the libraries, and what becomes of the rows that ask for it."""
    return [
        f"The library {library.name!r} has no approved stage: {_consequence(recipe, library.name)}."
        f" `packshot stage add` and `packshot stage approve` give it one"
        for library in libraries.values()
        if not any(stage.is_usable for stage in library.stages)
    ]


def _consequence(recipe: Recipe, name: str) -> str:
    places = ((category, variant) for category in ("", *recipe.categories) for variant in recipe.variants)
    rules = [recipe.photo_rule(*place) for place in places]
    waits = any(rule.mode == STAGE and rule.stages == name and rule.fallback is None for rule in rules)
    return "rows with a photo wait" if waits else "rows with a photo stand on white"
