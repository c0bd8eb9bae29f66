"""PNG keeps every bit, nothing half-read passes for an image, and the sha names pixels."""

import time
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import InvalidImage
from infra.imaging.codecs import decode, encode_grey_png, encode_png, pixel_sha, read_software
from infra.interfaces import Pixels
from tests.fixtures.hostile_images import raw_png


def picture(height: int, width: int, seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 1000))
def test_a_png_gives_back_every_pixel_in_rgb(height: int, width: int, seed: int) -> None:
    pixels = picture(height, width, seed)
    again = decode(encode_png(pixels))
    assert again.dtype == np.uint8
    assert np.array_equal(again, pixels)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 1000))
def test_a_grey_png_gives_back_every_value_of_its_plane(height: int, width: int, seed: int) -> None:
    plane = picture(height, width, seed)[..., 0]
    data = np.frombuffer(encode_grey_png(plane), np.uint8)
    again = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert again is not None
    assert again.shape == (height, width)
    assert np.array_equal(again, plane)


@pytest.mark.parametrize("plane", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4)), np.zeros((0, 4), np.uint8)])
def test_what_is_no_plane_of_bytes_is_refused(plane: np.ndarray) -> None:
    with pytest.raises(InvalidImage, match="A plane must be a uint8 array"):
        encode_grey_png(plane)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_a_png_says_what_made_it_and_keeps_its_pixels(name: str) -> None:
    pixels = picture(7, 5, 1)
    data = encode_png(pixels, name)
    assert read_software(data) == name
    assert np.array_equal(decode(data), pixels)
    assert encode_png(pixels, "") == encode_png(pixels)


@pytest.mark.parametrize("name", ["x" * 41, "a\x1b[31m", "a\nb"])
def test_a_png_whose_word_is_no_name_says_nothing(name: str) -> None:
    assert read_software(encode_png(picture(4, 4, 1), name)) == ""


def test_another_programs_png_and_what_is_none_say_nothing() -> None:
    assert read_software(cv2.imencode(".png", picture(4, 4, 1))[1].tobytes()) == ""
    assert [read_software(data) for data in (b"", b"half an ima", b"\0" * 60)] == ["", "", ""]


def test_red_stays_red_through_png_and_jpeg() -> None:
    red = np.zeros((32, 48, 3), np.uint8)
    red[..., 0] = 255
    assert decode(encode_png(red))[0, 0].tolist() == [255, 0, 0]
    jpeg = cv2.imencode(".jpg", red[..., ::-1])[1].tobytes()
    assert decode(jpeg).shape == (32, 48, 3)
    assert decode(jpeg)[0, 0, 0] > 250
    assert decode(jpeg)[0, 0, 2] < 5


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_an_image_cut_short_anywhere_is_refused(suffix: str) -> None:
    data = cv2.imencode(suffix, picture(24, 24, 1))[1].tobytes()
    for length in range(len(data)):
        with pytest.raises(InvalidImage):
            decode(data[:length])
    assert decode(data).shape == (24, 24, 3)


def test_a_damaged_png_is_refused() -> None:
    data = bytearray(encode_png(picture(24, 24, 1)))
    data[len(data) // 2] ^= 255
    with pytest.raises(InvalidImage, match="damaged"):
        decode(bytes(data))


@pytest.mark.parametrize(("side", "said"), [(8193, "8193 x 8193 pixels; no more than 67108864"), (8192, "damaged")])
def test_a_bomb_is_refused_by_its_header(side: int, said: str) -> None:
    with pytest.raises(InvalidImage, match=said):
        decode(raw_png(side, side, zlib.compress(b"\0")))


@pytest.mark.parametrize("between", [b"", b"\xff\xff\xff", b"rubbish"])
def test_a_jpegs_size_is_found_behind_whatever_stands_before_it(between: bytes) -> None:
    data = cv2.imencode(".jpg", picture(24, 32, 1))[1].tobytes()
    frame = data.index(b"\xff\xc0")
    huge = data[:frame] + between + data[frame : frame + 5] + b"\xff\xff\xff\xff" + data[frame + 9 :]
    with pytest.raises(InvalidImage, match="65535 x 65535 pixels"):
        decode(huge)


def test_a_chunk_that_is_longer_than_its_file_is_refused_before_it_is_allocated() -> None:
    good = encode_png(picture(24, 24, 1))
    place = good.index(b"IDAT") - 4
    with pytest.raises(InvalidImage, match="a chunk that is longer than the file"):
        decode(good[:place] + b"\xf2" + good[place + 1 :])


@pytest.mark.parametrize("data", [b"", b"<html>", b"GIF89a" + b"\0" * 64, b"BM" + b"\0" * 64])
def test_other_formats_are_refused_by_their_first_bytes(data: bytes) -> None:
    with pytest.raises(InvalidImage, match="neither a PNG nor a JPEG"):
        decode(data)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_rgb_picture_is_neither_encoded_nor_named(pixels: Pixels) -> None:
    with pytest.raises(InvalidImage, match="height x width x 3"):
        encode_png(pixels)
    with pytest.raises(InvalidImage, match="height x width x 3"):
        pixel_sha(pixels)


def test_the_sha_names_pixels_and_shape_and_not_memory_layout() -> None:
    pixels = picture(6, 8, 3)
    assert pixel_sha(pixels) == pixel_sha(decode(encode_png(pixels)))
    assert pixel_sha(pixels[:, ::-1]) == pixel_sha(np.ascontiguousarray(pixels[:, ::-1])) != pixel_sha(pixels)
    assert pixel_sha(pixels.reshape(8, 6, 3)) != pixel_sha(pixels)
    assert (
        pixel_sha(np.zeros((1, 1, 3), np.uint8)) == "58ed56ed61b153255627206877ec16d7323856e91c47c40acf5c0427e3ff947d"
    )


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff\xd8" + b"\xff" * 10_000_000, id="fill bytes"),
        pytest.param(b"\xff\xd8" + (b"\xff" * 1000 + b"\0") * 10_000, id="fill bytes and zeros"),
        pytest.param(b"\xff\xd8" * 5_000_000, id="starts"),
    ],
)
def test_a_jpeg_without_a_frame_is_refused_in_a_time_that_grows_with_its_length_alone(data: bytes) -> None:
    began = time.process_time()
    with pytest.raises(InvalidImage, match="has no frame header"):
        decode(b"\xff\xd8\xff" + data)
    assert time.process_time() - began < 3
