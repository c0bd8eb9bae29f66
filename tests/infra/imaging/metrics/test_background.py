"""What a product stands on, read off the border ring alone."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.imaging.metrics.background import measure_background
from tests.fixtures.product_images import flat_image, noisy


def test_the_background_is_white_only_where_the_ring_is() -> None:
    def white() -> float:
        return measure_background(picture)["background.white"]

    picture = flat_image(500, 255)
    assert white() == 1
    picture[:, :250] = 249
    assert white() == pytest.approx(0.5, abs=0.02)
    picture[:] = 255
    picture[50:450, 50:450] = 0
    assert white() == 1
    picture[..., 2] = 200
    assert white() == 0


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_grey_has_no_cast_and_a_plain_ground_no_deviation(grey: int) -> None:
    measured = measure_background(flat_image(256, grey))
    assert measured["background.cast"] == pytest.approx(0, abs=0.02)
    assert measured["background.deviation"] == 0


def chroma(colour: tuple[int, int, int]) -> float:
    """Return the distance from grey in CIE Lab (sRGB, D65), by the book."""
    share = np.array(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    matrix = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    x, y, z = np.cbrt(np.array(matrix) @ linear / [0.95047, 1.0, 1.08883])
    return float(np.hypot(500 * (x - y), 200 * (y - z)))


@pytest.mark.parametrize("colour", [(254, 250, 238), (240, 246, 254), (250, 240, 246)])
def test_a_cast_is_read_in_units_of_lab(colour: tuple[int, int, int]) -> None:
    measured = measure_background(np.full((64, 64, 3), colour, np.uint8))["background.cast"]
    assert measured == pytest.approx(chroma(colour), abs=0.3)
    assert 4 < measured < 7


def test_the_deviation_is_in_grey_levels() -> None:
    assert measure_background(noisy(flat_image(512, 200), 6))["background.deviation"] == pytest.approx(6, abs=0.3)
    slope = np.linspace(220, 250, 512).astype(np.uint8)
    picture = cv2.merge([np.tile(slope, (512, 1))] * 3)
    assert measure_background(picture)["background.deviation"] > 8


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 2**32 - 1))
def test_every_form_of_noise_gives_finite_numbers(height: int, width: int, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    measured = measure_background(picture)
    assert all(type(value) is float and np.isfinite(value) for value in measured.values())
    assert 0 <= measured["background.white"] <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (2, 40)])
def test_a_picture_of_a_few_pixels_is_all_ring_and_each_counts_once(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 255, np.uint8)
    picture[0, 0] = 0
    assert measure_background(picture)["background.white"] == pytest.approx(1 - 1 / (size[0] * size[1]))
