"""Unfit overrides: columns that are called like a recipe's override and hold something else.

Inputs: a recipe and the first texts of a source. Outputs: the overrides to take out, each with its column and an
example. A furniture catalogue's `width` is centimetres, and its `views` are the visits of a page.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from catalogs.ingest.overrides import check_overrides
from catalogs.recipe.schema import Recipe

_MAX_UNFIT = 0.25
"""Share of values that no override can have, from which a column means something else."""
_AMBIGUOUS = frozenset({"width", "height", "model", "quality", "priority", "views", "num_images", "created_at",
                        "deadline", "reference_image"})  # fmt: skip
"""Overrides whose names mean other things too. A `seed` or a `prompt` is meant for the picture, right or wrong."""


def unfit_overrides(recipe: Recipe, values: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, str]]:
    """Return override -> its column and a value that it cannot have, where a quarter of the values or more are such."""
    columns = {field: name for field, name in recipe.columns.items() if isinstance(name, str) and name in values}
    texts = {field: [value.strip() for value in values[name]] for field, name in columns.items()}
    table = pa.table({field: pa.array(column, pa.string()) for field, column in texts.items()})
    unfit: dict[str, list[int]] = {}
    for position, field, _ in check_overrides(table, recipe):
        if field not in _AMBIGUOUS:
            continue
        unfit.setdefault(field, []).append(position)
    found = {}
    for field, positions in unfit.items():
        filled = sum(bool(value.strip()) for value in values[columns[field]])
        if len(positions) > filled * _MAX_UNFIT:
            found[field] = (columns[field], values[columns[field]][positions[0]])
    return found
