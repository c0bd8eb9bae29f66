"""Recipes from YAML, the packaged recipes, and command-line options that override them."""

import pytest

from catalogs.errors import RuleFileError
from catalogs.models.weights import ModelEntry
from catalogs.recipe.built_in import built_in_recipe_names
from catalogs.recipe.loading import built_in_recipe, load_recipe, with_engine_options
from catalogs.recipe.schema import Recipe
from tests.fixtures.sample_recipe import RECIPE, recipe_with

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHOSEN = ModelEntry(source="/models/tiny", weights_digest="abc", precision="fp32")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file must hold a mapping of fields; this is a NoneType"),
        ("- a", "the file must hold a mapping of fields; this is a list"),
        ("a: [", "not YAML: while parsing"),
        ("a: 1\na: 2", "not YAML: the key 'a' is written twice"),
        ("a: 2026-13-45", "not YAML: month must be in 1..12"),
        ("a: \0", "not YAML: unacceptable character"),
        ("a: !!python/object/apply:os.getcwd []", "not YAML: could not determine a constructor"),
        ("1: 2", "columns: Field required"),
        ("[" * 3000, "not YAML: "),
    ],
)
def test_what_is_no_recipe_is_refused_with_its_files_name(text: str, message: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        load_recipe(text, "shop.yaml")
    assert str(caught.value).startswith(f"shop.yaml: {message}")


def test_a_recipe_may_repeat_itself_by_yamls_own_means() -> None:
    text = """
columns: {sku: id, title: name}
models: {turbo: {}}
views: {front: x}
defaults: {views: [front], template: "{{ title }}"}
categories:
  mugs: &mugs {negative: text}
  cups: {<<: *mugs, num_images: 2}
"""
    cups = load_recipe(text, "shop.yaml").categories["cups"]
    assert (cups.negative, cups.num_images) == ("text", 2)


def test_all_built_in_recipes_load_and_name_different_things() -> None:
    assert built_in_recipe_names() == ["default", "options", "rehearsal", "sample", "shopify"]
    recipes = [built_in_recipe(name) for name in built_in_recipe_names()]
    assert len({recipe.digest for recipe in recipes}) == 5
    assert built_in_recipe() == recipes[0]
    assert [recipe.engine for recipe in recipes] == ["torch", "torch", "torch", "stub", "torch"]


def changed(recipe: Recipe, engine: str | None = None, model: object = None, precision: str | None = None) -> Recipe:
    return with_engine_options(recipe, engine=engine, model=model, precision=precision)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["default", "shopify", "sample", "rehearsal"])
def test_without_options_the_recipe_stays_as_it_is(name: str) -> None:
    assert changed(built_in_recipe(name)) == built_in_recipe(name)


def test_the_stub_stands_in_under_every_name_with_keys_of_its_own() -> None:
    recipe = changed(built_in_recipe(), engine="stub")
    assert recipe.engine == "stub"
    assert recipe.models == {"turbo": ModelEntry(family="stub", precision="fp32")}
    assert recipe.models["turbo"].identity != built_in_recipe().models["turbo"].identity


def test_a_chosen_model_becomes_the_default_and_the_others_stay() -> None:
    recipe = changed(built_in_recipe(), model=CHOSEN)
    assert recipe.default_model == "chosen"
    assert recipe.models == {"turbo": built_in_recipe().models["turbo"], "chosen": CHOSEN}


def test_the_samples_stub_gives_way_to_a_chosen_model() -> None:
    recipe = changed(built_in_recipe("sample"), engine="torch", model=CHOSEN)
    assert recipe.models == {"stub": CHOSEN, "chosen": CHOSEN}


def test_a_model_may_be_chosen_by_its_name_in_the_recipe() -> None:
    assert changed(RECIPE, model="other").default_model == "other"
    with pytest.raises(RuleFileError, match="--model: '/etc' is no folder, no id@revision, and none of"):
        changed(RECIPE, model="/etc")


def test_a_precision_is_every_models() -> None:
    recipe = changed(built_in_recipe(), model=CHOSEN, precision="fp8")
    assert {name: model.precision for name, model in recipe.models.items()} == {"turbo": "fp8", "chosen": "fp8"}


@pytest.mark.parametrize("word", ["family: stub", "precision: fp8", "standing: {name: x, versions: {}, production: 1}"])
def test_a_file_does_not_say_what_the_registry_says(word: str) -> None:
    text = """
columns: {sku: id, title: name}
models: {cards: {registry: card, WORD}}
views: {front: x}
defaults: {views: [front], template: "{{ title }}"}
""".replace("WORD", word)
    with pytest.raises(
        RuleFileError, match=rf"shop\.yaml, line 3: models\.cards\.{word.split(':')[0]}: the registry's versions of"
    ):
        load_recipe(text, "shop.yaml")
    assert load_recipe(text.replace(f", {word}", ""), "shop.yaml").models["cards"].registry == "card"


def test_a_registered_stub_stays_and_any_other_gives_way_to_the_stub() -> None:
    registered = {"models": {"cards": {"registry": "card"}}}
    assert changed(recipe_with(registered)).models["cards"].registry == "card"
    assert changed(recipe_with(registered), engine="stub").models["cards"].registry == "card"
    torch = recipe_with(registered | {"engine": "torch"})
    assert changed(torch, engine="stub").models == {"cards": ModelEntry(family="stub", precision="fp32")}
    with pytest.raises(
        RuleFileError, match=r"--precision: models\.cards takes its precision from the registry's versions"
    ):
        changed(torch, precision="fp8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"engine": "magic"}, "engine: Input should be 'torch', 'tensorrt' or 'stub'"),
        ({"engine": "torch"}, "models.stub: the engine 'torch' does not run models of the family 'stub'"),
        ({"precision": "fp16"}, "models.stub.precision: Input should be 'fp32', 'bf16' or 'fp8'"),
    ],
)
def test_words_that_do_not_fit_are_refused(words: dict[str, str], message: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        changed(built_in_recipe("sample"), **words)
    assert str(caught.value).startswith(f"The options do not fit the recipe: {message}")
