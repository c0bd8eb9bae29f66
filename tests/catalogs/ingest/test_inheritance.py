"""A row finds its parent by any column, and what it lacks at the parent or at the parent's parent."""

import pytest

from catalogs.ingest.inheritance import MAX_GENERATIONS, InheritedValues, collect_inherited_values
from catalogs.recipe.schema import Recipe
from tests.fixtures.sample_recipe import recipe_with, text_batch

COLUMNS = ["sku", "ID", "title", "color", "group"]


def recipe(**rule: object) -> Recipe:
    return recipe_with({"inherit": {"by": "group", "fields": ["title", "color"], **rule}})


def collect(rows: list[dict[str, str]], rule: Recipe) -> InheritedValues:
    batch = text_batch(rows, COLUMNS)
    return collect_inherited_values(rule, COLUMNS, lambda: [batch.slice(0, 2), batch.slice(2)])


def found(inherited: InheritedValues, name: str, field: str = "title") -> str:
    return inherited.value(field, inherited.parent_of(name))


def test_rows_that_share_a_value_have_the_first_filled_one() -> None:
    rows = [{"group": "a", "color": "red"}, {"group": "a", "title": "Shirt"}, {"group": "a", "title": "Other"}]
    inherited = collect(rows, recipe())
    assert (found(inherited, "a"), found(inherited, "a", "color"), found(inherited, "b")) == ("Shirt", "red", "")


def test_a_parent_is_named_by_the_columns_of_its_own_row() -> None:
    rows = [
        {"sku": "TEE", "ID": "101", "title": "Tee"},
        {"sku": "", "ID": "110", "title": "Stool"},
        {"sku": "110", "ID": "7", "title": "Number"},
        {"sku": "x", "group": "TEE"}, {"sku": "y", "group": "id:110"}, {"sku": "z", "group": "110"},
        {"sku": "w", "group": "101"}, {"sku": "v", "group": "ID: 101"}, {"sku": "u", "group": "gone"},
    ]  # fmt: skip
    inherited = collect(rows, recipe(**{"from": ["sku", "ID"]}))
    assert [found(inherited, name) for name in ("TEE", "id:110", "110", "101", "ID: 101")] == [
        "Tee", "Stool", "Number", "Tee", "Tee",
    ]  # fmt: skip
    assert inherited.parent_of("gone") is None
    assert found(inherited, "") == ""


def test_only_rows_that_others_name_are_kept() -> None:
    rows = [{"sku": str(number), "title": "x"} for number in range(50)] + [{"sku": "a", "group": "7"}]
    inherited = collect(rows, recipe(**{"from": "sku"}))
    assert len(inherited.grandparents) == len(inherited.values["title"]) == 1


def test_what_a_parent_lacks_its_own_parent_has() -> None:
    rows = [
        {"sku": "root", "title": "Apron", "color": "grey"},
        {"sku": "model", "group": "root", "color": "red"},
        {"sku": "s", "group": "model"},
    ]
    inherited = collect(rows, recipe(**{"from": "sku"}))
    assert (found(inherited, "model"), found(inherited, "model", "color")) == ("Apron", "red")


def test_a_circle_of_parents_ends() -> None:
    rows = [{"sku": "a", "group": "b"}, {"sku": "b", "group": "a"}, {"sku": "c", "group": "c"}]
    inherited = collect(rows, recipe(**{"from": "sku"}))
    assert (found(inherited, "a"), found(inherited, "c")) == ("", "")
    assert MAX_GENERATIONS == 8


def test_a_parent_may_list_its_children() -> None:
    magento = recipe_with({"inherit": {"by": "sku", "from": "group", "fields": ["title"]}})
    rows = [
        {"sku": "MH01-XS", "color": "Black"},
        {"sku": "MH01", "title": "Hoodie", "group": "sku=MH01-XS,size=XS,color=Black|sku=MH01-M,size=M,color=Gray"},
    ]
    inherited = collect(rows, magento)
    assert (found(inherited, "MH01-XS"), found(inherited, "MH01")) == ("Hoodie", "")


def test_a_recipe_without_a_rule_reads_nothing() -> None:
    def read() -> list[object]:
        pytest.fail("the source was read")

    assert collect_inherited_values(recipe_with(), COLUMNS, read).parent_of("x") is None  # type: ignore[arg-type]


def test_the_rule_is_kept_when_it_is_frozen_into_a_run() -> None:
    rule = recipe(**{"from": ["sku", "ID"]})
    again = Recipe.model_validate(rule.model_dump(mode="json"))
    assert again == rule
    assert again.digest == rule.digest != recipe().digest
