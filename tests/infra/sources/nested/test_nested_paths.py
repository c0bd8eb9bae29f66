"""Names with steps: which column they begin with, and what is no path at all."""

import pytest

from infra.sources.nested.nested_paths import (
    MAX_STEPS,
    ColumnPath,
    FieldStep,
    IndexStep,
    MatchStep,
    parse_steps,
    resolve_path,
)


def test_a_path_has_a_column_and_steps() -> None:
    assert resolve_path("item_name[0].value", ["item_name"]) == ColumnPath(
        "item_name", (IndexStep(0), FieldStep("value"))
    )
    assert resolve_path("category.name", ["sku", "category"]) == ColumnPath("category", (FieldStep("name"),))
    assert resolve_path("a[-1][*].b", ["a"]) == ColumnPath("a", (IndexStep(-1), FieldStep("b")))


def test_an_object_is_chosen_by_the_value_of_a_field() -> None:
    path = ColumnPath("attributes", (MatchStep("name", "Color"), FieldStep("option")))
    for name in ("attributes[name=Color].option", "attributes[ name = 'Color' ].option"):
        assert resolve_path(name, ["attributes"]) == path


def test_a_column_that_has_the_name_wins_over_a_path() -> None:
    assert resolve_path("price.eur", ["price", "price.eur"]) == ColumnPath("price.eur")
    assert resolve_path("price.eur[0]", ["price", "price.eur"]) == ColumnPath("price.eur", (IndexStep(0),))


@pytest.mark.parametrize("name", ["other", "other.name", "a[", "a[x]", "a..b", "a]", "a[0", ".a", "", "a[1]b"])
def test_what_is_no_path_is_no_column(name: str) -> None:
    assert resolve_path(name, ["a"]) is None


def test_s7_a_path_has_a_bounded_number_of_steps() -> None:
    assert parse_steps(".a" * MAX_STEPS) == (FieldStep("a"),) * MAX_STEPS
    assert parse_steps(".a" * (MAX_STEPS + 1)) is None
