"""A column that is called like an override and holds something else is found by its values."""

from catalogs.recipe.loading import built_in_recipe
from catalogs.recognition.unfit_overrides import unfit_overrides

RECIPE = built_in_recipe("default")


def test_centimetres_visits_and_grades_are_not_the_pictures() -> None:
    values = {
        "width": ["51.0", "80.0", ""], "height": ["1024", "768", ""], "views": ["1204", "88", "530"],
        "quality": ["A", "A", "B"], "title": ["a", "b", "c"],
    }  # fmt: skip
    assert unfit_overrides(RECIPE, values) == {
        "width": ("width", "51.0"), "views": ("views", "1204"), "quality": ("quality", "A")
    }  # fmt: skip


def test_one_wrong_value_among_right_ones_leaves_the_override() -> None:
    assert (
        unfit_overrides(RECIPE, {"width": ["1024", "768", "51", "512"], "views": ["front", "x", "front,side", "side"]})
        == {}
    )


def test_a_seed_is_meant_for_the_picture_even_where_it_is_wrong() -> None:
    assert unfit_overrides(RECIPE, {"seed": ["-1", "0x1F"], "prompt": ["a", "b"]}) == {}


def test_empty_columns_say_nothing() -> None:
    assert unfit_overrides(RECIPE, {"width": ["", " "]}) == {}
    assert unfit_overrides(RECIPE, {}) == {}
