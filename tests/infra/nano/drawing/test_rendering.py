"""Painting: what a look does to a negative."""

from functools import lru_cache

import numpy as np
import pytest

from infra.nano.drawing.products import product_solids
from infra.nano.drawing.rendering import COLOURS, FINISHES, PATTERNS, ImageArray, Look, render_image
from infra.nano.drawing.studio import SIDE, Negative, photograph
from infra.nano.training.image_classification import classify_colour


@lru_cache(maxsize=4)
def negative(product: str = "mug") -> Negative:
    generator = np.random.default_rng(0)
    return photograph(product_solids(product, generator), "three-quarter", generator)


def shown(look: Look) -> ImageArray:
    return render_image(negative(), look)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_colour_can_be_told_in_every_pattern(colour: str, pattern: str) -> None:
    assert classify_colour(shown(Look(colour, pattern))) == colour


def test_the_ground_is_white_and_the_picture_is_bytes() -> None:
    picture = shown(Look("red"))
    assert (picture.shape, picture.dtype) == ((SIDE, SIDE, 3), np.uint8)
    assert (picture[:8] == 255).all()
    assert (picture[:, :8] == 255).all()


def test_patterns_and_finishes_are_seen() -> None:
    plain = shown(Look("red")).astype(int)
    for other in (*(Look("red", pattern) for pattern in PATTERNS[1:]), Look("red", finish=FINISHES[1])):
        assert np.abs(shown(other).astype(int) - plain).max() > 60


def test_a_print_leaves_other_surfaces_alone() -> None:
    still = negative("lamp")
    elsewhere = (still.surface > 0) & (still.coverage == 255)
    plain, striped = (render_image(still, Look("red", pattern)) for pattern in ("plain", "striped"))
    assert elsewhere.any()
    assert (plain[elsewhere] == striped[elsewhere]).all()
