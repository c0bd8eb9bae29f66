"""Photo columns: what a recipe asks of photos, the columns they are read from, and whether the first rows name any.

Inputs: a recipe, an open source. Outputs: a `PhotoWish`; names of columns; yes or no. Nothing of photos is imported.
"""

from dataclasses import dataclass

import pyarrow.compute as pc

from catalogs.ingest.column_mapping import source_columns
from catalogs.ingest.named_columns import named_columns
from catalogs.recipe.photo_rule import IGNORE
from catalogs.recipe.schema import Recipe
from infra.sources import Source

_PHOTO_FIELDS = ("photo", "reference_image")


@dataclass(frozen=True)
class PhotoWish:
    """What a recipe says of photos: every cutter that a rule of it names, and what separates references of a cell."""

    cutters: tuple[str, ...]
    separator: str | None = None


def photo_wish(recipe: Recipe) -> PhotoWish | None:
    """Return what a recipe says of photos; None where it leaves them alone, whatever the category and variant."""
    categories, variants = ("", *recipe.categories), tuple(recipe.variants)
    rules = [recipe.photo_rule(category, variant) for category in categories for variant in variants]
    cutters = dict.fromkeys(name for rule in rules if rule.mode != IGNORE for name in rule.cutters)
    if not cutters:
        return None
    return PhotoWish(tuple(cutters), recipe.photo.separator if recipe.photo is not None else None)


def photo_columns(recipe: Recipe, source: Source) -> tuple[str, ...]:
    """Return the columns of a source that photos are read from."""
    fields = {*_PHOTO_FIELDS, *(f"photo_{view}" for view in recipe.views)}
    filled = source_columns(recipe, source.columns_and_paths(named_columns(recipe)))
    mapped = [column for field, columns in filled.items() if field in fields for column in columns]
    return tuple(dict.fromkeys([*mapped, *(name for name in source.columns if name in fields)]))


def names_photos(recipe: Recipe, source: Source) -> bool:
    """Tell whether one of the first rows names a photo, by a recipe that reads photos."""
    if photo_wish(recipe) is None or not (columns := photo_columns(recipe, source)):
        return False
    first = next(source.batches(columns), None)
    if first is None:
        return False
    texts = (pc.utf8_trim_whitespace(pc.fill_null(column.cast("string"), "")) for column in first.rows.columns)
    return any(pc.any(pc.not_equal(text, "")).as_py() for text in texts)
