"""Rows that are no products are ignored and counted; rows of one product find their values above."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.errors import CatalogueError, RuleFileError
from catalogs.ingest.row_selection import FillDown, split_skus
from catalogs.recipe.loading import load_recipe
from tests.fixtures.sample_recipe import ingest_batch, recipe_with, text_batch

ONLY = recipe_with({"only": {"status": ["Active", ""], "type": ["simple", "variation"]}})


def kept(rows: list[dict[str, str]], recipe: object = ONLY, columns: tuple[str, ...] = ("status", "type")) -> list[str]:
    names = ("sku", "title", *columns)
    batch = text_batch([{"title": "Mug", **row} for row in rows], names)
    table, rejects, ingest = ingest_batch(batch, recipe)  # type: ignore[arg-type]
    assert rejects == []
    assert ingest.counts.input == len(rows) == ingest.counts.accepted + ingest.counts.ignored
    return table["sku"].to_pylist()  # type: ignore[no-any-return]


def test_only_rows_with_the_named_values_are_read_whatever_their_case() -> None:
    rows = [
        {"sku": "A", "status": "active", "type": "simple"},
        {"sku": "B", "status": "DRAFT", "type": "simple"},
        {"sku": "C", "status": "", "type": " Variation "},
        {"sku": "D", "status": "active", "type": "simple, virtual"},
        {"sku": "E", "status": "active", "type": ""},
    ]
    assert kept(rows) == ["A", "C"]


def test_a_filter_that_takes_rows_without_a_value_does_without_its_column() -> None:
    assert kept([{"sku": "A", "type": "simple"}], columns=("type",)) == ["A"]
    with pytest.raises(CatalogueError, match="no column 'type'"):
        kept([{"sku": "A", "status": "active"}], columns=("status",))


@pytest.mark.parametrize(
    ("written", "cells"), [("[1, true, null]", ["1", "true", ""]), ("yes", ["true"]), ("A", ["A"])]
)
def test_the_values_of_a_filter_are_what_yaml_reads(written: str, cells: list[str]) -> None:
    text = "columns: {sku: sku, title: title}\nviews: {front: front}\ndefaults: {views: [front], template: x}\n"
    assert load_recipe(f"{text}only: {{Published: {written}}}\n", "shop.yaml").only == {"Published": tuple(cells)}


def test_a_filter_that_leaves_out_every_row_shows_what_the_source_has() -> None:
    rows = [{"sku": "A", "title": "Mug", "status": "aktiv"}, {"sku": "B", "title": "Cup", "status": "Entwurf"}]

    def warnings(wanted: str) -> list[str]:
        recipe = recipe_with({"only": {"status": [wanted]}})
        return ingest_batch(text_batch(rows), recipe)[2].warning_sentences()

    assert warnings("Aktiv") == []
    assert warnings("active") == [
        "`only` left out every row: compare its values with the source's. 2 × status: 'aktiv' in row 1,"
        " 'Entwurf' in row 2; wanted 'active'"
    ]


def test_a_filter_without_a_value_is_refused() -> None:
    text = "columns: {sku: sku, title: title}\nviews: {front: front}\ndefaults: {views: [front], template: x}\n"
    with pytest.raises(RuleFileError, match=r"only\.status: name at least one value"):
        load_recipe(f"{text}only: {{status: []}}\n", "shop.yaml")


def test_a_row_empty_in_all_that_is_read_is_ignored() -> None:
    batch = text_batch(
        [{"sku": "A", "title": "Mug"}, {"price": "3"}, {"sku": " ", "title": "\u00a0"}], ["sku", "title", "price"]
    )
    _, rejects, ingest = ingest_batch(batch)
    assert (rejects, ingest.counts.ignored, ingest.counts.input) == ([], 2, 3)


PRODUCTS = recipe_with({"fill_down": ["group", "title", "color"], "columns.category": "group"})


@pytest.mark.parametrize("rows_per_batch", [1, 2, 3, 9])
def test_a_row_that_belongs_to_the_row_above_takes_its_values(rows_per_batch: int) -> None:
    rows = [
        {"sku": "1", "group": "shirt", "title": "Shirt", "color": "red"},
        {"sku": "2"},
        {},
        {"sku": "3", "color": "blue"},
        {"sku": "4"},
        {"sku": "5", "group": "mug", "title": "Mug"},
        {"sku": "6"},
    ]
    batch = text_batch(rows, ["sku", "group", "title", "color"])
    table, rejects, ingest = ingest_batch(batch, PRODUCTS, rows_per_batch)
    assert rejects == []
    assert ingest.counts.ignored == 1
    assert [tuple(row.values()) for row in table.select(["sku", "category", "title", "color"]).to_pylist()] == [
        ("1", "shirt", "Shirt", "red"),
        ("2", "shirt", "Shirt", "red"),
        ("3", "shirt", "Shirt", "blue"),
        ("4", "shirt", "Shirt", "blue"),
        ("5", "mug", "Mug", ""),
        ("6", "mug", "Mug", ""),
    ]


CELLS = st.lists(st.tuples(st.sampled_from(["", "a", "b", " "]), st.sampled_from(["", "x", "y"])), max_size=12)


@given(cells=CELLS, cut=st.integers(0, 12))
def test_filling_down_is_a_walk_from_row_to_row(cells: list[tuple[str, str]], cut: int) -> None:
    expected, above = [], ("", "")
    for key, value in cells:
        if key.strip():
            above = (key, value)
        elif value:
            above = (above[0], value)
        expected.append((key, value) if not key.strip() and not value else above)
    # The walk above leaves blank rows alone; the others have what their product has.
    filler, found = FillDown(("k", "v")), []
    for part in (cells[:cut], cells[cut:]):
        columns = {name: pa.array([cell[index] for cell in part], pa.string()) for index, name in enumerate("kv")}
        filled = filler.fill(columns)
        found += list(zip(filled["k"].to_pylist(), filled["v"].to_pylist(), strict=True))
    assert found == expected


def test_a_cell_of_several_skus_is_a_row_for_each() -> None:
    recipe = recipe_with({"split": {"sku": ","}})
    rows = [
        {"sku": "MUG-OAT, MUG-MOSS,,MUG-OAT", "title": "Mug", "color": "oat"},
        {"sku": "SPOON", "title": "Spoon"},
        {"sku": "MUG-MOSS,DISH", "title": "Dish"},
    ]
    table, rejects, ingest = ingest_batch(text_batch(rows), recipe)
    assert [tuple(row.values()) for row in table.select(["row", "sku", "title", "color"]).to_pylist()] == [
        (1, "MUG-OAT", "Mug", "oat"),
        (1, "MUG-MOSS", "Mug", "oat"),
        (2, "SPOON", "Spoon", ""),
        (3, "DISH", "Dish", ""),
    ]
    assert [(reject.row, reject.reason) for reject in rejects] == [(3, "the SKU 'MUG-MOSS' was given before, in row 1")]
    assert (ingest.counts.input, ingest.counts.accepted, ingest.counts.rejected) == (5, 4, 1)


def test_a_cell_of_too_many_skus_is_one_reject() -> None:
    cell = ",".join(map(str, range(501)))
    table, [reject], _ = ingest_batch(text_batch([{"sku": cell, "title": "Mug"}]), recipe_with({"split": {"sku": ","}}))
    assert (table.num_rows, reject.reason) == (0, "the SKU is longer than 200 characters")


@given(cells=st.lists(st.none() | st.text("ab, ", max_size=8), max_size=6))
def test_every_cell_keeps_at_least_one_row(cells: list[str | None]) -> None:
    names, places = split_skus(pa.array(cells, pa.string()), ",")
    assert sorted(set(places.to_pylist())) == list(range(len(cells)))
    assert np.all(np.diff(places.to_numpy()) >= 0)
    assert len(names) == len(places)


def test_only_the_first_column_of_a_choice_holds_several_skus() -> None:
    recipe = load_recipe("{extends: default@1, columns: {sku: [SKU, title]}, split: {sku: ','}}", "shop.yaml")
    rows = [{"SKU": "A,B", "title": "Mug"}, {"SKU": "", "title": "Spoon, walnut"}, {"SKU": "C", "title": "Bowl, oak"}]
    table, rejects, _ = ingest_batch(text_batch(rows, ("SKU", "title")), recipe)
    assert rejects == []
    assert table["sku"].to_pylist() == ["A", "B", "Spoon, walnut", "C"]
