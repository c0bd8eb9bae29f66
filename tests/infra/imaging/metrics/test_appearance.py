"""What a product looks like does not depend on where it lies, how large it is, or how it was encoded."""

import cv2
import numpy as np
import pytest

from infra.engines.stub.stub_backend import StubBackend
from infra.imaging.metrics.appearance import Appearance, measure_appearance
from infra.imaging.metrics.pdq import hamming_distance, pdq
from infra.interfaces import Frame, Pixels, Prompt

SIDE = 512
NEAR, FAR = 31, 60


def card(number: int = 1, text: str = "Camping Mug, red enamel") -> Pixels:
    [frame] = StubBackend().generate_batch([Prompt("a", text, number, SIDE, SIDE)])
    assert isinstance(frame, Frame)
    return frame.pixels


def seen(pixels: Pixels) -> Appearance:
    found = measure_appearance(pixels)
    assert found is not None
    return found


def moved(pixels: Pixels, scale: float, across: int = 0, down: int = 0) -> Pixels:
    matrix = np.array([[scale, 0, SIDE * (1 - scale) / 2 + across], [0, scale, SIDE * (1 - scale) / 2 + down]])
    return np.asarray(
        cv2.warpAffine(pixels, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA, borderValue=(255, 255, 255)), np.uint8
    )


@pytest.mark.parametrize("number", range(6))
def test_a_moved_and_a_scaled_copy_is_found_by_its_product_where_its_frame_is_another(number: int) -> None:
    pixels = card(number)
    for copy in (moved(pixels, 1, 14, -10), moved(pixels, 0.85)):
        assert hamming_distance(pdq(pixels)[0], pdq(copy)[0]) > NEAR
        assert hamming_distance(seen(pixels).crop_fingerprint, seen(copy).crop_fingerprint) <= NEAR


def test_another_product_is_another() -> None:
    crops = [seen(card(number)).crop_fingerprint for number in range(8)]
    assert min(hamming_distance(one, other) for one in crops for other in crops if one != other) > FAR


def test_encoding_and_noise_hardly_move_code_and_colour() -> None:
    pixels = card()
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 70])
    encoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1], np.uint8)
    noise = np.random.default_rng(1).normal(0, 4, pixels.shape)
    noisy = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    for copy in (encoded, noisy):
        assert hamming_distance(seen(pixels).crop_fingerprint, seen(copy).crop_fingerprint) <= NEAR
        assert np.linalg.norm(np.subtract(seen(pixels).colour, seen(copy).colour)) < 3


def disc(colour: tuple[int, int, int], radius: int = 150) -> Pixels:
    return np.asarray(
        cv2.circle(np.full((SIDE, SIDE, 3), 255, np.uint8), (SIDE // 2, SIDE // 2), radius, colour, -1, cv2.LINE_AA),
        np.uint8,
    )


def test_the_colour_is_the_products_and_not_the_grounds() -> None:
    red, blue = seen(disc((200, 30, 30))), seen(disc((30, 30, 200)))
    lightness, green_red, blue_yellow = red.colour
    assert (lightness, green_red, blue_yellow) == (
        pytest.approx(43, abs=4),
        pytest.approx(63, abs=5),
        pytest.approx(45, abs=6),
    )
    assert np.linalg.norm(np.subtract(red.colour, blue.colour)) > 100
    assert np.linalg.norm(np.subtract(red.colour, seen(disc((200, 30, 30), 80)).colour)) < 4


def test_the_extent_is_the_products_long_side_over_the_frames() -> None:
    assert seen(disc((20, 20, 20), 64)).extent == pytest.approx(128 / SIDE, abs=0.02)
    tall = np.full((SIDE, SIDE // 2, 3), 255, np.uint8)
    tall[56:456, 100:140] = 40
    assert seen(tall).extent == pytest.approx(400 / SIDE, abs=0.02)


def test_a_speck_is_no_product_unless_there_is_nothing_else() -> None:
    speck = np.full((SIDE, SIDE, 3), 255, np.uint8)
    speck[4:8, 4:8] = 0
    with_speck = disc((20, 20, 20), 64)
    with_speck[4:8, 4:8] = 0
    assert seen(with_speck).extent == seen(disc((20, 20, 20), 64)).extent
    assert seen(speck).extent == pytest.approx(4 / SIDE, abs=0.02)


def test_a_blank_picture_shows_nothing_and_a_plain_one_has_no_code() -> None:
    assert measure_appearance(np.full((SIDE, SIDE, 3), 255, np.uint8)) is None
    plain = np.full((SIDE, SIDE, 3), 255, np.uint8)
    plain[100:400, 100:400] = 128
    assert seen(plain).crop_fingerprint == b""


@pytest.mark.parametrize("size", [(3, 3), (1, 200), (200, 1), (64, 4096)])
def test_no_size_is_too_small_or_too_odd(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (*size, 3), np.uint8)
    found = measure_appearance(pixels)
    assert found is None or len(found.crop_fingerprint) in (0, 32)
