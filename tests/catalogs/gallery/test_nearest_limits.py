"""Nearest limits: the order within each rule, categories' own limits, and what has no score."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catalogs.gallery.nearest_limits import RuleLimits, find_nearest
from catalogs.policy.schema import ImageRule
from catalogs.thresholds import Thresholds

SHARP = ImageRule(score="blur.foreground", reason="blurred", review_below=10, block_below=5)
EDGES = ImageRule(
    score="edges.touched", reason="cut-off", review_above=2, categories={"rugs": Thresholds(review_above=4)}
)


def nearest(rule: ImageRule, values: list[float], categories: list[str] | None = None, count: int = 9) -> RuleLimits:
    (found,) = find_nearest([rule], {rule.score: np.array(values)}, categories or [""] * len(values), count)
    return found


def test_the_nearest_comes_first_with_its_value_its_limit_and_the_way_left() -> None:
    found = nearest(SHARP, [30, 11, 50, 10.5], count=3)
    assert [(image.position, image.value, image.limit, image.distance) for image in found.nearest] == [
        (3, 10.5, 10, 0.5),
        (1, 11, 10, 1),
        (0, 30, 10, 20),
    ]
    assert found.measured == 4


def test_an_image_past_its_limit_comes_before_all_others() -> None:
    found = nearest(SHARP, [10.1, 7, 12])
    assert (found.nearest[0].position, found.nearest[0].distance) == (1, -3)


def test_a_category_has_its_own_limits() -> None:
    found = nearest(EDGES, [1, 3.5, 1.5], ["mugs", "rugs", "rugs"])
    assert [(image.position, image.limit, image.distance) for image in found.nearest] == [
        (1, 4, 0.5),
        (0, 2, 1),
        (2, 4, 2.5),
    ]


def test_the_nearer_of_two_sides_counts() -> None:
    rule = ImageRule(score="fill.side", reason="fill", review_below=0.5, review_above=0.9)
    found = nearest(rule, [0.85, 0.52])
    assert [(image.position, image.limit) for image in found.nearest] == [(1, 0.5), (0, 0.9)]


def test_images_without_the_score_and_rules_without_images_are_left_out() -> None:
    assert [image.position for image in nearest(SHARP, [np.nan, 20]).nearest] == [1]
    assert nearest(SHARP, [np.nan]).measured == 0
    assert find_nearest([SHARP], {}, [], 5) == []
    lifted = ImageRule(
        score="edges.touched", reason="cut-off", review_above=2, categories={"rugs": Thresholds(review_above=None)}
    )
    assert nearest(lifted, [1.0], ["rugs"]).nearest == []


@given(st.lists(st.floats(-1e6, 1e6), max_size=40), st.integers(1, 10))
def test_no_image_left_out_is_nearer_than_one_that_is_listed(values: list[float], count: int) -> None:
    found = nearest(SHARP, values, count=count)
    listed = {image.position for image in found.nearest}
    assert len(listed) == min(count, len(values))
    farthest = max((image.distance for image in found.nearest), default=0.0)
    assert all(value - 10 >= farthest for position, value in enumerate(values) if position not in listed)
