"""A thumbnail is the same picture, small, and damaged bytes never pass for one."""

import cv2
import numpy as np
import pytest

from infra.errors import InvalidImage
from infra.imaging.codecs import decode, encode_png
from infra.imaging.thumbnails import make_thumbnail
from infra.interfaces import Pixels


def halves(height: int, width: int) -> Pixels:
    """Red on the left, blue on the right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = 255
    pixels[:, width // 2 :, 2] = 255
    return pixels


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (1024, 1024, (256, 256)),
        (1024, 768, (256, 192)),
        (300, 1200, (64, 256)),
        (100, 80, (100, 80)),
        (2, 2000, (1, 256)),
    ],
)
def test_the_longer_side_shrinks_to_the_limit_and_nothing_grows(
    height: int, width: int, expected: tuple[int, int]
) -> None:
    assert decode(make_thumbnail(encode_png(halves(height, width)), 256)).shape == (*expected, 3)


def test_colours_and_sides_stay_where_they_were() -> None:
    small = decode(make_thumbnail(encode_png(halves(512, 512)), 128)).astype(int)
    assert (small[:, :56] - np.array([254, 0, 0])).__abs__().max() <= 6
    assert (small[:, 72:] - np.array([0, 0, 254])).__abs__().max() <= 6


def test_a_fine_pattern_turns_to_grey_instead_of_moire() -> None:
    board = np.indices((1024, 1024)).sum(axis=0) % 2 * 255
    pixels = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    small = decode(make_thumbnail(encode_png(pixels), 256))
    assert abs(float(small.mean()) - 127.5) < 2
    assert float(small.std()) < 2


def test_the_original_s_metadata_stays_behind() -> None:
    jpeg = cv2.imencode(".jpg", halves(400, 400))[1].tobytes()
    secret = b"where and by whom"
    marked = jpeg[:2] + b"\xff\xfe" + (len(secret) + 2).to_bytes(2, "big") + secret + jpeg[2:]
    assert secret not in make_thumbnail(marked, 200)


@pytest.mark.parametrize("data", [b"", b"<svg onload=alert(1)>", b"\xff\xd8\xff cut short"])
def test_bytes_that_are_no_picture_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidImage):
        make_thumbnail(data, 256)
