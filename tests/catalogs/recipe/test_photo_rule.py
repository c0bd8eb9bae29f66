"""Photo rule: its defaults are the compositor's, and a rule that cannot place a product is refused."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from catalogs.recipe.photo_rule import PhotoRule, PhotoSettings
from catalogs.stages.stage import MAX_FILL as MAX_PRODUCT_FILL
from infra.compositing.product_placement import MAX_FILL, PlacementRule
from infra.cutout.cutters import open_cutter
from tests.fixtures.sample_recipe import RECIPE, recipe_with

shares = st.one_of(st.floats(0.01, 1), st.sampled_from([0.5, 0.85, 0.95, 1.0]))


def test_the_defaults_are_those_of_the_placement_itself() -> None:
    assert PhotoRule().placement == {field.name: field.default for field in fields(PlacementRule)}
    assert PlacementRule(**PhotoRule().placement) == PlacementRule()
    assert MAX_PRODUCT_FILL == MAX_FILL


def test_the_first_default_cutter_is_one_that_is_always_at_hand() -> None:
    assert open_cutter(PhotoRule().cutters[0]).name == "plain-ground"


@given(shares, shares, shares, st.none() | shares)
def test_what_a_recipe_takes_can_be_placed_and_what_it_refuses_cannot(
    fill: float, least_fill: float, centre: float, foot: float | None
) -> None:
    numbers = {"fill": fill, "least_fill": least_fill, "centre": centre, "foot": foot}
    try:
        PlacementRule(**numbers)
    except ValueError:
        with pytest.raises(ValidationError):
            PhotoRule.model_validate(numbers)
    else:
        assert PhotoRule.model_validate(numbers).placement == numbers


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "scene"}, "Input should be 'white', 'stage' or 'ignore'"),
        ({"mode": "stage"}, "mode `stage` needs `stages`, the name of a library"),
        ({"mode": "stage", "stages": "Oak"}, "String should match pattern"),
        ({"stages": "oak"}, "`stages` and `fallback` have no effect in the mode `white`"),
        ({"mode": "ignore", "fallback": "white"}, "`stages` and `fallback` have no effect in the mode `ignore`"),
        ({"cutters": []}, "at least 1 item"),
        ({"cutters": ["u2netp", "u2netp"]}, "name each cutter once"),
        ({"cutters": ["module:factory"]}, "String should match pattern"),
        ({"fill": 0.8}, "`least_fill` is at most `fill`"),
        ({"fill": 0.99}, "`fill` at most 0.95"),
        ({"centre": 0.3}, "a product of fill 0.85 and centre 0.3 leaves the image's side"),
        ({"foot": 0.5}, "a product of fill 0.85 does not fit above foot 0.5"),
        ({"fil": 0.5}, "Extra inputs are not permitted"),
        ({"separator": ""}, "at least 1 character"),
    ],
)
def test_a_rule_that_nobody_can_follow_is_refused_with_what_is_wrong(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match="photo") as refused:
        recipe_with({"photo": changes})
    assert message in str(refused.value)


def test_a_category_may_have_another_rule_and_the_recipes_own_counts_elsewhere() -> None:
    recipe = recipe_with(
        {"photo": {"fill": 0.9, "least_fill": 0.5}, "categories.mugs.photo": {"fill": 0.6, "least_fill": 0.3}}
    )
    assert [recipe.photo_rule(name, "a").fill for name in ("", "boots", "mugs")] == [0.9, 0.9, 0.6]
    assert RECIPE.photo_rule("mugs", "a") == PhotoRule()


def test_a_cutter_that_is_not_at_hand_is_not_asked_and_ignored_photos_ask_for_nothing() -> None:
    request = PhotoSettings().kept_request({"plain-ground": "3"})
    assert request is not None
    assert (request.mode, request.photos, request.cutters) == ("white", (), (("plain-ground", "3"),))
    assert PhotoSettings(mode="ignore").kept_request({"plain-ground": "3"}) is None


def test_a_recipe_without_photos_has_the_digest_that_it_always_had() -> None:
    assert recipe_with({"photo": None}).digest == RECIPE.digest
    assert recipe_with({"photo": {}}).digest != RECIPE.digest
    assert recipe_with({"categories.mugs.photo": {}}).digest != RECIPE.digest
