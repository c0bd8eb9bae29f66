"""A copy is small, upright, without metadata, and never the file itself."""

import io

import numpy as np
import pytest
from PIL import Image

from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.photo_copy import copy_photo
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


@pytest.mark.parametrize("start", [b"", b"%PDF-1.7", whole_photos()["JPEG"][:200]], ids=["nothing", "a PDF", "a part"])
def test_what_cannot_be_read_is_refused_by_name(start: bytes) -> None:
    with pytest.raises(InvalidPhoto):
        copy_photo(start, 64)
