"""The digest of the core moves with any of its pixels, its place and its size, and with nothing else."""

import hashlib
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.compositing.composite import compose, white_ground
from infra.compositing.core_digest import CoreProof, KeptDiffers, core_digest, prove
from infra.compositing.placed_product import PlacedProduct
from infra.imaging.codecs import decode, encode_png
from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters, Pixels
from infra.interfaces.cutouts import Cutout
from tests.fixtures.placed_cutouts import drawn_cutout, random_cutouts


def product(seed: int = 1) -> PlacedProduct:
    cutout = drawn_cutout(seed, 90, 120)
    return PlacedProduct(cutout.pixels, cutout.alpha)


def staged(placed: PlacedProduct) -> Pixels:
    return compose(white_ground(placed.alpha.shape[1], placed.alpha.shape[0]), placed)


def digest(placed: PlacedProduct, pixels: Pixels) -> CoreProof:
    return core_digest(pixels, placed.alpha)


def attacks(pixels: Pixels) -> dict[str, Pixels]:
    """Return a staged image changed in every way that an image passes through by mistake or on purpose."""
    one = pixels.copy()
    one[60, 45, 2] ^= 1
    smooth = cv2.GaussianBlur(pixels, (3, 3), 0.6)
    return {
        "one bit of one pixel": one,
        "a shift by one to the right": np.roll(pixels, 1, axis=1),
        "a shift by one down": np.roll(pixels, 1, axis=0),
        "a JPEG of quality 100": decode(finish(pixels, FinishParameters(quality=100))),
        "one level brighter": np.minimum(pixels.astype(int) + 1, 255).astype(np.uint8),
        "warmer": np.clip(pixels * np.array([1.02, 1.0, 0.98]), 0, 255).astype(np.uint8),
        "mirrored": np.ascontiguousarray(pixels[:, ::-1]),
        "blue for red": np.ascontiguousarray(pixels[..., ::-1]),
        "smoothed": np.asarray(smooth, np.uint8),
        "reduced and enlarged": np.asarray(cv2.resize(cv2.resize(pixels, (45, 60)), (90, 120)), np.uint8),
        "another product's image": staged(product(2)),
        "all white": white_ground(90, 120),
    }


@pytest.mark.parametrize("name", attacks(staged(product())))
def test_an_image_that_was_changed_is_found(name: str) -> None:
    placed = product()
    changed = attacks(staged(placed))[name]
    found = prove(placed, changed)
    assert isinstance(found, KeptDiffers)
    assert found.reason == "core.pixels-differ"
    assert found.count > 0
    assert placed.alpha[found.top, found.left] == 255
    assert (placed.pixels[found.top, found.left] != changed[found.top, found.left]).any()
    assert digest(placed, changed).sha256 != digest(placed, placed.pixels).sha256


def test_the_first_pixel_is_named_row_by_row_with_the_count_of_all() -> None:
    placed = product()
    changed = staged(placed)
    for top, left in ((70, 30), (60, 50), (60, 45)):
        changed[top, left] ^= 255
    assert prove(placed, changed) == KeptDiffers("core.pixels-differ", 3, 45, 60)


def test_the_staged_png_keeps_the_core_whatever_the_ground_and_the_edge_are() -> None:
    placed = product()
    for ground in (white_ground(90, 120), np.random.default_rng(3).integers(0, 256, (120, 90, 3), dtype=np.uint8)):
        read = decode(encode_png(compose(ground, placed, np.full((120, 90), 99, np.uint8))))
        assert prove(placed, read) is None
        assert digest(placed, read) == digest(placed, placed.pixels)


def test_what_is_outside_of_the_core_has_no_influence() -> None:
    placed = product()
    changed = staged(placed)
    changed[placed.alpha < 255] = 7
    assert prove(placed, changed) is None
    assert digest(placed, changed) == digest(placed, placed.pixels)


def test_an_alpha_of_254_at_one_core_pixel_is_another_core() -> None:
    placed = product()
    alpha = placed.alpha.copy()
    alpha[60, 45] = 254
    softer, proof = core_digest(placed.pixels, alpha), core_digest(placed.pixels, placed.alpha)
    assert (softer.pixels, softer.product_pixels) == (proof.pixels - 1, proof.product_pixels)
    assert softer.sha256 != proof.sha256


def test_the_same_core_elsewhere_on_the_canvas_or_on_a_larger_one_is_another() -> None:
    placed = product()
    seen = {core_digest(placed.pixels, placed.alpha).sha256}
    for shift, padding in (((1, 0), 0), ((0, 1), 0), ((0, 0), 1)):
        pixels = np.pad(np.roll(placed.pixels, shift, (0, 1)), ((0, padding), (0, 0), (0, 0)))
        alpha = np.pad(np.roll(placed.alpha, shift, (0, 1)), ((0, padding), (0, 0)))
        seen.add(core_digest(pixels, alpha).sha256)
    assert len(seen) == 4


def test_the_digest_is_of_size_coordinates_and_colours_written_out() -> None:
    pixels = np.arange(2 * 5 * 3, dtype=np.uint8).reshape(2, 5, 3)
    alpha = np.array([[0, 255, 254, 0, 255], [255, 0, 0, 1, 0]], np.uint8)
    bits = int("0100110000", 2) << 6
    colours = bytes([3, 4, 5, 12, 13, 14, 15, 16, 17])
    wanted = hashlib.sha256(b"core-1\n2x5\n" + struct.pack(">H", bits) + colours).hexdigest()
    assert core_digest(pixels, alpha) == CoreProof(wanted, 3, 5)
    assert core_digest(pixels, alpha).share == pytest.approx(0.6)


def test_another_size_differs_and_names_no_pixel() -> None:
    placed = product()
    assert prove(placed, staged(placed)[:-1]) == KeptDiffers("core.size-differs", 0, 0, 0)
    assert prove(placed, staged(placed).astype(np.uint16)) == KeptDiffers("core.size-differs", 0, 0, 0)


def test_a_product_without_an_opaque_pixel_is_proven_by_nothing() -> None:
    placed = product()
    glass = PlacedProduct(placed.pixels, np.minimum(placed.alpha, 254))
    assert prove(glass, staged(glass)) == KeptDiffers("core.empty", 0, 0, 0)
    assert core_digest(glass.pixels, glass.alpha).share == 0
    assert core_digest(glass.pixels, np.zeros_like(glass.alpha)).share == 0


@settings(deadline=None)
@given(cutout=random_cutouts(16), ground=st.integers(0, 1 << 32), data=st.data())
def test_one_changed_pixel_is_found_exactly_when_it_is_in_the_core(
    cutout: Cutout, ground: int, data: st.DataObject
) -> None:
    placed = PlacedProduct(cutout.pixels, cutout.alpha)
    below = np.random.default_rng(ground).integers(0, 256, cutout.pixels.shape, dtype=np.uint8)
    image = compose(below, placed)
    core = cutout.alpha == 255
    if not core.any():
        assert prove(placed, image) == KeptDiffers("core.empty", 0, 0, 0)
        return
    assert prove(placed, image) is None
    top = data.draw(st.integers(0, core.shape[0] - 1))
    left = data.draw(st.integers(0, core.shape[1] - 1))
    image[top, left, data.draw(st.integers(0, 2))] ^= data.draw(st.integers(1, 255))
    wanted = KeptDiffers("core.pixels-differ", 1, left, top) if core[top, left] else None
    assert prove(placed, image) == wanted
    assert (core_digest(image, cutout.alpha) == core_digest(cutout.pixels, cutout.alpha)) is (wanted is None)
