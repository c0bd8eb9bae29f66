"""The ground is what most of the border shows, whatever touches it."""

import numpy as np
import pytest

from infra.cutout.ground import fit_ground, ring_mask
from tests.infra.cutout.drawn_products import boards, disc, photo_of, sweep


def test_white_is_plain_and_without_noise() -> None:
    ground = fit_ground(photo_of(disc()).pixels)
    assert (ground.plainness, ground.noise) == (1.0, 0.0)
    assert np.allclose(ground.planes(9, 7), 255)
    assert ground.planes(9, 7).shape == (3, 9, 7)


def test_a_sweep_is_plain_and_is_known_behind_the_product() -> None:
    grounds = sweep(256, 150, 235)
    ground = fit_ground(photo_of(disc(), grounds, noise=1.5).pixels)
    assert ground.plainness > 0.98
    assert np.abs(ground.planes(256, 256) - grounds.transpose(2, 0, 1)).max() < 3


def test_a_product_that_touches_the_frame_is_not_the_ground() -> None:
    ground = fit_ground(photo_of(disc(radius=0.5, centre=(0.5, 0.7)), (240, 238, 230)).pixels)
    assert 0.6 < ground.plainness < 0.9
    assert ground.covered == 1 - ground.plainness
    assert np.abs(ground.planes(5, 5) - np.array((240, 238, 230))[:, None, None]).max() < 3


def test_boards_are_not_plain() -> None:
    ground = fit_ground(photo_of(disc(), boards(256)).pixels)
    assert ground.plainness < 0.5
    assert ground.covered == 0.0, "nobody knows what stands before boards"


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2), (40, 1)])
def test_photos_of_a_few_pixels_have_a_ground(shape: tuple[int, int]) -> None:
    pixels = np.full((*shape, 3), 77, np.uint8)
    ground = fit_ground(pixels)
    assert ground.plainness == 1.0
    assert np.allclose(ground.planes(*shape), 77, atol=0.01)
    assert ring_mask(*shape).shape == shape
