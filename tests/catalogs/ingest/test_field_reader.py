"""A field is read from the first of its columns that a row fills."""

import pytest

from catalogs.errors import CatalogueError
from catalogs.ingest.field_reader import FieldReader
from tests.fixtures.sample_recipe import recipe_with, text_batch

SHOP: dict[str, object] = {
    "columns": {"sku": ["SKU", "id-{{ ID }}"], "title": ["Name", "Title"]},
    "optional": [],
    "html": [],
}
PLAIN: dict[str, object] = {"defaults.template": "{{ title }}", "categories": {}}


def read(
    field: str, rows: list[dict[str, str | None]], columns: list[str], changes: dict[str, object] | None = None
) -> list[str]:
    reader = FieldReader(recipe_with({**SHOP, **PLAIN, **(changes or {})}), columns)
    text = reader.text(text_batch(rows, columns).select(reader.needed_columns))
    return reader.clean(field, reader.raw(field, text)).to_pylist()  # type: ignore[no-any-return]


def test_each_row_takes_the_first_filled_column() -> None:
    rows: list[dict[str, str | None]] = [
        {"SKU": "A", "ID": "1"}, {"SKU": " ", "ID": "2"}, {"SKU": None, "ID": "3"}, {"SKU": "N/A", "ID": "4"}, {},
    ]  # fmt: skip
    assert read("sku", rows, ["SKU", "ID", "Title"]) == ["A", "id-2", "id-3", "id-4", ""]


def test_columns_that_the_source_lacks_are_passed_over() -> None:
    reader = FieldReader(recipe_with({**SHOP, **PLAIN}), ["ID", "Title", "Price"])
    assert reader.needed_columns == ["ID", "Title"]
    assert read("sku", [{"ID": "7", "Title": "Mug"}], ["ID", "Title"]) == ["id-7"]


def test_a_choice_of_which_the_source_has_none_is_missing() -> None:
    with pytest.raises(CatalogueError, match="no column 'SKU'"):
        FieldReader(recipe_with({**SHOP, **PLAIN}), ["Title"])


def test_entities_and_words_for_nothing_count_as_the_recipe_says() -> None:
    rows: list[dict[str, str | None]] = [{"SKU": "A", "Title": "Mug &amp; saucer", "color": "NA"}]
    columns = ["SKU", "Title", "color"]
    colour = {"columns.color": "color"}
    assert read("title", rows, columns) == ["Mug &amp; saucer"]
    assert read("title", rows, columns, {"entities": ["title"]}) == ["Mug & saucer"]
    assert read("color", rows, columns, colour) == ["NA"]
    assert read("color", rows, columns, {**colour, "placeholders": ["color"]}) == [""]
