"""Expansion is the share that was added, and a seam is what runs along the outline beyond the scene's own texture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from infra.compositing.scene_scores import SEAM_BAND, SeamGradient, object_expansion, seam_gradient
from infra.interfaces import Pixels
from infra.interfaces.cutouts import AlphaMask
from tests.fixtures.kept_regions import kept_region

SIDE = 256
ALPHA = kept_region(SIDE, SIDE, 0.5).alpha
MASKS = npst.arrays(np.uint8, (9, 7), elements=st.sampled_from([0, 90, 127, 128, 200, 255]))


def square(left: int, width: int) -> AlphaMask:
    mask = np.zeros((40, 40), np.uint8)
    mask[10:20, left : left + width] = 255
    return mask


def rim(reach: int, level: int = 255, ground: int = 100) -> Pixels:
    """Return a flat ground with a rim of another level `reach` pixels wide around the product."""
    grown = kept_region(SIDE, SIDE, 0.5 + 2 * reach / SIDE).alpha > 0
    pixels = np.full((SIDE, SIDE, 3), ground, np.uint8)
    pixels[grown] = level
    return pixels


def test_expansion_counts_what_was_added_and_not_what_was_lost() -> None:
    placed = square(10, 10)
    assert object_expansion(placed, placed) == 0
    assert object_expansion(placed, square(10, 13)) == pytest.approx(0.3)
    assert object_expansion(placed, square(10, 6)) == 0
    assert object_expansion(placed, square(15, 10)) == pytest.approx(0.5)
    assert object_expansion(placed, square(30, 10)) == pytest.approx(1.0)
    assert object_expansion(placed, np.full((40, 40), 127, np.uint8)) == 0, "less than half is no product"


@given(placed=MASKS, recut=MASKS)
def test_expansion_is_the_formula_of_the_union(placed: AlphaMask, recut: AlphaMask) -> None:
    inside = placed >= 128
    if not inside.any():
        with pytest.raises(ValueError, match="placed mask is empty"):
            object_expansion(placed, recut)
        return
    union = np.count_nonzero(inside | (recut >= 128))
    assert object_expansion(placed, recut) == pytest.approx((union - inside.sum()) / inside.sum())


def test_masks_and_pixels_of_two_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(40, 40\) and a new one of \(40, 41\)"):
        object_expansion(square(1, 2), np.zeros((40, 41), np.uint8))
    with pytest.raises(ValueError, match=r"Pixels of \(40, 41, 3\)"):
        seam_gradient(np.zeros((40, 41, 3), np.uint8), square(1, 2))


def test_a_rim_along_the_outline_is_a_seam_as_strong_as_its_step() -> None:
    flat = seam_gradient(np.full((SIDE, SIDE, 3), 90, np.uint8), ALPHA)
    assert (flat.near, flat.far, flat.excess) == (0, 0, 0)
    weak, strong = (seam_gradient(rim(8, level), ALPHA) for level in (130, 160))
    # A step of 30 levels within a band of 14 pixels is 30 / 14 a pixel, of 60 twice that.
    assert weak.near == pytest.approx(30 / 14, rel=0.15)
    assert strong.near == pytest.approx(2 * weak.near, rel=0.01)
    assert weak.far == 0
    assert strong.excess == strong.near


def test_a_rim_farther_away_is_the_scenes_and_no_seam() -> None:
    found = seam_gradient(rim(SEAM_BAND + 10), ALPHA)
    assert found.near == 0
    assert found.far > 1
    assert found.excess == 0


def test_texture_that_runs_everywhere_is_no_seam_and_the_products_own_edge_is_none() -> None:
    generator = np.random.default_rng(5)
    noise = np.repeat(generator.integers(60, 200, (SIDE, SIDE, 1), np.uint8), 3, axis=2)
    textured = seam_gradient(noise, ALPHA)
    assert textured.near > 5
    assert textured.excess < 0.05 * textured.near
    product = np.full((SIDE, SIDE, 3), 90, np.uint8)
    product[ALPHA > 0] = 255
    assert seam_gradient(product, ALPHA).near < 0.1


def test_only_what_runs_along_the_outline_counts() -> None:
    # Rays leave the outline at right angles: their luma changes across the normal and not along it.
    down, right = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    rays = np.uint8(127 + 100 * np.sign(np.sin(8 * np.arctan2(down, right))))
    across = seam_gradient(np.repeat(rays[..., None], 3, axis=2), ALPHA)
    rings = np.uint8(127 + 100 * np.sign(np.sin(np.hypot(down, right) / 3)))
    along = seam_gradient(np.repeat(rings[..., None], 3, axis=2), ALPHA)
    assert along.near > 8 * across.near


def test_a_frame_that_is_all_product_or_none_has_no_seam() -> None:
    pixels = rim(8)
    for mask in (np.zeros_like(ALPHA), np.full_like(ALPHA, 255)):
        assert seam_gradient(pixels, mask) == SeamGradient(0.0, 0.0)


def test_the_same_image_gives_the_same_number_mirrored_or_not() -> None:
    pixels = rim(6)
    mirrored = seam_gradient(np.ascontiguousarray(pixels[:, ::-1]), np.ascontiguousarray(ALPHA[:, ::-1]))
    assert mirrored.near == pytest.approx(seam_gradient(pixels, ALPHA).near, rel=1e-3)
