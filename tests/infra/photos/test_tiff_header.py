"""TIFF headers: size, pages, and compressions that photographs use."""

import io
import struct
from typing import Any

import pytest
from PIL import Image

from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.tiff_header import MAX_PAGES, read_orientation, read_tiff_header
from tests.fixtures.hostile_photos import animated
from tests.fixtures.photo_files import whole_photos

WIDTH, HEIGHT = 256, 257


def tiff(*directories: dict[int, Any], order: str = "<") -> bytes:
    """Return a TIFF of nothing but directories; a value is a number (LONG) or (type, count, number)."""
    parts, offset = [b"II*\0" if order == "<" else b"MM\0*", struct.pack(f"{order}I", 8)], 8
    for number, tags in enumerate(directories):
        entries = b""
        for tag, value in tags.items():
            kind, count, content = value if isinstance(value, tuple) else (4, 1, value)
            entries += struct.pack(f"{order}HHI{'H2x' if kind == 3 else 'I'}", tag, kind, count, content)
        offset += 2 + len(entries) + 4
        following = offset if number + 1 < len(directories) else 0
        parts.append(struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", following))
    return b"".join(parts)


@pytest.mark.parametrize("order", ["<", ">"])
def test_size_is_read_in_both_byte_orders_and_both_lengths_of_numbers(order: str) -> None:
    assert read_tiff_header(tiff({WIDTH: (3, 1, 640), HEIGHT: 480}, order=order)) == (640, 480, 1)


def test_pages_are_counted_and_thumbnails_are_none() -> None:
    first = {WIDTH: 9, HEIGHT: 9}
    assert read_tiff_header(tiff(first, {254: 1, WIDTH: 2}))[2] == 1, "a thumbnail"
    assert read_tiff_header(tiff(first, {254: 4, WIDTH: 9}))[2] == 1, "a mask"
    assert read_tiff_header(tiff(first, {254: 2, WIDTH: 9}))[2] == 2, "a page"
    assert read_tiff_header(animated("TIFF"))[2] == 3


def test_directories_that_never_end_are_counted_only_so_far() -> None:
    endless = tiff(*[{WIDTH: 9, HEIGHT: 9}] * 1000)
    assert read_tiff_header(endless)[2] == 1 + MAX_PAGES
    circle = bytearray(tiff({WIDTH: 9, HEIGHT: 9}, {254: 0}))
    circle[-4:] = struct.pack("<I", 8 + 2 + 24 + 4)
    assert read_tiff_header(bytes(circle))[2] == 2


@pytest.mark.parametrize("compression", [0, 2, 3, 4, 6, 34925, 50000, 50001])
def test_a_compression_of_faxes_or_without_a_bound_is_refused_by_its_number(compression: int) -> None:
    with pytest.raises(InvalidPhoto, match=f"compression {compression}, which is not read here; save it") as refused:
        read_tiff_header(tiff({WIDTH: 9, HEIGHT: 9, 259: compression}))
    assert refused.value.reason == "photo.wrong-format"


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({WIDTH: 9, HEIGHT: 9, 322: 65_536, 323: 16}, "tiles of 65,536 pixels"),
        ({WIDTH: (3, 2, 9), HEIGHT: 9}, "its tag 256 is given twice, or is no number"),
        ({WIDTH: (2, 1, 9), HEIGHT: 9}, "its tag 256 is given twice, or is no number"),
    ],
)
def test_a_tag_that_decoders_read_differently_is_damage(tags: dict[int, Any], words: str) -> None:
    with pytest.raises(InvalidPhoto, match=words) as refused:
        read_tiff_header(tiff(tags))
    assert refused.value.reason == "photo.unreadable"


def test_a_tag_given_twice_is_damage() -> None:
    data = bytearray(tiff({WIDTH: 9, HEIGHT: 9}))
    struct.pack_into("<H", data, 8 + 2 + 12, WIDTH)
    with pytest.raises(InvalidPhoto, match="tag 256 is given twice"):
        read_tiff_header(bytes(data))


def test_tiles_of_editors_are_taken() -> None:
    assert read_tiff_header(tiff({WIDTH: 100, HEIGHT: 90, 322: 512, 323: 512})) == (100, 90, 1)


def test_a_directory_beyond_the_end_is_cut_short() -> None:
    target = io.BytesIO()
    Image.new("RGB", (9, 9)).save(target, "TIFF")
    for data in (target.getvalue()[:9], b"II*\0\xff\xff\xff\x7f", whole_photos()["LZW TIFF"][:40]):
        with pytest.raises(struct.error):
            read_tiff_header(data)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_camera_s_orientation_is_read_and_nothing_else(order: str) -> None:
    exif = tiff({0x010F: (2, 4, 7), 0x0112: (3, 1, 6)}, order=order)
    assert read_orientation(exif) == read_orientation(b"Exif\0\0" + exif) == 6


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\0\0",
        b"Exif\0\0MM\0*\xff\xff\xff\xff garbage",
        b"no EXIF at all",
        tiff({0x010F: (2, 4, 7)}),
        tiff({0x0112: (2, 9, 6)}),
    ],
)
def test_exif_without_an_orientation_or_sense_turns_nothing(exif: bytes) -> None:
    assert read_orientation(exif) == 1


def test_tags_that_name_the_same_bytes_again_and_again_are_damage() -> None:
    tags = dict.fromkeys(range(40000, 40100), (7, 500, 8))
    with pytest.raises(InvalidPhoto, match="its tags have more values than it has bytes"):
        read_tiff_header(tiff({WIDTH: 9, HEIGHT: 9, **tags}))
