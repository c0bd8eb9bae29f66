"""Our PDQ against the reference implementation."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.imaging.metrics.pdq import LONG_SIDE, hamming_distance, pdq
from infra.interfaces import Pixels
from tests.fixtures.product_images import flat_image, product_image

pdqhash = pytest.importorskip("pdqhash", reason="pdqhash is not installed: it is built by a C++ compiler")


def reference(pixels: Pixels) -> tuple[bytes, float]:
    height, width = pixels.shape[:2]
    scale = LONG_SIDE / max(height, width)
    if scale < 1:
        size = (round(width * scale), round(height * scale))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    bits, quality = pdqhash.compute(pixels)
    return np.packbits(bits).tobytes(), float(quality)


def pictures() -> list[Pixels]:
    made = [product_image(seed, size, noise=seed % 3 * 4.0) for seed in range(8) for size in (64, 256, 512, 1024)]
    return made + [picture[: picture.shape[0] * 2 // 3, picture.shape[1] // 5 :] for picture in made]


def test_codes_and_qualities_are_those_of_the_reference_implementation() -> None:
    apart, quality_apart = [], []
    for picture in pictures():
        (ours, quality), (theirs, their_quality) = pdq(picture), reference(picture)
        apart.append(hamming_distance(ours, theirs))
        quality_apart.append(abs(quality - their_quality))
    assert len(apart) == 64
    assert np.mean(np.array(apart) <= 2) >= 0.9
    assert max(apart) <= 10
    assert max(quality_apart) <= 2


def test_noise_pictures_of_odd_shapes_agree_with_the_reference() -> None:
    rng = np.random.default_rng(5)
    for height, width in [(64, 64), (65, 127), (300, 200), (511, 129), (128, 900)]:
        picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        assert hamming_distance(pdq(picture)[0], reference(picture)[0]) <= 10, (height, width)


def test_a_code_is_32_bytes_of_which_half_the_bits_are_set() -> None:
    code, quality = pdq(product_image(1, 256))
    assert len(code) == 32
    assert int.from_bytes(code, "big").bit_count() == 128
    assert quality > 30


def test_recompression_moves_few_bits_and_another_product_many() -> None:
    first, other = product_image(1, 512), product_image(2, 512)
    _, packed = cv2.imencode(".jpg", first, (cv2.IMWRITE_JPEG_QUALITY, 70))
    again = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    assert hamming_distance(pdq(first)[0], pdq(again)[0]) <= 8
    assert hamming_distance(pdq(first)[0], pdq(other)[0]) > 40


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_blank_picture_has_quality_zero(grey: int) -> None:
    assert pdq(flat_image(100, grey))[1] == 0.0


def test_distance_counts_differing_bits() -> None:
    assert hamming_distance(bytes(32), bytes(32)) == 0
    assert hamming_distance(bytes(32), b"\xff" * 32) == 256
    assert hamming_distance(bytes(31) + b"\x01", bytes(31) + b"\x06") == 3


@settings(max_examples=60, deadline=None)
@given(st.integers(16, 700), st.integers(16, 700), st.integers(0, 2**32 - 1))
def test_every_size_has_a_code_and_the_same_one_each_time(height: int, width: int, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    code, quality = pdq(picture)
    assert len(code) == 32
    assert 0 <= quality <= 100
    assert pdq(np.asfortranarray(picture)) == (code, quality)


def test_a_strip_and_a_huge_picture_have_codes() -> None:
    assert len(pdq(np.zeros((16, 4000, 3), np.uint8))[0]) == 32
    assert len(pdq(np.zeros((2500, 2500, 3), np.uint8))[0]) == 32
