"""A spot is where a person sees best what a gate measured."""

import numpy as np
import pytest

from infra.imaging.spots import SPOT_SHARE, Look, Spot, find_product, find_spot
from infra.interfaces import Pixels

WHITE = 255


def canvas() -> Pixels:
    return np.full((512, 384, 3), WHITE, np.uint8)


def has(spot: Spot, across: float, down: float) -> bool:
    return spot.left <= across <= spot.right and spot.top <= down <= spot.bottom


def test_the_product_is_found_where_it_is() -> None:
    pixels = canvas()
    pixels[128:384, 96:288] = 90
    assert find_product(pixels) == pytest.approx((0.25, 0.25, 0.75, 0.75), abs=0.02)
    assert find_product(canvas()) is None


def test_a_grey_corner_is_the_worst_of_a_background_and_the_product_is_not() -> None:
    pixels = canvas()
    pixels[150:350, 100:280] = 40
    pixels[470:, 340:] = 225
    assert has(find_spot(pixels, "background"), 0.94, 0.96)


def test_a_product_that_leaves_the_frame_is_looked_at_there() -> None:
    pixels = canvas()
    pixels[200:300, 150:] = 60
    spot = find_spot(pixels, "edge")
    assert spot.right == 1.0
    assert has(spot, 0.99, 0.49)


def test_fine_detail_is_where_sharpness_can_be_judged() -> None:
    pixels = canvas()
    pixels[100:400, 60:320] = 120
    pixels[300:360:4, 80:140] = 20
    assert has(find_spot(pixels, "detail"), 0.29, 0.64)


@pytest.mark.parametrize("look", ["background", "edge", "detail"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (64, 64)])
def test_every_image_has_a_spot_within_its_frame(look: Look, shape: tuple[int, int]) -> None:
    for level in (0, 128, WHITE):
        spot = find_spot(np.full((*shape, 3), level, np.uint8), look)
        assert 0 <= spot.left < spot.right <= 1
        assert 0 <= spot.top < spot.bottom <= 1
        assert spot.right - spot.left == pytest.approx(SPOT_SHARE)
