"""A refined cut-out has a soft edge in the product's own colours, and its opaque pixels are the photo's."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.cutout import refinement
from infra.cutout.refinement import keep_cutout, refine_cutout
from infra.interfaces import AlphaMask, Cutout, Photo
from tests.infra.cutout.drawn_products import GREEN, RED, disc, iou, photo_of, ring


def refined(photo: Photo, mask: AlphaMask) -> Cutout:
    return refine_cutout(photo, mask, "drawn", "7")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 90), st.integers(1, 90))
def test_opaque_pixels_are_the_photos_own_and_transparent_ones_are_empty(seed: int, height: int, width: int) -> None:
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (height, width, 3), np.uint8)
    noise = generator.integers(0, 256, (max(1, height // 9), max(1, width // 9)), np.uint8)
    mask = np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    cutout = refined(Photo(pixels, None, ""), mask)
    assert cutout.alpha.shape == (height, width)
    assert np.array_equal(cutout.pixels[cutout.alpha == 255], pixels[cutout.alpha == 255])
    assert not cutout.pixels[cutout.alpha == 0].any()


def test_the_cutter_is_named() -> None:
    cutout = refined(photo_of(disc()), disc())
    assert (cutout.cutter, cutout.version) == ("drawn", "7")


@pytest.mark.parametrize("shift", [-2, -1, 0, 1, 2])
def test_a_mask_that_misses_the_outline_by_pixels_is_put_right(shift: int) -> None:
    exact = disc(512)
    rough = disc(512, 0.3 + shift / 512)
    alpha = refined(photo_of(exact, GREEN), rough).alpha
    assert iou(alpha, exact) > 0.995
    assert np.abs(alpha.astype(int) - exact).mean() < 0.15, "grey levels of opacity over the frame"


def test_no_halo_of_the_old_ground_comes_along() -> None:
    exact = disc(512)
    photo = photo_of(exact, GREEN, RED)
    cutout = refined(photo, exact)
    soft = (cutout.alpha > 25) & (cutout.alpha < 230)
    assert soft.sum() > 300
    halo = np.abs(photo.pixels[soft].astype(int) - RED).mean()
    assert np.abs(cutout.pixels[soft].astype(int) - RED).mean() < 0.1 * halo


def test_over_another_ground_the_product_looks_as_if_it_had_been_taken_there() -> None:
    exact, blue = ring(512), (30, 60, 200)
    cutout = refined(photo_of(exact, (255, 255, 255), RED), exact)
    share = (cutout.alpha / 255)[..., None]
    composite = cutout.pixels * share + np.array(blue) * (1 - share)
    assert np.abs(composite - photo_of(exact, blue, RED).pixels).max() < 12


def test_where_product_and_ground_are_alike_the_mask_decides() -> None:
    exact = disc()
    alpha = refined(photo_of(exact, (250, 250, 250), (252, 252, 252)), exact).alpha
    assert iou(alpha, exact) > 0.99


def test_a_product_cut_by_the_frame_stays_opaque_there() -> None:
    exact = disc(256, 0.4, (0.5, 0.8))
    alpha = refined(photo_of(exact), exact).alpha
    assert (alpha[-1, 90:160] == 255).all()


def test_tiles_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = ring(700)
    photo = photo_of(exact, GREEN, noise=3.0)
    monkeypatch.setattr(refinement, "_MIN_TILE", 10_000)
    whole = refined(photo, exact)
    monkeypatch.setattr(refinement, "_MIN_TILE", 61)
    tiles = refined(photo, exact)
    assert np.abs(tiles.alpha.astype(int) - whole.alpha).max() <= 1
    alike = (tiles.alpha > 40) & (whole.alpha > 40)
    assert np.abs(tiles.pixels[alike].astype(int) - whole.pixels[alike]).max() <= 2


@pytest.mark.parametrize("level", [0, 255])
def test_an_empty_mask_and_a_full_one_stay_so(level: int) -> None:
    photo = photo_of(disc())
    cutout = refined(photo, np.full((256, 256), level, np.uint8))
    assert (cutout.alpha == level).all()
    assert np.array_equal(cutout.pixels, photo.pixels * (level > 0))


def test_a_mask_that_came_with_the_photo_is_kept_as_it_came() -> None:
    photo = photo_of(disc(), GREEN, alpha=disc())
    cutout = keep_cutout(photo, disc(), "file-alpha", "1")
    assert np.array_equal(cutout.alpha, disc())
    assert np.array_equal(cutout.pixels[disc() > 0], photo.pixels[disc() > 0])
    assert not cutout.pixels[disc() == 0].any()
