"""A copy is small, upright, without metadata, and never the file itself."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.photo_copy import copy_photo
from infra.photos.reading import MEMORY_BYTES_A_PIXEL, check_photo, read_photo, read_reduced, reduced_memory
from tests.fixtures.photo_files import SIDE, save, whole_photos, with_orientation


@pytest.mark.parametrize("name", whole_photos())
def test_every_kind_that_is_read_becomes_a_small_jpeg_without_metadata(name: str) -> None:
    copy = copy_photo(whole_photos()[name], 64)
    with Image.open(io.BytesIO(copy.jpeg)) as image:
        assert (image.format, image.size, image.mode) == ("JPEG", (64, 64), "RGB")
        assert not image.getexif()
        assert "icc_profile" not in image.info
    assert (copy.width, copy.height) == (SIDE, SIDE)


def test_nothing_is_enlarged() -> None:
    copy = copy_photo(whole_photos()["PNG"], 4096)
    assert Image.open(io.BytesIO(copy.jpeg)).size == (SIDE, SIDE)


def test_a_transparent_ground_is_shown_white() -> None:
    copy = copy_photo(whole_photos()["PNG with opacity"], 64)
    assert np.asarray(Image.open(io.BytesIO(copy.jpeg)))[:8].min() > 240


def test_a_turned_photo_stands_upright_and_says_nothing_of_its_camera() -> None:
    wide = Image.fromarray(np.zeros((100, 300, 3), np.uint8))
    exif = with_orientation(6)
    exif[0x010E] = "taken at home"
    copy = copy_photo(save(wide, "JPEG", exif=exif), 90)
    assert Image.open(io.BytesIO(copy.jpeg)).size == (30, 90)
    assert (copy.width, copy.height) == (100, 300)
    assert b"taken at home" not in copy.jpeg


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_large_jpeg_is_decoded_small_and_shows_the_same_picture_upright(orientation: int) -> None:
    ramp = np.linspace(0, 255, 1003, dtype=np.uint8)[None, :, None]
    drawn = np.concatenate([np.repeat(ramp, 611, axis=0), np.full((611, 1003, 2), 90, np.uint8)], axis=2)
    data = save(Image.fromarray(drawn), "JPEG", exif=with_orientation(orientation))
    whole, reduced = read_photo(data), read_reduced(data, 120)
    height, width = whole.pixels.shape[:2]
    assert (reduced.width, reduced.height) == (width, height)
    assert reduced.pixels.shape == (-(-height // 8), -(-width // 8), 3)
    assert reduced.pixels.size // 3 * MEMORY_BYTES_A_PIXEL == reduced_memory(check_photo(data), 120)
    expected = cv2.resize(whole.pixels, reduced.pixels.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(expected.astype(int) - reduced.pixels).mean() < 2
    copy = copy_photo(data, 120)
    assert max(Image.open(io.BytesIO(copy.jpeg)).size) == 120


@pytest.mark.parametrize("least_side", [0, 502, 4096])
def test_a_photo_is_never_reduced_below_what_was_asked_for(least_side: int) -> None:
    data = save(Image.fromarray(np.zeros((400, 1003, 3), np.uint8)), "JPEG")
    assert read_reduced(data, least_side).pixels.shape == (400, 1003, 3)
    assert read_reduced(data, 501).pixels.shape == (200, 502, 3)


def test_a_large_jpeg_that_is_cut_off_is_refused_though_it_is_decoded_small() -> None:
    data = save(Image.fromarray(np.random.default_rng(1).integers(0, 255, (900, 900, 3), np.uint8)), "JPEG")
    with pytest.raises(InvalidPhoto, match="damaged"):
        copy_photo(data[: len(data) // 2], 64)


@pytest.mark.parametrize("start", [b"", b"%PDF-1.7", whole_photos()["JPEG"][:200]], ids=["nothing", "a PDF", "a part"])
def test_what_cannot_be_read_is_refused_by_name(start: bytes) -> None:
    with pytest.raises(InvalidPhoto):
        copy_photo(start, 64)
