"""Near matches: the name that was meant, and no name where none is near."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.near_matches import MAX_LISTED_CHARACTERS, describe_missing, list_names, near_match

SHOP = ["Handle", "Title", "Variant SKU", "Variant Price", "Body (HTML)", " Marke ", "Größe", "Artikel-Nr.", "Desc"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("title", "Title"),
        ("Titel", "Title"),
        ("handel", "Handle"),
        ("sku", "Variant SKU"),
        ("Compare Price", None),
        ("Original Variant Price", "Variant Price"),
        ("marke", " Marke "),
        ("Grosse", "Größe"),
        ("GROSSE", "Größe"),
        ("Große", "Größe"),
        ("artikelnr", "Artikel-Nr."),
        ("body html", "Body (HTML)"),
        ("Bodyhtml", "Body (HTML)"),
        ("ean", None),
        ("Description", None),
        ("", None),
        ("!!", None),
    ],
)
def test_the_name_that_was_meant_is_found(wanted: str, expected: str | None) -> None:
    assert near_match(wanted, SHOP) == expected


def test_the_same_letters_go_before_a_likely_spelling() -> None:
    assert near_match("color", ["colour", "COLOR", "Color"]) == "COLOR"


def test_missing_names_are_told_once_each() -> None:
    assert describe_missing(["sku", "ean", "sku"], SHOP) == "'sku' (did you mean 'Variant SKU'?), 'ean'"


def test_names_are_listed_in_their_order_and_those_with_spaces_can_be_told() -> None:
    assert list_names(["b", " a", "", "c,d", "A b"]) == "b, ' a', '', 'c,d', A b"


def test_a_long_list_is_cut_and_says_how_many_are_left() -> None:
    text = list_names([f"column {number:04}" for number in range(2_000)])
    assert text.startswith("column 0000, column 0001, ")
    assert text.endswith(" and 1,693 more")
    assert len(text) <= MAX_LISTED_CHARACTERS + 20


@given(st.text(max_size=30), st.lists(st.text(max_size=30), max_size=20))
def test_any_texts_are_compared(wanted: str, names: list[str]) -> None:
    found = near_match(wanted, names)
    assert found is None or found in names
    if wanted in names and any(letter.isalnum() for letter in wanted):
        assert found is not None
        assert near_match(found, [wanted]) == wanted


def test_two_thousand_long_names_are_compared_at_once() -> None:
    names = [f"{'x' * 200}{number}" for number in range(2_000)]
    assert near_match("y" * 5_000, names) is None
