"""A column means something else where many rows fill it, often with what no picture can have."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pytest

from catalogs.ingest.override_columns import find_repurposed_overrides
from catalogs.recipe.schema import Recipe
from tests.fixtures.sample_recipe import RECIPE, recipe_with, text_batch


def repurposed(rows: list[dict[str, str]], recipe: Recipe = RECIPE, names: Sequence[str] = ()) -> frozenset[str]:
    names = ["sku", "title", *(names or dict.fromkeys(name for row in rows for name in row))]
    batch = text_batch(rows, names)

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for start in range(0, len(rows), 3):
            yield batch.select(list(columns)).slice(start, 3)

    return find_repurposed_overrides(recipe, names, read)


def test_centimetres_in_every_row_are_no_pixels() -> None:
    rows = [{"width": width, "height": "64", "views": "1204"} for width in ("51.0", "80.0", "128", "60.0", "")]
    assert repurposed(rows) == {"width", "views"}


def test_a_slip_among_few_sizes_is_that_rows_own() -> None:
    assert repurposed([{"width": "1000"}, {"width": ""}, {}, {"width": "768"}, {}, {}, {}]) == frozenset()


def test_a_slip_among_many_sizes_is_that_rows_own_too() -> None:
    assert repurposed([{"width": "768"}] * 9 + [{"width": "1000"}]) == frozenset()


def test_a_required_field_means_what_the_recipe_says() -> None:
    rows = [{"width": "51"}] * 4
    assert repurposed(rows) == {"width"}
    assert repurposed(rows, recipe_with({"required": ["sku", "title", "width"]})) == frozenset()


def test_a_source_without_such_columns_is_not_read() -> None:
    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        pytest.fail("the source was read")

    assert find_repurposed_overrides(RECIPE, ["sku", "title", "color"], read) == frozenset()
