"""Paths into Python's values, and the text of an XML element."""

import pytest

from infra.sources.nested.nested_paths import parse_steps
from infra.sources.nested.nested_values import element_text, scalar_text, scalars_of, value_at

OFFER = {
    "@id": "9",
    "name": "Mug",
    "param": [{"@name": "Color", "#text": "red"}, {"@name": "Size", "#text": "L"}],
    "price": {"@currency": "EUR", "#text": "24.00"},
    "shipping": {"country": "DE", "cost": {"@unit": "EUR", "#text": "4.90"}},
}


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        (".name", ["Mug"]),
        (".name[0]", ["Mug"]),
        (".name[1]", []),
        (".param", ["red", "L"]),
        (".param[name=Size]", ["L"]),
        (".param[@name=Color]", ["red"]),
        (".param.name", ["Color", "Size"]),
        (".id", ["9"]),
        (".price", ["24.00"]),
        (".price.currency", ["EUR"]),
        (".shipping", ["DE 4.90"]),
        (".absent.deeper", []),
    ],
)
def test_a_path_ends_at_texts(path: str, texts: list[str]) -> None:
    steps = parse_steps(path)
    assert steps is not None
    assert list(scalars_of(value_at(OFFER, steps))) == texts


def test_numbers_read_as_they_do_in_a_column_of_numbers() -> None:
    assert [scalar_text(value) for value in (12, 12.0, 1.5, True, 4006381333931.0)] == [
        "12", "12", "1.5", "true", "4006381333931",
    ]  # fmt: skip


def test_an_element_without_own_text_has_that_of_its_elements_and_no_attributes() -> None:
    assert element_text({"@a": "x", "b": ["1", {"@c": "y", "d": "2"}], "e": ""}) == "1 2"
