"""Photos made to keep a decoder busy: small files whose structure asks for hours are refused, or read in seconds."""

import io
import struct
import time

import pytest
from PIL import Image

from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.reading import read_photo
from tests.fixtures.hostile_images import deflated_zeros, png_chunk
from tests.fixtures.photo_files import whole_photos

JPEG, PNG, TIFF = (whole_photos()[name] for name in ("JPEG", "PNG", "LZW TIFF"))
SECONDS = 10.0
"""CPU seconds that a file may take on a slow core; without the limits, most of these took minutes or more."""


def segment(content: bytes, marker: int = 0xE1) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", 2 + len(content)) + content


def jpeg(*segments: bytes) -> bytes:
    return JPEG[:2] + b"".join(segments) + JPEG[2:]


def png(chunk: bytes, count: int = 1) -> bytes:
    return PNG[:33] + chunk * count + PNG[33:]


def tags(count: int, size: int) -> bytes:
    """Return EXIF of so many tags, each with the same bytes as its value."""
    entries = b"".join(struct.pack(">HHII", 0x9000 + number % 4000, 7, size, 8) for number in range(count))
    return b"MM\0*" + struct.pack(">IH", 8, count) + entries + bytes(4 + size)


def webp_with_tags(count: int, size: int) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (128, 128)).save(target, "WEBP", lossless=True, exif=tags(count, size))
    return target.getvalue()


def tiff_with_tags(count: int, size: int) -> bytes:
    """Return a TIFF with so many further tags, all of which name the same bytes."""
    (directory,) = struct.unpack_from("<I", TIFF, 4)
    (own,) = struct.unpack_from("<H", TIFF, directory)
    own_entries = TIFF[directory + 2 : directory + 2 + 12 * own]
    more = b"".join(struct.pack("<HHII", 40000 + number % 20000, 7, size, 8) for number in range(count))
    data = TIFF + bytes(size)
    return (
        data[:4]
        + struct.pack("<I", len(data))
        + data[8:]
        + struct.pack("<H", own + count)
        + own_entries
        + more
        + bytes(4)
    )


EDITOR_BLOCKS = segment(b"Photoshop 3.0\0" + b"8BIM\4\4".ljust(12, b"\0") * 5000, 0xED)
PROFILE = png_chunk(b"iCCP", b"x\0\0" + deflated_zeros(1_000_000))

BUSY: dict[str, tuple[bytes, str]] = {
    "15 MB of fill bytes": (jpeg(b"\xff" * 15_000_000), "has 15,000,000 bytes between its segments"),
    "fill bytes without an end": (b"\xff\xd8" + b"\xff" * 30_000_000, "it is cut short"),
    "fill bytes and zeros": (b"\xff\xd8" + (b"\xff" * 1000 + b"\0") * 20_000, "it is cut short"),
    "stuffed zeros": (b"\xff\xd8" + b"\xff\0" * 10_000_000, "it is cut short"),
    "99,000 segments of EXIF": (jpeg(segment(b"Exif\0\0x") * 99_000), "99,000 segments of EXIF"),
    "13 MB of EXIF": (jpeg(segment(b"Exif\0\0" + bytes(65_000)) * 200), "200 segments of EXIF"),
    "120 KB of tags": (jpeg(*(segment(b"Exif\0\0" + tags(4000, 17_000)) for _ in range(2))), ""),
    "99,000 segments": (jpeg(segment(b"x") * 99_000), ""),
    "99,000 profiles": (jpeg(segment(b"ICC_PROFILE\0\1\1", 0xE2) * 99_000), ""),
    "1,200,000 blocks of an editor": (
        jpeg(segment(b"Photoshop 3.0\0" + b"8BIM\4\4".ljust(12, b"\0") * 5000, 0xED) * 240),
        "",
    ),
    "90,000 tables": (jpeg(segment(b"\0" + b"\1" * 64, 0xDB) * 90_000), ""),
    "9,000 profiles of a megabyte": (
        png(png_chunk(b"iCCP", b"x\0\0" + deflated_zeros(1_000_000)), 9_000),
        "1,000 without",
    ),
    "990 texts of a megabyte": (png(png_chunk(b"zTXt", b"x\0\0" + deflated_zeros(1_000_000)), 990), "Too much memory"),
    "a PNG's EXIF of 330 GB": (png(png_chunk(b"eXIf", tags(65_000, 5_000_000))), ""),
    "a WebP's EXIF of 330 GB": (webp_with_tags(65_000, 5_000_000), ""),
    "a TIFF's tags of 180 GB": (tiff_with_tags(60_000, 3_000_000), "more values than it has bytes"),
}


@pytest.mark.parametrize("what", BUSY)
def test_a_file_made_to_keep_a_decoder_busy_is_read_or_refused_in_seconds(what: str) -> None:
    data, words = BUSY[what]
    began = time.process_time()
    if words:
        with pytest.raises(InvalidPhoto, match=words) as refused:
            read_photo(data)
        assert refused.value.reason == "photo.unreadable"
    else:
        assert read_photo(data).pixels.shape == (128, 128, 3)
    assert time.process_time() - began < SECONDS
