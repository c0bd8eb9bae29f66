"""Rows are grouped by the shape of their slots: the row's own value, else the rule of variant, category or recipe."""

from collections.abc import Mapping

import pyarrow as pa
import pytest

from catalogs.ingest.rows import BatchRows
from catalogs.planning.slot_shapes import SHAPE_COLUMNS, SlotShape, assign_variant, group_rows_by_shape
from catalogs.recipe.schema import Recipe
from tests.fixtures.sample_recipe import RECIPE, recipe_with

TWO_VARIANTS = recipe_with({"variants": {"a": {"share": 0.7}, "b": {"share": 0.3, "num_images": 2}}})


def batch(*rows: Mapping[str, str]) -> BatchRows:
    return BatchRows(pa.table({name: [row.get(name, "") for row in rows] for name in ("sku", *SHAPE_COLUMNS)}))


def shape_of(row: Mapping[str, str], recipe: Recipe = RECIPE) -> SlotShape:
    [shape] = group_rows_by_shape(recipe, batch({"sku": "A", **row}))
    return shape


@pytest.mark.parametrize(
    ("row", "shape"),
    [
        ({}, SlotShape("", "a", "standard", "stub", ("front",), 1)),
        ({"category": "boots"}, SlotShape("boots", "a", "standard", "stub", ("front", "side"), 1)),
        ({"category": "unknown"}, SlotShape("", "a", "standard", "stub", ("front",), 1)),
        ({"quality": "high", "model": "other"}, SlotShape("", "a", "high", "other", ("front",), 1)),
        ({"views": "side;front", "num_images": "3.0"}, SlotShape("", "a", "standard", "stub", ("side", "front"), 3)),
    ],
    ids=str,
)
def test_a_rows_own_values_win_over_the_recipes_rules(row: dict[str, str], shape: SlotShape) -> None:
    assert shape_of(row) == shape


def test_rows_of_one_shape_are_grouped_in_their_order() -> None:
    rows = batch({"sku": "A"}, {"sku": "B", "category": "mugs"}, {"sku": "C"}, {"sku": "D", "views": "front"})
    assert list(group_rows_by_shape(RECIPE, rows).values()) == [[0, 2, 3], [1]]


def test_a_variant_follows_from_the_sku_alone_and_has_its_share() -> None:
    skus = [f"S{number}" for number in range(1000)]
    variants = [assign_variant(TWO_VARIANTS, sku) for sku in skus]
    assert variants == [assign_variant(TWO_VARIANTS, sku) for sku in skus]
    assert 240 < variants.count("b") < 360
    for sku, variant in zip(skus[:20], variants, strict=False):
        shape = shape_of({"sku": sku}, TWO_VARIANTS)
        assert (shape.variant, shape.num_images) == (variant, 2 if variant == "b" else 1)
