"""The columns that a recipe names, wherever it does: what a source is asked for, also as paths into nested columns.

Inputs: a recipe. Outputs: names, each once, in the recipe's order.
"""

from catalogs.ingest.column_mapping import placeholders, row_columns
from catalogs.recipe.row_settings import alternatives
from catalogs.recipe.schema import Recipe


def named_columns(recipe: Recipe) -> tuple[str, ...]:
    """Return every name of a source's column in a recipe, whether or not a source has it."""
    choices = [*recipe.columns.values(), *row_columns(recipe)]
    named = [column for choice in choices for one in alternatives(choice) for column in placeholders(one)]
    return tuple(dict.fromkeys([*named, *recipe.only]))
