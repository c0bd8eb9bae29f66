"""Every vendor's file is data with a source; its own header is recognised as it, and a plain table as none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.recipe.built_in import built_in_recipe_names
from catalogs.recognition.export_kinds import ColumnFinder, ExportKind, export_kinds, recognise

KINDS = {kind.name: kind for kind in export_kinds()}


def header_of(kind: ExportKind) -> list[str]:
    """Return the header that the file's first names make."""
    names = [group[0] for group in kind.header.all] + list(kind.header.any[:2])
    return [name.replace("{locale}", "EN").replace("{scope}", "web") for name in names]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_vendors_own_header_is_recognised_as_its(kind: ExportKind) -> None:
    assert recognise(header_of(kind))[0].kind.name == kind.name
    assert recognise([name.upper() for name in header_of(kind)])[0].kind.name == kind.name
    assert kind.source.startswith("https://")
    assert kind.extends in built_in_recipe_names()
    assert {"sku", "title"} <= kind.columns.keys() or kind.extends == "shopify"


@pytest.mark.parametrize(
    "header",
    [
        ["sku", "title"],
        ["id", "name", "price", "description"],
        ["SKU", "Title", "Category"],
        ["Handle", "Title"],
        ["Artikelnummer", "Bezeichnung", "Farbe"],
        [],
    ],
)
def test_a_plain_table_is_no_vendors(header: list[str]) -> None:
    assert recognise(header) == ()


@given(st.permutations(header_of(KINDS["WooCommerce"])))
def test_the_order_of_columns_does_not_matter(header: list[str]) -> None:
    assert recognise(header)[0].kind.name == "WooCommerce"


def test_a_name_with_a_language_is_found_in_the_preferred_one() -> None:
    columns = ("sku", "name-de_DE", "name-fr_FR", "name-en_US", "description-en_US-print")
    assert ColumnFinder(columns).find("name-{locale}") == "name-en_US"
    assert ColumnFinder(columns, ("fr",)).find("name-{locale}") == "name-fr_FR"
    assert ColumnFinder(columns).find("description-{locale}-{scope}") == "description-en_US-print"
    assert ColumnFinder(columns).find("title-{locale}") is None
    assert ColumnFinder(columns).locale("name-fr_FR", ["name-{locale}"]) == "fr_FR"


def test_names_are_found_as_the_source_spells_them() -> None:
    finder = ColumnFinder(("SKU ", "Item_Name", "item"))
    assert finder.find("sku") == "SKU "
    assert finder.find("{{ sku }}-{{ item }}") == "{{ SKU  }}-{{ item }}"
    assert finder.find("{{ sku }}-{{ absent }}") is None
    assert finder.find_all(["absent", "item", "sku", "ITEM"]) == ("item", "SKU ")
