"""A recipe is refused where it is wrong, and its digest moves with everything that changes an image."""

import re
from typing import Any

import pytest
import yaml

from catalogs.errors import RuleFileError
from catalogs.models.weights import ModelEntry
from catalogs.recipe.loading import load_recipe
from catalogs.recipe.render_settings import Finish
from catalogs.recipe.schema import Recipe
from tests.fixtures.sample_recipe import RECIPE, REMOVED, recipe_content_with, recipe_with

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version: Input should be 1"),
        ({"catalogue": "Big Shoes"}, "catalogue: String should match pattern '^[a-z0-9][a-z0-9-]{0,62}$'"),
        ({"catalogue": "../x"}, "catalogue: String should match pattern"),
        ({"columns": REMOVED}, "columns: Field required"),
        ({"columns": {}}, "columns: at least one is needed"),
        ({"columns.sku": REMOVED}, "columns: the field 'sku' is used but has no column"),
        ({"columns.Title": "t"}, "columns: 'Title' must match [a-z0-9]"),
        ({"columns.9lives": "t"}, "columns: '9lives' must be lower case letters, digits and _"),
        ({"columns.two-words": "t"}, "columns: 'two-words' must be lower case letters, digits and _"),
        ({"columns.phrase": "t"}, "columns: 'phrase' must be lower case letters, digits and _, and not ('view',"),
        ({"columns.title": 7}, "columns.title: Input should be a valid string"),
        ({"required": ["sku", "size"]}, "columns: the field 'size' is used but has no column"),
        ({"optional": ["size"]}, "columns: the field 'size' is used but has no column"),
        ({"html": ["size"]}, "columns: the field 'size' is used but has no column"),
        ({"inherit": {"by": "Handle", "fields": ["size"]}}, "columns: the field 'size' is used but has no column"),
        ({"inherit": {"fields": []}}, "inherit.by: Field required"),
        ({"engine": "magic"}, "engine: Input should be 'torch', 'tensorrt' or 'stub'"),
        ({"engine": "torch"}, "models.other: the engine 'torch' does not run models of the family 'stub'"),
        (
            {"models.stub.family": "z-image"},
            "models.stub: the engine 'stub' does not run models of the family",
        ),
        ({"models": {}}, "models: at least one is needed"),
        ({"models.stub.revision": "main"}, "models.stub.revision: String should match pattern '^[0-9a-f]{40}$'"),
        ({"models.stub.precision": "fp16"}, "models.stub.precision: Input should be 'fp32', 'bf16' or 'fp8'"),
        ({"models./etc/passwd": {"family": "stub"}}, "models: '/etc/passwd' must match"),
        ({"tiers.standard.width": 1000}, "tiers.standard.width: Input should be a multiple of 16"),
        ({"tiers.standard.height": 8192}, "tiers.standard.height: Input should be less than or equal to 4096"),
        ({"tiers.standard.height": 16}, "tiers.standard.height: Input should be greater than or equal to 64"),
        ({"tiers.standard.steps": 0}, "tiers.standard.steps: Input should be greater than or equal to 1"),
        ({"tiers.standard.guidance": float("nan")}, "tiers.standard.guidance: Input should be"),
        ({"tiers.standard.attempts": 11}, "tiers.standard.attempts: Input should be less than or equal to 10"),
        ({"tiers.standard.colour": 1}, "tiers.standard.colour: Extra inputs are not permitted"),
        ({"views": {}}, "views: at least one is needed"),
        ({"views.From Above": "x"}, "views: 'From Above' must match"),
        ({"views.front": "x" * 20_001}, "views: front: it has 20,001 characters, more than 20,000"),
        ({"defaults.views": REMOVED}, "defaults: `template` and `views` are needed"),
        ({"defaults.template": REMOVED}, "defaults: `template` and `views` are needed"),
        ({"defaults.template": " "}, "defaults.template: it is empty; leave it out, or describe the image"),
        ({"defaults.views": ["top"]}, "defaults.views: choose from ['front', 'side']"),
        ({"categories.mugs.views": []}, "categories.mugs.views: choose from ['front', 'side']"),
        ({"categories.mugs.views": ["side", "side"]}, "categories.mugs.views: name each view once"),
        ({"categories.mugs.quality": "best"}, "categories.mugs.quality: 'best' is none of ['high', 'standard']"),
        ({"categories.mugs.model": "turbo"}, "categories.mugs.model: 'turbo' is none of ['other', 'stub']"),
        ({"categories.mugs.num_images": 17}, "categories.mugs.num_images: Input should be less than or equal to 16"),
        ({"categories": {"": {"quality": "high"}}}, "categories: a category needs a name"),
        ({"categories.mugs.template": "{{ x.y }}"}, "categories.mugs.template: templates may not use `getattr`"),
        ({"categories.mugs.negative": "{{ tilte }}"}, "categories.mugs.negative: the template uses tilte"),
        ({"variants": {"a": {"share": 0.5}}}, "variants: the shares must add up to 1"),
        ({"variants": {"a": {"share": -1}}}, "variants.a.share: Input should be greater than or equal to 0"),
        ({"variants": {"a": {"template": "{{ x }}"}}}, "variants.a.template: the template uses x"),
        ({"variants": {}}, "variants: at least one is needed"),
        ({"finish.quality": 30}, "finish.quality: Input should be greater than or equal to 50"),
        ({"finish.canvas": "round"}, "finish.canvas: Input should be 'none', 'square' or 'portrait'"),
        ({"render_version": 0}, "render_version: Input should be greater than or equal to 1"),
        ({"api_key": "x"}, "api_key: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_recipe_is_refused_with_file_and_field(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        load_recipe(yaml.safe_dump(recipe_content_with(changes)), "shop.yaml")
    assert re.sub(r"^(shop\.yaml), line \d+", r"\1", str(caught.value)).startswith(f"shop.yaml: {message}")


def test_a_recipe_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        RECIPE.salt = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    "changes",
    [
        {"catalogue": "other"}, {"columns.title": "Name"}, {"optional": []}, {"required": ["sku"]}, {"html": []},
        {"ignore_when_empty": ["price"]}, {"inherit": {"by": "Handle", "fields": ["title"]}},
        {"models.other.precision": "fp8"}, {"tiers.high.attempts": 5}, {"views.side": "side"},
        {"defaults.negative": "text"}, {"categories.mugs.quality": "high"}, {"variants.a": {"negative": "x"}},
        {"finish.quality": 91}, {"salt": "x"}, {"render_version": 2},
    ],
    ids=str,
)  # fmt: skip
def test_the_digest_covers_the_whole_recipe(changes: dict[str, object]) -> None:
    assert recipe_with(changes).digest != RECIPE.digest


def test_the_digest_survives_being_frozen_into_a_run() -> None:
    assert Recipe.model_validate(RECIPE.model_dump(mode="json")).digest == RECIPE.digest
    reordered = {name: recipe_content_with({})[name] for name in reversed(list(recipe_content_with({})))}
    assert Recipe.model_validate(reordered).digest == RECIPE.digest


@pytest.mark.parametrize(
    ("field", "category", "variant", "expected"),
    [
        ("quality", "", "a", "standard"),
        ("quality", "mugs", "a", "high"),
        ("quality", "mugs", "b", "standard"),
        ("quality", "hats", "a", "standard"),
        ("negative", "mugs", "a", None),
        ("negative", "", "b", "text"),
        ("views", "boots", "b", ("front", "side")),
    ],
)
def test_the_variants_value_wins_then_the_categorys_then_the_defaults(
    field: str, category: str, variant: str, expected: object
) -> None:
    recipe = recipe_with(
        {
            "defaults.quality": "standard",
            "categories.mugs.quality": "high",
            "variants": {"a": {"share": 0.5}, "b": {"share": 0.5, "quality": "standard", "negative": "text"}},
        }
    )
    assert recipe.resolve_rule(field, category, variant) == expected


@pytest.mark.parametrize(
    ("model", "pinned", "weights"),
    [
        ({}, False, "None@None"),
        ({"source": "org/name"}, False, "org/name@None"),
        ({"source": "org/name", "revision": COMMIT}, True, f"org/name@{COMMIT}"),
        ({"source": "/models/x", "weights_digest": "abc"}, True, "abc"),
        ({"source": "/models/y", "weights_digest": "abc", "revision": COMMIT}, True, "abc"),
        ({"family": "stub", "source": "/anywhere"}, True, "stub/1"),
    ],
)
def test_a_model_is_known_by_its_content_and_never_by_a_path(model: dict[str, Any], pinned: bool, weights: str) -> None:
    made = ModelEntry(**model)
    assert made.pinned is pinned
    assert made.identity == {"family": made.family, "weights": weights, "precision": "bf16"}


def test_defaults_apply_where_no_rule_names_a_model_or_a_tier() -> None:
    assert (RECIPE.default_model, RECIPE.default_tier) == ("stub", "standard")
    message = recipe_with({"defaults.model": "other", "defaults.quality": "high"})
    assert (message.default_model, message.default_tier) == ("other", "high")


def test_models_are_named_in_the_manifest_by_name_and_content() -> None:
    names = {name: provenance.model for name, provenance in RECIPE.provenance_by_name.items()}
    assert list(names) == ["@photo", "stub", "other"]
    assert names["stub"] == "stub@" + names["stub"].partition("@")[2]
    assert len({*names.values(), recipe_with({"models.stub.precision": "fp8"}).provenance_by_name["stub"].model}) == 4


def test_every_finish_that_can_be_asked_for_is_found_by_its_digest() -> None:
    square = {"canvas": "square"}
    recipe = recipe_with({"categories.mugs.finish": square, "variants.a": {"finish": {"quality": 95}}})
    assert recipe.finishes_by_digest == {
        finish.digest: finish for finish in (Finish(), Finish(canvas="square"), Finish(quality=95))
    }
