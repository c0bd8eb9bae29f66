"""Stages of a plan: the libraries that a recipe's rules choose from, and what is missing in them.

Inputs: a store, a recipe, the live rows. Outputs: the libraries as they are, by name; a sentence for each place of the
recipe where no approved stage fits. Raises where a library is not there at all and the shop would leave its stages.
"""

from collections.abc import Iterator, Mapping

from catalogs.errors import OptionError
from catalogs.near_matches import near_match
from catalogs.planning.current_state import CurrentRelease
from catalogs.planning.stage_selection import stage_libraries
from catalogs.recipe.photo_rule import STAGE, PhotoRule
from catalogs.recipe.schema import Recipe
from catalogs.stages.library import StageLibrary
from infra.interfaces import ObjectStore
from tasks.stages.stage_libraries import list_libraries, read_library


def read_plan_stages(store: ObjectStore, recipe: Recipe, live: CurrentRelease) -> dict[str, StageLibrary]:
    """Return the libraries that a recipe names: a listing and a document each, and nothing for most recipes.

    Raises `OptionError` for a library without any stage where live products stand on stages and the rule would put
    them on white: the name was mistyped, or the library is lost.
    """
    libraries = {name: read_library(store, name) for name in stage_libraries(recipe)}
    for _, rule in _places(recipe):
        if rule.fallback is not None and not libraries[rule.stages].stages and live.stage_names:
            names = list_libraries(store)
            meant = near_match(rule.stages, names) or ", ".join(map(repr, names)) or "none"
            raise OptionError(
                f"photo.stages: there is no library {rule.stages!r} (there is {meant}), and live products stand on"
                " stages: all of them would be put on white. Name the library, or take `fallback` out"
            )
    return libraries


def stage_warnings(recipe: Recipe, libraries: Mapping[str, StageLibrary]) -> list[str]:
    """Return where no approved stage fits a category in its usual size, and what becomes of the rows."""
    found: dict[str, list[str]] = {}
    for category, rule in _places(recipe):
        library = libraries[rule.stages]
        size = recipe.tiers[_usual_tier(recipe, category)]
        if library.usable(category, (size.width, size.height)):
            continue
        then = "wait" if rule.fallback is None else "stand on white"
        what = "no approved stage"
        if any(stage.is_usable for stage in library.stages):
            what += f" of at least {size.width} x {size.height} pixels for them"
        sentence = f"The library {library.name!r} has {what}, so rows with a photo {then}"
        found.setdefault(sentence, []).append(category or "without a category of the recipe")
    hint = "`packshot stage add` and `packshot stage approve` give it one"
    return [f"{sentence} ({', '.join(dict.fromkeys(names))}). {hint}" for sentence, names in found.items()]


def _places(recipe: Recipe) -> Iterator[tuple[str, PhotoRule]]:
    """Yield each category with the rules of its variants that choose stages."""
    for category in ("", *recipe.categories):
        for variant in recipe.variants:
            rule = recipe.photo_rule(category, variant)
            if rule.mode == STAGE:
                yield category, rule


def _usual_tier(recipe: Recipe, category: str) -> str:
    tier: str | None = recipe.resolve_rule("quality", category, next(iter(recipe.variants)))
    return tier or recipe.default_tier
