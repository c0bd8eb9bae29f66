"""Recipes that extend a built-in one: what merges, what replaces, and what is refused with which line."""

import copy
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from catalogs.errors import RuleFileError
from catalogs.recipe.extending import ExtendingError, extended
from catalogs.recipe.loading import built_in_recipe, extended_built_in, load_recipe

BASE: dict[str, Any] = {
    "columns": {"sku": "sku", "title": "title", "color": "color", "seed": "seed", "note": "note"},
    "optional": ["color", "seed"],
    "html": ["note"],
    "inherit": {"by": "parent", "fields": ["title", "note"]},
    "models": {"turbo": {"source": "a/b", "revision": "r", "precision": "bf16"}},
    "tiers": {"standard": {"width": 1024, "height": 1024}},
    "defaults": {"views": ["front"], "template": "{{ title }}"},
    "languages": ["en"],
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"tiers": {"standard": {"width": 512}}}, {"tiers": {"standard": {"width": 512, "height": 1024}}}),
        ({"tiers": {"high": {"steps": 9}}}, {"tiers": {**BASE["tiers"], "high": {"steps": 9}}}),
        ({"languages": ["de"]}, {"languages": ["de"]}),
        ({"defaults": {"views": ["side"]}}, {"defaults": {"views": ["side"], "template": "{{ title }}"}}),
        ({"optional": ["note", "seed"]}, {"optional": ["color", "seed", "note"]}),
        ({"html": ["title"], "entities": ["title"]}, {"html": ["note", "title"], "entities": ["title"]}),
        ({"html": None}, {"html": []}),
        (
            {"columns": {"color": "Farbe", "fabric": "Stoff"}},
            {"columns": {**BASE["columns"], "color": "Farbe", "fabric": "Stoff"}, "optional": ["seed"]},
        ),
        (
            {"columns": {"color": "Farbe"}, "optional": ["color"]},
            {"columns": {**BASE["columns"], "color": "Farbe"}, "optional": ["seed", "color"]},
        ),
        (
            {"columns": {"note": None, "seed": None}},
            {
                "columns": {"sku": "sku", "title": "title", "color": "color"},
                "optional": ["color"],
                "html": [],
                "inherit": {"by": "parent", "fields": ["title"]},
            },
        ),
        ({"models": {"turbo": {"source": "c/d"}}}, {"models": {"turbo": {"source": "c/d"}}}),
        ({"models": {"turbo": {"registry": "x"}}}, {"models": {"turbo": {"registry": "x"}}}),
        (
            {"models": {"turbo": {"revision": "s"}}},
            {"models": {"turbo": {"source": "a/b", "revision": "s", "precision": "bf16"}}},
        ),
    ],
)
def test_only_what_differs_differs(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    base = copy.deepcopy(BASE)
    assert extended(base, changes) == BASE | expected
    assert base == BASE


def test_null_takes_a_field_out() -> None:
    assert extended(BASE, {"inherit": None, "defaults": {"template": None}}) == {
        **{name: value for name, value in BASE.items() if name != "inherit"},
        "defaults": {"views": ["front"]},
    }


@pytest.mark.parametrize(
    ("changes", "path", "problem"),
    [
        ({"columns": {"colour": None}}, ("columns", "colour"), "did you mean 'color'?"),
        ({"tiers": {"zzz": None}}, ("tiers", "zzz"), "it has standard"),
        ({"categories": {"mugs": None}}, ("categories", "mugs"), "it has none"),
    ],
)
def test_what_is_not_there_cannot_be_taken_out(changes: dict[str, Any], path: tuple[str, ...], problem: str) -> None:
    with pytest.raises(ExtendingError) as caught:
        extended(BASE, changes)
    assert caught.value.path == path
    assert str(caught.value) == f"null takes it out of the recipe that is extended; {problem}"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*BASE, "views", "entities", "other"]), VALUES, max_size=4))
def test_any_fields_extend_or_are_refused(changes: dict[str, Any]) -> None:
    text = yaml.safe_dump({"extends": "default@1", **changes})
    with suppress(ExtendingError):
        assert BASE.keys() - changes.keys() <= extended(BASE, changes).keys()
    with suppress(RuleFileError):
        assert load_recipe(text, "shop.yaml").columns["sku"]


@pytest.mark.parametrize("name", ["default@1", "shopify", "sample", "rehearsal"])
def test_a_file_that_changes_nothing_is_the_built_in_recipe_to_the_digest(name: str) -> None:
    recipe = load_recipe(f"extends: {name}", "shop.yaml")
    assert recipe == built_in_recipe(name)
    assert recipe.digest == built_in_recipe(name).digest


def test_a_file_that_extends_equals_the_file_that_holds_all() -> None:
    whole = yaml.safe_load(
        load_recipe("extends: default@1", "x").model_dump_json()  # JSON is YAML
    )
    whole["columns"] |= {"sku": "Item no", "title": "Name"}
    short = "extends: default@1\ncolumns: {sku: Item no, title: Name}\n"
    assert load_recipe(short, "shop.yaml").digest == load_recipe(yaml.safe_dump(whole), "shop.yaml").digest


def test_the_built_in_recipe_that_a_file_extends_is_known() -> None:
    assert str(extended_built_in("extends: shopify", "shop.yaml")) == "shopify@1"
    assert extended_built_in("a: 1", "shop.yaml") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: default@77", ", line 1: extends: There is no built-in recipe 'default@77'; did you mean default@1"),
        ("\nextends: base.yaml", ", line 2: extends: There is no built-in recipe 'base.yaml'; choose from default@1"),
        ("extends: [default@1]", ", line 1: extends: give the name of one built-in recipe"),
        ("extends:", ", line 1: extends: give the name of one built-in recipe"),
        (
            "extends: default@1\ntiers:\n  standard:\n    width: wide\n",
            ", line 4: tiers.standard.width: Input should be a valid integer",
        ),
        ("extends: default@1\ncolums: {sku: x}", ", line 2: colums: Extra inputs are not permitted"),
        ("extends: default@1\ncolumns:\n  colour: null\n", ", line 3: columns.colour: null takes it out of"),
        (
            "extends: default@1\ncolumns: {color: null}",
            " (extends default@1, line 48): defaults.template: the template uses color,",
        ),
        (
            "extends: default@1\ncategories:\n  mugs: {}\n  cups:\n    quality: best\n",
            ", line 5: categories.cups.quality: 'best' is none of",
        ),
        ("extends: default@1\ndefaults: {views: [left]}", ", line 2: defaults.views: choose from"),
    ],
)
def test_an_error_names_the_line_on_which_the_value_stands(text: str, message: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        load_recipe(text, "shop.yaml")
    assert str(caught.value).startswith(f"shop.yaml{message}"), str(caught.value)
