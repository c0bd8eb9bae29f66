"""The columns that a recipe names, wherever it does: what a source is asked for, also as paths into nested columns.

Inputs: a recipe. Outputs: names, each once, in the recipe's order.
"""

from catalogs.ingest.column_mapping import placeholders
from catalogs.recipe.schema import Recipe


def named_columns(recipe: Recipe) -> tuple[str, ...]:
    """Return every name of a source's column in a recipe, whether or not a source has it."""
    mapped = [column for expression in recipe.columns.values() for column in placeholders(expression)]
    by = (recipe.inherit.by,) if recipe.inherit else ()
    return tuple(dict.fromkeys([*mapped, *recipe.ignore_when_empty, *by]))
