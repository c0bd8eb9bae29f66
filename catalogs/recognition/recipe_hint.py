"""Recipe hint: which recipe a source wants that the recipe in use does not fit.

Inputs: the recipe in use, and the source's columns. Outputs: one sentence. A built-in recipe is named only where it
reads these columns as they are, and never the one that is in use or that it was made from: a person who has just been
told that a column is missing would be sent in a circle.
"""

from collections.abc import Sequence

from catalogs.errors import MissingColumns
from catalogs.ingest.column_mapping import source_columns
from catalogs.recipe.built_in import BuiltInId, built_in_ids
from catalogs.recipe.loading import built_in_recipe
from catalogs.recipe.schema import Recipe
from catalogs.recognition.export_kinds import recognise

_NOT_FOR_HINTS = ("options", "rehearsal", "sample")
_INIT = "`packshot recipe init SOURCE` writes a recipe"


def recipe_hint(recipe: Recipe, columns: Sequence[str]) -> str:
    """Return what to do about a source that `recipe` does not fit."""
    kinds = recognise(columns)
    looks_like = f"It looks like {_with_article(kinds[0].kind.name)} export" if kinds else ""
    fitting = _fitting_built_in(recipe, columns)
    if fitting is not None:
        return f"{looks_like or 'A built-in recipe reads it as it is'}: try --recipe {fitting}."
    if kinds:
        return f"{looks_like}: {_INIT} for it."
    return f"Map it under columns, or start anew: {_INIT}."


def _fitting_built_in(recipe: Recipe, columns: Sequence[str]) -> BuiltInId | None:
    """Return the newest built-in recipe that reads these columns and that `recipe` was not made from."""
    for candidate in reversed(built_in_ids()):
        if candidate.name not in _NOT_FOR_HINTS:
            other = built_in_recipe(str(candidate))
            is_related = any(recipe.columns.get(field) == column for field, column in other.columns.items())
            if (not is_related or _is_older(recipe, candidate)) and _fits(other, columns):
                return candidate
    return None


def _is_older(recipe: Recipe, candidate: BuiltInId) -> bool:
    """Tell whether `recipe` is, unchanged, an older number of the candidate."""
    older = (known for known in built_in_ids() if known.name == candidate.name and known.number < candidate.number)
    return any(built_in_recipe(str(known)).columns == recipe.columns for known in older)


def _fits(recipe: Recipe, columns: Sequence[str]) -> bool:
    try:
        return bool(source_columns(recipe, columns))
    except MissingColumns:
        return False


def _with_article(name: str) -> str:
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"
