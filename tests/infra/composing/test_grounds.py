"""A ground says its size, takes a product, and is proven where it is a stage's."""

import numpy as np

from infra.composing.grounds import OnStage, WhiteGround
from infra.composing.stage_grounds import StageGround
from infra.compositing.composite import compose
from infra.compositing.ground_proof import find_changed_ground
from infra.compositing.placed_product import PlacedProduct
from infra.compositing.product_placement import PixelBox
from infra.compositing.stage_ground import stage_shadow
from tests.fixtures.drawn_stages import drawn_stage
from tests.fixtures.placed_cutouts import drawn_cutout

WIDTH, HEIGHT = 90, 120


def product() -> PlacedProduct:
    cutout = drawn_cutout(1, WIDTH, HEIGHT)
    return PlacedProduct(cutout.pixels, cutout.alpha)


def test_white_is_255_but_for_the_shadow_and_has_no_proof() -> None:
    ground, placed = WhiteGround(WIDTH, HEIGHT), product()
    pixels = ground.compose(placed)
    assert ground.size == (WIDTH, HEIGHT)
    assert (pixels[0] == 255).all()
    free = placed.alpha == 0
    assert 0 < (pixels[free] < 255).any(axis=1).mean() < 0.5
    assert ground.prove(placed, pixels) is None


def test_a_stage_is_its_own_pixels_darkened_by_the_shadow_and_is_proven() -> None:
    stage, placed = drawn_stage(1, WIDTH, HEIGHT), product()
    crop = PixelBox(0, 0, WIDTH, HEIGHT)
    ground = OnStage("5e" * 32, StageGround(stage, crop), "right")
    pixels = ground.compose(placed)
    assert ground.size == (WIDTH, HEIGHT)
    assert np.array_equal(pixels, compose(stage, placed, stage_shadow(placed.alpha, "right")))
    free = placed.alpha == 0
    assert (pixels[free] <= stage[free]).all()
    proof = ground.prove(placed, pixels)
    assert (proof.stage, proof.crop, proof.light) == ("5e" * 32, crop, "right")
    assert find_changed_ground(proof, placed, pixels) is None
