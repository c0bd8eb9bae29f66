"""A placed product has the photo's own bytes at scale 1, nothing of the old ground, and a name for its resampler."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.compositing.placed_product import PlacedProduct, apply_placement
from infra.compositing.product_placement import PixelBox, Placement, PlacementRule, place
from infra.interfaces.cutouts import Cutout
from tests.fixtures.placed_cutouts import drawn_cutout, random_cutouts


def test_at_scale_1_the_pixels_are_the_photos_own_bytes() -> None:
    cutout = drawn_cutout(1, 60, 80)
    placed = apply_placement(cutout, Placement(100, 120, PixelBox(4, 6, 50, 70), PixelBox(20, 30, 50, 70)))
    photo, alpha = cutout.pixels[6:76, 4:54], cutout.alpha[6:76, 4:54]
    shown = alpha > 0
    assert np.array_equal(placed.alpha[30:100, 20:70], alpha)
    assert np.array_equal(placed.pixels[30:100, 20:70][shown], photo[shown])


def test_outside_of_the_product_there_is_nothing_of_the_old_ground() -> None:
    placed = apply_placement(
        drawn_cutout(2, 300, 300), Placement(128, 128, PixelBox(0, 0, 300, 300), PixelBox(14, 14, 100, 100))
    )
    assert not placed.pixels[placed.alpha == 0].any()
    assert not placed.alpha[:14].any()
    red = (placed.pixels[..., 0] > 200) & (placed.pixels[..., 1] < 20)
    assert not red.any()


def test_a_source_outside_of_the_photo_is_refused() -> None:
    with pytest.raises(ValueError, match="not inside a photo of 60 x 80"):
        apply_placement(drawn_cutout(1), Placement(100, 100, PixelBox(11, 0, 50, 70), PixelBox(0, 0, 50, 70)))


def test_an_unknown_resampler_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'hermite-2'"):
        apply_placement(
            drawn_cutout(1), Placement(100, 100, PixelBox(0, 0, 50, 70), PixelBox(0, 0, 50, 70)), "hermite-2"
        )


def test_pixels_and_alpha_must_fit_one_another() -> None:
    cutout = drawn_cutout(1)
    for wrong in (
        replace(cutout, alpha=cutout.alpha[:-1]),
        replace(cutout, alpha=cutout.alpha.astype(bool)),
        replace(cutout, pixels=cutout.pixels[..., :2]),
    ):
        with pytest.raises(ValueError, match="no product"):
            PlacedProduct(wrong.pixels, wrong.alpha)


@settings(deadline=None)
@given(cutout=random_cutouts(), side=st.integers(1, 32), fill=st.floats(0.1, 0.95))
def test_every_placement_of_a_rule_can_be_applied_and_stays_in_its_box(cutout: Cutout, side: int, fill: float) -> None:
    placement = place(cutout.alpha, (side, side), PlacementRule(fill=fill, least_fill=fill / 2))
    if isinstance(placement, Placement):
        placed = apply_placement(cutout, placement)
        assert placed.alpha.shape == (side, side)
        target = placement.target
        assert np.count_nonzero(placed.alpha) == np.count_nonzero(
            placed.alpha[target.top : target.bottom, target.left : target.right]
        )
