"""Photo fields: which columns are read for photos, and that a reference is not altered on its way."""

import unicodedata

import pyarrow as pa
import pytest

from catalogs.errors import CatalogueError
from catalogs.ingest.photo_fields import LIST_BREAK, clean_references, column_choices, photo_field, photo_fields
from catalogs.ingest.row_validation import RowValidator
from tests.fixtures.sample_recipe import RECIPE, recipe_with

VIEWS = {"views": {"front": "front view", "three-quarter": "seen from the corner"}, "categories": {}}


def test_a_view_has_a_field_of_its_own_whose_name_is_an_identifier() -> None:
    recipe = recipe_with(VIEWS)
    assert photo_field("three-quarter") == "photo_three_quarter"
    assert photo_fields(recipe) == ("photo", "reference_image", "photo_front", "photo_three_quarter")


def test_a_column_of_exactly_such_a_name_is_read_though_the_recipe_does_not_name_it() -> None:
    available = ("sku", "title", "photo", "photo_three-quarter", "Photo_front", "photo_back", "image_link", "photos")
    added = column_choices(recipe_with(VIEWS), available).items() - RECIPE.columns.items()
    assert dict(added) == {"photo": "photo", "photo_three_quarter": "photo_three-quarter"}


def test_a_recipe_that_maps_the_field_is_followed_and_one_that_ignores_photos_reads_no_column_of_them() -> None:
    mapped = {"columns.photo": "Main Image", "optional": [*RECIPE.optional, "photo"]}
    assert column_choices(recipe_with(mapped), ("photo", "Main Image"))["photo"] == "Main Image"
    ignoring = recipe_with({**mapped, "photo": {"mode": "ignore"}})
    assert {"photo", "reference_image"}.isdisjoint(column_choices(ignoring, ("photo", "Main Image")))
    assert photo_fields(ignoring) == ()


def test_a_source_without_such_columns_reads_what_the_recipe_says_and_nothing_else() -> None:
    assert column_choices(RECIPE, ("sku", "title", "image_link")) == RECIPE.columns


def test_a_reference_keeps_its_letters_as_the_file_has_them() -> None:
    decomposed = unicodedata.normalize("NFD", "tassé  blue.jpg")
    cells = pa.array([f"  {decomposed} ", None, "N/A", "a\x00b.jpg", f"a.jpg{LIST_BREAK}b.jpg", "a.jpg\nb.jpg"])
    expected = [decomposed, "", "", "a\ufffdb.jpg", f"a.jpg{LIST_BREAK}b.jpg", "a.jpg\nb.jpg"]
    assert clean_references(cells).to_pylist() == expected


def ingested(photo: pa.Array, changes: dict[str, object] | None = None) -> list[str]:
    batch = pa.RecordBatch.from_arrays([pa.array(["A"]), pa.array(["Mug"]), photo], names=["sku", "title", "photo"])
    validator = RowValidator(recipe_with(changes), batch.schema.names)
    table = validator.validate_batch(pa.array([1], pa.int64()), batch.select(validator.needed_columns)).table
    return list(table["photo"].to_pylist())


def test_the_entries_of_a_list_column_stay_apart_whatever_they_hold() -> None:
    assert ingested(pa.array([["a,b.jpg", None, "c.jpg"]])) == [f"a,b.jpg{LIST_BREAK}{LIST_BREAK}c.jpg"]


def test_records_in_a_column_that_nobody_named_are_no_photos_and_end_no_run() -> None:
    records = pa.array([{"url": "a.jpg"}])
    assert ingested(records) == [""]
    with pytest.raises(CatalogueError, match="'photo' holds struct<url: string>"):
        ingested(records, {"columns.photo": "photo"})
