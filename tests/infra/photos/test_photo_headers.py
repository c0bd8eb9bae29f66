"""Sizes and frames are read from a photo's structure, in a time and memory that its claims do not move."""

import struct
import time

import pytest

from infra.photos import photo_headers
from infra.photos.file_kinds import recognise_kind
from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.photo_headers import PhotoHeader, read_header
from tests.fixtures.hostile_images import png_chunk, raw_png
from tests.fixtures.hostile_photos import animated, with_size
from tests.fixtures.photo_files import SIDE, whole_photos


def header(data: bytes) -> PhotoHeader:
    return read_header(data, recognise_kind(data))


@pytest.mark.parametrize("name", whole_photos())
def test_the_size_of_every_kind_is_read_as_its_decoder_reads_it(name: str) -> None:
    found = header(whole_photos()[name])
    assert (found.width, found.height, found.frames) == (SIDE, SIDE, 1)


@pytest.mark.parametrize("name", [name for name in whole_photos() if "JPEG" not in name or "TIFF" in name])
def test_a_claim_of_another_size_is_seen_before_a_decoder_acts_on_it(name: str) -> None:
    found = header(with_size(whole_photos()[name], 9001, 7003))
    assert (found.width, found.height) == (9001, 7003)


def test_a_jpeg_that_claims_more_than_its_bytes_can_hold_is_damaged() -> None:
    small = whole_photos()["JPEG"]
    assert (header(with_size(small, 200, 300)).width, header(with_size(small, 200, 300)).height) == (200, 300)
    with pytest.raises(InvalidPhoto, match=r"cannot hold the 8,000 x 8,000 pixels that it claims") as refused:
        header(with_size(small, 8000, 8000))
    assert refused.value.reason == "photo.unreadable"


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "TIFF"])
def test_several_frames_are_counted(kind: str) -> None:
    assert header(animated(kind)).frames > 1


def test_a_gif_is_as_large_as_the_picture_that_its_screen_does_not_show() -> None:
    small_screen = with_size(whole_photos()["GIF"], 4, 5)
    assert (header(small_screen).width, header(small_screen).height) == (SIDE, SIDE)


@pytest.mark.parametrize("name", [name for name in whole_photos() if "TIFF" not in name])
def test_a_file_that_is_cut_short_is_refused_wherever_it_is_cut(name: str) -> None:
    data = whole_photos()[name]
    for length in (*range(12, 200, 7), len(data) // 2, len(data) - 1):
        with pytest.raises(InvalidPhoto) as refused:
            header(data[:length])
        assert refused.value.reason == "photo.unreadable", (length, refused.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(raw_png(0, 9, b""), "its size is 0 x 9 pixels", id="no width"),
        pytest.param(b"\xff\xd8\xff\xd9", "it has no pixels", id="an empty JPEG"),
        pytest.param(b"\xff\xd8" + b"\xff" * 9999, "it is cut short", id="fill bytes"),
        pytest.param(b"\xff\xd8" + b"\xff\xe1\0\2" * 200_000 + b"\xff\xd9", "or 100,000 segments", id="segments"),
        pytest.param(
            whole_photos()["JPEG"][:2] + (b"\xff\xfe\xff\xff" + bytes(65_533)) * 300 + whole_photos()["JPEG"][2:],
            "more than 16,777,216 bytes before its pixels",
            id="20 MB of comments",
        ),
        pytest.param(raw_png(9, 9, b"", extra=png_chunk(b"tEXt", b"") * 1_001), "or 1,000 without pixels", id="chunks"),
        pytest.param(b"RIFF\x0c\0\0\0WEBPVP8X\xff\xff\xff\x7f", "longer than the file", id="a WebP's long chunk"),
        pytest.param(b"RIFF\x04\0\0\0WEBP", "it has no size", id="an empty WebP"),
        pytest.param(b"GIF89a\1\0\1\0\0\0\0\x99" + bytes(9), "is no picture", id="a GIF of nothing"),
        pytest.param(b"GIF89a\1\0\1\0\0\0\0!\xfe" + b"\1x" * 1_100_000, "1,000,000 blocks", id="a GIF of comments"),
    ],
)
def test_a_structure_made_to_keep_a_decoder_busy_is_refused_with_its_reason(data: bytes, words: str) -> None:
    began = time.process_time()
    with pytest.raises(InvalidPhoto, match=words) as refused:
        header(data)
    assert refused.value.reason == "photo.unreadable"
    assert time.process_time() - began < 3


def test_a_jpeg_of_many_scans_is_refused() -> None:
    data = whole_photos()["progressive JPEG"]
    last = data.rfind(b"\xff\xda")
    repeated = data[:last] + data[last:-2] * photo_headers.MAX_JPEG_SCANS + data[-2:]
    with pytest.raises(InvalidPhoto, match="more than 100 scans"):
        header(repeated)


def test_a_jpeg_is_measured_by_its_own_frame_and_not_by_its_thumbnail_s() -> None:
    thumbnail = b"\xff\xc0" + struct.pack(">HBHH", 8, 8, 5, 5) + b"\xff\xda"
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    data = whole_photos()["JPEG"]
    assert header(data[:2] + segment + data[2:]).width == SIDE
