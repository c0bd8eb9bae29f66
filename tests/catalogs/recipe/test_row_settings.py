"""A choice of columns is one name or several, and nothing else."""

import pytest
from pydantic import TypeAdapter, ValidationError

from catalogs.recipe.row_settings import MAX_ALTERNATIVES, ColumnChoice, InheritRule, alternatives
from tests.fixtures.sample_recipe import recipe_with

CHOICE: TypeAdapter[ColumnChoice] = TypeAdapter(ColumnChoice)


@pytest.mark.parametrize(
    ("written", "columns"), [("SKU", ("SKU",)), (["SKU"], ("SKU",)), (["SKU", "ID"], ("SKU", "ID"))]
)
def test_a_choice_is_a_column_or_several(written: object, columns: tuple[str, ...]) -> None:
    assert alternatives(CHOICE.validate_python(written)) == columns


@pytest.mark.parametrize("written", [5, None, [], [""], ["a", 5], {"a": 1}, ["x"] * (MAX_ALTERNATIVES + 1)])
def test_anything_else_is_no_choice(written: object) -> None:
    with pytest.raises(ValidationError):
        CHOICE.validate_python(written)


def test_one_column_in_a_list_is_the_column() -> None:
    assert recipe_with({"columns.sku": ["sku"]}).digest == recipe_with().digest


def test_a_rule_says_from_where() -> None:
    assert InheritRule.model_validate({"by": "Parent", "from": "SKU", "fields": ["title"]}).parent == ("SKU",)
    assert InheritRule.model_validate({"by": ["Handle", "URL handle"], "fields": []}).by == ("Handle", "URL handle")


@pytest.mark.parametrize(
    "changes",
    [
        {"only": {"status": ["active"]}}, {"fill_down": ["group"]}, {"split": {"sku": ","}}, {"entities": ["title"]},
        {"placeholders": ["color"]}, {"columns.sku": ["sku", "ID"]},
    ],
    ids=str,
)  # fmt: skip
def test_row_settings_count_in_the_digest_where_they_are_set(changes: dict[str, object]) -> None:
    assert recipe_with(changes).digest != recipe_with().digest
    unset = {name: type(value)() for name, value in changes.items() if "." not in name}
    assert recipe_with(unset).digest == recipe_with().digest
