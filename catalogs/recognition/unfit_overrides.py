"""Unfit overrides: columns that are called like a recipe's override and hold something else.

Inputs: a recipe and the first texts of a source. Outputs: the overrides to take out, each with its column and an
example. A furniture catalogue's `width` is centimetres, and its `views` are the visits of a page. A `seed` or a
`prompt` is meant for the picture, right or wrong, and stays.
"""

from collections.abc import Callable, Mapping, Sequence

from catalogs.ingest.overrides import PRIORITIES, parse_whole_number, split_views
from catalogs.recipe.render_settings import MAX_IMAGES, MAX_SIDE, MIN_SIDE, SIDE_MULTIPLE
from catalogs.recipe.schema import Recipe

_MAX_UNFIT = 0.25
"""Share of values that no override can have, from which a column means something else."""


def unfit_overrides(recipe: Recipe, values: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, str]]:
    """Return override -> its column and a value that it cannot have, where a quarter of the values or more are such."""
    found = {}
    for field, fits in _checks(recipe).items():
        column = recipe.columns.get(field)
        if not isinstance(column, str) or column not in values:
            continue
        texts = [text for value in values[column] if (text := value.strip())]
        unfit = [text for text in texts if not fits(text)]
        if len(unfit) > len(texts) * _MAX_UNFIT:
            found[field] = (column, unfit[0])
    return found


def _checks(recipe: Recipe) -> dict[str, Callable[[str], bool]]:
    return {
        "width": _is_size,
        "height": _is_size,
        "model": lambda text: text in recipe.models,
        "quality": lambda text: text in recipe.tiers,
        "priority": lambda text: text.lower() in PRIORITIES,
        "views": lambda text: set(split_views(text)) <= recipe.views.keys(),
        "num_images": lambda text: (parse_whole_number(text) or 0) in range(1, MAX_IMAGES + 1),
    }


def _is_size(text: str) -> bool:
    number = parse_whole_number(text)
    return number is not None and MIN_SIDE <= number <= MAX_SIDE and number % SIDE_MULTIPLE == 0
