"""Slot shapes: which views, variant, tier, model and number of images each row of a batch asks for.

Inputs: a recipe, accepted rows. Outputs: the rows of a batch, grouped by the shape of their slots. Rows of one shape
share one effective recipe, so the planner resolves it once for each shape instead of once for each of millions of rows.

A row's own value wins over the recipe's rules. A SKU's variant follows from a hash of the SKU, so it is the same in
every run.
"""

from typing import NamedTuple

from catalogs.ingest.overrides import parse_whole_number, split_views
from catalogs.ingest.photo_fields import photo_fields
from catalogs.ingest.rows import BatchRows
from catalogs.keys import hash_fraction
from catalogs.photos.kept_request import KEPT_MODEL
from catalogs.recipe.photo_rule import IGNORE
from catalogs.recipe.schema import Recipe

SHAPE_COLUMNS = ("category", "quality", "model", "views", "num_images")
"""The columns that decide a row's shape, beside its SKU's variant."""


class SlotShape(NamedTuple):
    """What the slots of a row have in common; a row has one slot for each view and index."""

    category: str
    variant: str
    tier: str
    model: str
    views: tuple[str, ...]
    num_images: int
    mode: str = ""
    """How the product of the row's photo is kept; empty where a model generates from the row's texts."""


def group_rows_by_shape(recipe: Recipe, rows: BatchRows) -> dict[SlotShape, list[int]]:
    """Return the positions of a batch's rows by the shape of their slots, in the order of the rows."""
    resolved: dict[tuple[object, ...], SlotShape] = {}
    positions_by_shape: dict[SlotShape, list[int]] = {}
    only_variant = next(iter(recipe.variants)) if len(recipe.variants) == 1 else None
    cells = zip(rows.column("sku"), rows.filled(photo_fields(recipe)), *map(rows.column, SHAPE_COLUMNS), strict=True)
    for position, (sku, has_photo, *values) in enumerate(cells):
        variant = only_variant or assign_variant(recipe, sku)
        key = (variant, has_photo, *values)
        shape = resolved.get(key)
        if shape is None:
            shape = _resolve_shape(recipe, variant, *values)
            shape = resolved[key] = _keeping(recipe, shape) if has_photo else shape
        positions_by_shape.setdefault(shape, []).append(position)
    return positions_by_shape


def assign_variant(recipe: Recipe, sku: str) -> str:
    """Return the variant of a SKU: the one whose share of [0, 1) holds the SKU's hash."""
    remainder = hash_fraction(sku, "variant")
    for name, variant in recipe.variants.items():
        remainder -= variant.share
        if remainder < 0:
            return name
    return name


def _keeping(recipe: Recipe, shape: SlotShape) -> SlotShape:
    """Return the shape of a row with photos: nothing of it is a model's, and a view has one image."""
    mode = recipe.photo_rule(shape.category, shape.variant).mode
    return shape if mode == IGNORE else shape._replace(model=KEPT_MODEL, num_images=1, mode=mode)


def _resolve_shape(
    recipe: Recipe, variant: str, category: str, quality: str, model: str, views: str, num_images: str
) -> SlotShape:
    rule = recipe.resolve_rule
    known_category = category if category in recipe.categories else ""
    return SlotShape(
        known_category,
        variant,
        quality or rule("quality", known_category, variant) or recipe.default_tier,
        model or rule("model", known_category, variant) or recipe.default_model,
        split_views(views) if views else tuple(rule("views", known_category, variant)),
        (parse_whole_number(num_images) if num_images else None) or rule("num_images", known_category, variant) or 1,
    )
