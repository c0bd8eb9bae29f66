"""Any column becomes clean text, whatever its type and content."""

import datetime as dt
import decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.errors import CatalogueError
from catalogs.ingest.column_mapping import as_text, field_values, placeholders, source_columns
from catalogs.recipe.loading import built_in_recipe
from tests.fixtures.sample_recipe import CATALOGUE_COLUMNS, recipe_with

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array(["a", None, ""]), ["a", None, ""]),
        (pa.array(["a", None], pa.large_string()), ["a", None]),
        (pa.array(["a", None], pa.string_view()), ["a", None]),
        (pa.array([512, None]), ["512", None]),
        (pa.array([512.0, 0.5, float("nan"), None]), ["512", "0.5", None, None]),
        (pa.array([decimal.Decimal("14.50")]), ["14.50"]),
        (pa.array([True, None]), ["true", None]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
        (pa.nulls(2), [None, None]),
        (pa.array([b"caf\xc3\xa9", b"caf\xe9", None]), ["café", "caf\ufffd", None]),
        (pa.array([NOON.date()]), ["2026-11-22"]),
        (pa.array([NOON], pa.timestamp("us", tz="UTC")), ["2026-11-22 12:00:00.000000Z"]),
        (pa.array([["front", "side"], None, [], ["a", None]]), ["front,side", None, "", "a,"]),
        (pa.array([["front", "side"], ["back"], ["top"]])[1:], ["back", "top"]),
        (pa.array([[1, 2]]), ["1,2"]),
        (pa.array([["a"]], pa.large_list(pa.string())), ["a"]),
        (pa.array([["a", "b"]], pa.list_(pa.string(), 2)), ["a,b"]),
    ],
)
def test_every_type_becomes_text(array: pa.Array, expected: list[str | None]) -> None:
    text = as_text(array, "column")
    assert text.type == pa.string()
    assert text.to_pylist() == expected


@given(
    moments=st.lists(st.none() | st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)), max_size=4),
    unit=st.sampled_from(["s", "ms", "us", "ns"]),
)
def test_a_moment_in_utc_reads_as_arrow_says_it(moments: list[dt.datetime | None], unit: str) -> None:
    array = pc.cast(pa.array(moments, pa.timestamp("us", tz="UTC")), pa.timestamp(unit, tz="UTC"), safe=False)
    assert as_text(array, "created_at").equals(pc.cast(array, pa.string()))


@pytest.mark.parametrize("value", [{"a": 1}, [["a"]], [{"a": 1}]], ids=str)
def test_a_column_of_tables_is_refused_by_name(value: object) -> None:
    with pytest.raises(CatalogueError, match="The column 'specs' holds"):
        as_text(pa.array([value]), "specs")


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        ("Title", ("Title",)),
        ("{{ Handle }}", ("Handle",)),
        ("{{Handle}}-{{ Option1 Value }}", ("Handle", "Option1 Value")),
    ],
)
def test_a_mapping_names_a_column_or_places_several(expression: str, columns: tuple[str, ...]) -> None:
    assert placeholders(expression) == columns


@pytest.mark.parametrize(
    ("expression", "values", "expected"),
    [
        ("{{ a }}-{{ b }}-{{ c }}", ("x", "y", "z"), "x-y-z"),
        ("{{ a }}-{{ b }}-{{ c }}", ("x", None, "z"), "x-z"),
        ("{{ a }}-{{ b }}-{{ c }}", ("x", "", None), "x"),
        ("{{ a }}-{{ b }}-{{ c }}", (None, " ", "z"), "z"),
        ("{{ a }}-{{ b }}-{{ c }}", (None, "", " "), ""),
        ("{{ a }}-{{ b }}", ("x--1", "y"), "x--1-y"),
        ("{{ a }} {{ b }}", ("Dr. Martens - black", "S / M."), "Dr. Martens - black S / M."),
        ("{{ a }}{{ b }}", ("x", "y"), "xy"),
        ("SKU-{{ a }}", ("1",), "SKU-1"),
        ("SKU-{{ a }}", ("",), ""),
        ("{{ a }} by {{ b }}", ("Mug", None), "Mug by "),
        ("{{ a }}{{ a }}", ("x",), "xx"),
    ],
)
def test_an_empty_value_takes_its_separator_along(
    expression: str, values: tuple[str | None, ...], expected: str
) -> None:
    batch = {name: pa.array([value], pa.string()) for name, value in zip("abc", values, strict=False)}
    assert field_values(expression, batch).to_pylist() == [expected]


def test_an_optional_field_whose_columns_are_not_there_is_left_out() -> None:
    found = source_columns(recipe_with(), ["sku", "title", "color", "price"])
    assert found == {"sku": ("sku",), "title": ("title",), "color": ("color",)}


@pytest.mark.parametrize(
    ("changes", "available", "message"),
    [
        ({}, ["sku", "name"], "The source has no column 'title'; it has sku, name."),
        ({"optional": list(CATALOGUE_COLUMNS)}, ["name"], "The source has no column 'sku'; it has name."),
        ({"ignore_when_empty": ["price"]}, ["sku", "title"], "The source has no column 'price'"),
        ({"inherit": {"by": "Handle", "fields": ["title"]}}, ["sku", "title"], "The source has no column 'Handle'"),
        ({"columns.title": "{{ a }} {{ b }}"}, ["sku", "a"], "The source has no column 'b'"),
        (
            {},
            ["SKU", "  Title"],
            "'sku' (did you mean 'SKU'?), 'title' (did you mean '  Title'?); it has SKU",
        ),
        ({}, ["sku", *(f"column {place}" for place in range(45))], "it has sku, column 0, column 1, column 2, "),
    ],
)
def test_missing_columns_are_named_and_what_to_do(
    changes: dict[str, object], available: list[str], message: str
) -> None:
    with pytest.raises(CatalogueError) as caught:
        source_columns(recipe_with(changes), available)
    assert message in str(caught.value)


def test_the_shopify_recipe_needs_its_columns() -> None:
    with pytest.raises(CatalogueError, match="no column 'Handle', 'Option1 Value'"):
        source_columns(built_in_recipe("shopify"), ["sku", "title"])
