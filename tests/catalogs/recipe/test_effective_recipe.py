"""An edit of a recipe moves the effective recipes that it can change, and no others."""

import pytest

from catalogs.photos.kept_request import KEPT_MODEL
from catalogs.recipe.effective_recipe import EffectiveRecipe, EffectiveRecipes
from catalogs.recipe.schema import Recipe
from tests.fixtures.sample_recipe import RECIPE, recipe_with

TWO_ARMS = {"variants": {"a": {"share": 0.5}, "b": {"share": 0.5}}}


def digests(recipe: Recipe) -> dict[str, bytes]:
    """Return each slice's digest by category, view, variant, tier and model."""
    recipes = EffectiveRecipes(recipe)
    return {
        f"{category or '-'} {view} {variant} {tier} {model}": recipes.get(category, view, variant, tier, model).digest
        for category in ("", "mugs", "boots")
        for view in ("front", "side")
        for variant in recipe.variants
        for tier in recipe.tiers
        for model in recipe.models
    }


def moved(before: Recipe, changes: dict[str, object]) -> set[str]:
    """Return the names of the slices that these changes move."""
    old, new = digests(before), digests(recipe_with(changes))
    return {name for name in old if old[name] != new.get(name)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"categories.mugs.template": "Photo of one mug, {{ title }}"}, "mugs"),
        ({"categories.boots.template": "Pair of {{ title }}"}, "boots"),
        ({"categories.mugs.negative": "text"}, "mugs"),
        ({"categories.mugs.finish": {"canvas": "square"}}, "mugs"),
        ({"defaults.template": "{{ title }}, {{ phrase }}"}, "-"),
        ({"defaults.negative": "text"}, ""),
        ({"finish.quality": 91}, ""),
        ({"finish.mark": False}, ""),
        ({"channels": ["ebay"]}, ""),
        ({"salt": "ours"}, ""),
        ({"render_version": 2}, ""),
        ({"tiers.high.width": 1280}, "high"),
        ({"tiers.high.steps": 9}, "high"),
        ({"tiers.high.guidance": 1.5}, "high"),
        ({"tiers.high.attempts": 5}, "high"),
        ({"models.other.precision": "fp8"}, "other"),
    ],
    ids=str,
)
def test_an_edit_moves_exactly_the_effective_recipes_that_it_reaches(changes: dict[str, object], words: str) -> None:
    expected = {name for name in digests(RECIPE) if not words or words in name.split()}
    assert moved(RECIPE, changes) == expected


def test_a_phrase_moves_its_view_only_where_the_template_says_it() -> None:
    names = moved(RECIPE, {"views.side": "from the left"})
    assert names == {name for name in digests(RECIPE) if " side " in name and not name.startswith("mugs")}


@pytest.mark.parametrize(
    "changes",
    [
        {"catalogue": "other"}, {"columns.title": "Name"}, {"optional": ["color"]}, {"required": ["sku"]}, {"html": []},
        {"ignore_when_empty": ["price"]}, {"inherit": {"by": "Handle", "fields": ["title"]}},
        {"views.top": "seen from above"}, {"models.third": {"family": "stub"}}, {"tiers.ultra": {"width": 2048}},
        {"categories.hats": {"template": "A hat"}}, {"categories.mugs.quality": "high"},
        {"categories.mugs.views": ["side"]}, {"defaults.num_images": 3}, {"defaults.model": "other"},
        {"variants": {"a": {"share": 0.5}, "b": {"share": 0.5}}}, {"columns.material": "material"},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_reach_an_effective_recipe_moves_no_digest(changes: dict[str, object]) -> None:
    assert moved(RECIPE, changes) == set()


def test_a_variants_name_moves_only_templates_that_read_it() -> None:
    assert len({name.split()[2] for name in digests(recipe_with(TWO_ARMS))}) == 2
    plain = EffectiveRecipes(recipe_with(TWO_ARMS))
    read = EffectiveRecipes(recipe_with({**TWO_ARMS, "defaults.template": "{{ title }} {{ variant }}"}))
    arms = [("", "front", arm, "standard", "stub") for arm in ("a", "b")]
    assert plain.get(*arms[0]).digest == plain.get(*arms[1]).digest
    assert read.get(*arms[0]).digest != read.get(*arms[1]).digest


def front(changes: dict[str, object], category: str = "") -> EffectiveRecipe:
    return EffectiveRecipes(recipe_with(changes)).get(category, "front", "a", "standard", "stub")


def test_it_reads_the_fields_of_its_templates_and_the_rows_own_words() -> None:
    own = ("height", "negative_prompt", "prompt", "seed", "width")
    assert front({}).fields == tuple(sorted(("color", "title", *own)))
    assert front({}, "mugs").fields == tuple(sorted(("title", *own)))
    assert front({"defaults.negative": "{{ category }}"}).fields == tuple(sorted(("category", "color", "title", *own)))


def test_parameters_are_all_that_changes_the_pixels() -> None:
    parameters = front({}).request_key_parameters("text", 640, 512)
    assert parameters == {
        "negative": "text", "width": 640, "height": 512, "steps": 8, "guidance": 0.0,
        "render_version": 1, "family": "stub", "weights": "stub/1", "precision": "fp32",
    }  # fmt: skip
    assert front({"salt": "ours"}).request_key_parameters("", 64, 64)["salt"] == "ours"


def test_an_effective_recipe_is_resolved_once() -> None:
    recipes = EffectiveRecipes(RECIPE)
    assert recipes.get("mugs", "front", "a", "high", "stub") is recipes.get("mugs", "front", "a", "high", "stub")


def test_what_is_kept_from_a_photo_is_not_enlarged_whatever_the_finish_says() -> None:
    recipe = recipe_with({"finish.enlarge": 2048})
    effective = EffectiveRecipes(recipe, {"plain-ground": "1"})
    kept = effective.get("", "front", "a", "standard", KEPT_MODEL)
    drawn = effective.get("", "front", "a", "standard", "stub")
    assert (drawn.finish.enlarge, kept.finish.enlarge) == (2048, None)
    assert recipe.finishes_by_digest.keys() == {drawn.finish_digest, kept.finish_digest}
