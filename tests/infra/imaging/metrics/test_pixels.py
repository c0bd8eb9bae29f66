"""What the pixel metrics tell apart, and what must not move them."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.imaging.metrics.pixels import measure_pixels
from tests.fixtures.product_images import flat_image, product_image

NAMES = {
    "blank.range",
    "blank.foreground",
    "black.mean",
    "black.deviation",
    "blur.foreground",
    "noise.foreground",
    "size.width",
    "size.height",
    "exposure.mean",
    "exposure.clipped",
    "exposure.crushed",
    "fill.side",
    "centre.off",
    "edges.touched",
    "parts.count",
    "frame.step",
    "collage.halves",
    "collage.line",
    "mask.confidence",
}


def blur_of(size: int, blur: float, noise: float = 0.0) -> list[float]:
    return [measure_pixels(product_image(seed, size, blur=blur, noise=noise))["blur.foreground"] for seed in range(6)]


def test_the_names_are_these_and_all_values_are_numbers() -> None:
    measured = measure_pixels(product_image(0, 256))
    assert set(measured) == NAMES
    assert all(type(value) is float and np.isfinite(value) for value in measured.values())


@pytest.mark.parametrize("size", [256, 512, 1024])
def test_sharp_soft_and_blurred_products_fall_on_either_side_of_4_and_7_at_every_size(size: int) -> None:
    assert min(blur_of(size, 0)) >= 7
    soft = blur_of(size, 1)
    assert 4 <= min(soft) <= max(soft) < 7
    assert max(blur_of(size, 2)) < 4


@pytest.mark.parametrize("size", [256, 1024])
def test_noise_does_not_make_a_blurred_product_sharp_nor_a_sharp_one_blurred(size: int) -> None:
    assert max(blur_of(size, 2, noise=5)) < 4
    assert max(blur_of(size, 4, noise=5)) < 4
    assert min(blur_of(size, 0, noise=5)) >= 7


def test_contrast_does_not_move_the_blur_figure() -> None:
    strong = product_image(4, 512)
    weak = np.asarray(253 - (253 - strong.astype(np.int16)) // 4, np.uint8)
    one, other = measure_pixels(strong)["blur.foreground"], measure_pixels(weak)["blur.foreground"]
    assert other == pytest.approx(one, rel=0.1)


def test_the_blur_figure_is_ten_over_the_edge_width_squared() -> None:
    step = np.zeros((400, 400), np.float32)
    step[:, 200:] = 200
    for sigma in (1.0, 2.0, 3.0):
        grey = np.asarray(np.round(cv2.GaussianBlur(step, (0, 0), sigma)), np.uint8)
        measured = measure_pixels(cv2.merge((grey, grey, grey)))["blur.foreground"]
        assert measured == pytest.approx(10 / (sigma**2 + 1), rel=0.12), sigma


def test_noise_is_read_in_grey_levels() -> None:
    # Equal noise on three channels leaves sqrt(.299^2 + .587^2 + .114^2) = .67 of it in the grey.
    quiet = measure_pixels(product_image(2, 512))["noise.foreground"]
    loud = measure_pixels(product_image(2, 512, noise=9))["noise.foreground"]
    assert quiet < 1
    assert loud == pytest.approx(9 * 0.67, rel=0.1)


def test_fine_print_is_not_read_as_noise() -> None:
    checks = np.kron(np.indices((32, 32)).sum(axis=0) % 2, np.ones((4, 4))).astype(np.uint8)
    picture = flat_image(256, 253)
    picture[64:192, 64:192] = (60 + 120 * checks)[..., None]
    measured = measure_pixels(picture)
    assert measured["noise.foreground"] < 1
    assert measured["blur.foreground"] >= 7


def test_a_blank_picture_has_no_range_no_foreground_and_no_sharpness() -> None:
    measured = measure_pixels(flat_image(256, 253))
    assert measured["blank.range"] == 0
    assert measured["blank.foreground"] == 0
    assert measured["blur.foreground"] == 0


def test_a_black_picture_is_black_and_a_product_is_not() -> None:
    black = measure_pixels(flat_image(256, 1))
    assert (black["black.mean"], black["black.deviation"]) == (1, 0)
    good = measure_pixels(product_image(0, 256))
    assert good["black.mean"] > 100
    assert good["black.deviation"] > 20


def test_foreground_is_the_share_of_the_frame_that_the_product_fills() -> None:
    picture = flat_image(512, 252)
    picture[128:384, 128:384] = (20, 90, 160)
    assert measure_pixels(picture)["blank.foreground"] == pytest.approx(0.25, abs=0.01)
    assert measure_pixels(picture)["blank.range"] > 150


def test_a_thin_chain_is_foreground() -> None:
    picture = flat_image(1024, 253)
    cv2.ellipse(picture, (512, 512), (300, 400), 0, 0, 360, (90, 80, 20), 8, cv2.LINE_AA)
    assert measure_pixels(picture)["blank.foreground"] > 0.01


def test_size_is_the_pictures_own_also_where_it_is_reduced_for_measuring() -> None:
    measured = measure_pixels(np.full((1200, 2000, 3), 255, np.uint8))
    assert (measured["size.width"], measured["size.height"]) == (2000, 1200)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_every_size_of_noise_gives_finite_numbers(height: int, width: int, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    measured = measure_pixels(picture)
    assert all(np.isfinite(value) for value in measured.values())
    assert 0 <= measured["blank.foreground"] <= 1


@pytest.mark.parametrize("form", [(16, 4000), (4000, 16), (1, 9000), (9000, 1), (1, 1), (2, 2), (1, 2)])
def test_strips_and_single_pixels_are_measured(form: tuple[int, int]) -> None:
    for value in (0, 255):
        measured = measure_pixels(np.full((*form, 3), value, np.uint8))
        assert (measured["size.height"], measured["size.width"]) == form
        assert all(np.isfinite(number) for number in measured.values())
