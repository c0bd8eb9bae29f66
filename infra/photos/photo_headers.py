"""Photo headers: size and frames of a picture, read from its structure before any decoder sees it.

Inputs: the bytes of a file of a known kind. Outputs: a `PhotoHeader`; `InvalidPhoto` where the structure is damaged,
cut short or made to keep a decoder busy. Decoders allocate what a header claims (libwebp as soon as a file is opened),
so that the claim is judged first, here, in time and memory that do not depend on it.
`infra.photos.tiff_header` does the same for a TIFF.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from infra.photos.file_kinds import PhotoKind
from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.tiff_header import read_tiff_header

MAX_PARTS = 100_000
"""Chunks, segments or blocks: a PNG of 128 MB in chunks of 4 KB has 32,768. Decoders loop over them in Python."""
MAX_JPEG_HEADER_BYTES = 16 << 20
"""Bytes before a JPEG's pixels. Pillow joins its EXIF segments by copying, so that 128 MB of them take minutes."""
MAX_JPEG_FILL_BYTES = 1 << 16
"""Bytes between those segments, which Pillow skips one by one."""
MAX_JPEG_EXIF_SEGMENTS = 2
"""Of 64 KB each. Pillow copies each value of each tag, so that a megabyte of EXIF can name a terabyte."""
MAX_PNG_OTHER_CHUNKS = 1000
"""Chunks that hold no pixels; a colour profile of 1 KB, given again and again, is a megabyte each time."""
MAX_JPEG_SCANS = 100
"""Passes of a progressive JPEG; encoders write about ten, and each costs a whole picture's time."""
MAX_JPEG_PIXELS_A_BYTE = 512
"""A block of 64 pixels takes at least one bit. What is missing, libjpeg fills in without an error."""
MAX_GIF_BLOCKS = 1_000_000
"""A GIF's data come in blocks of at most 255 bytes."""

_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)
"""A JPEG's marker after the last of its fill bytes; stuffed zeros and restart marks belong to a scan's data."""
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START, _END, _SCAN, _TEMPORARY, _APP1 = 0xD8, 0xD9, 0xDA, 0x01, 0xE1
_EXIF = b"Exif\0\0"

_GIF_EXTENSION, _GIF_IMAGE, _GIF_TRAILER = 0x21, 0x2C, 0x3B


@dataclass(frozen=True)
class PhotoHeader:
    """What a photo's structure says of it: kind, size as stored (before any turning), pictures."""

    kind: PhotoKind
    width: int
    height: int
    frames: int = 1


def read_header(data: bytes, kind: PhotoKind) -> PhotoHeader:
    """Return what the structure says. Raises `InvalidPhoto`: `photo.unreadable`, `photo.wrong-format`."""
    read = {"JPEG": _read_jpeg, "PNG": _read_png, "WEBP": _read_webp, "GIF": _read_gif, "TIFF": read_tiff_header}[kind]
    try:
        width, height, frames = read(data)
    except (struct.error, IndexError):
        raise damaged(kind, "it is cut short") from None
    if not (width and height):
        raise damaged(kind, f"its size is {width} x {height} pixels")
    return PhotoHeader(kind, width, height, frames)


def damaged(kind: str, what: str) -> InvalidPhoto:
    """Return the error of a file that is not whole."""
    return InvalidPhoto("photo.unreadable", f"The photo is a damaged {kind}: {what}; export it again.")


def _read_jpeg(data: bytes) -> tuple[int, int, int]:
    size: tuple[int, int] | None = None
    scans = 0
    for parts, (marker, offset) in enumerate(_jpeg_markers(data)):
        if marker in _FRAME_MARKERS and size is None:
            height, width = struct.unpack_from(">HH", data, offset + 3)
            size = width, height
        if marker == _SCAN and not scans:
            _check_jpeg_header(data, offset)
        scans += marker == _SCAN
        if scans > MAX_JPEG_SCANS or parts > MAX_PARTS:
            raise damaged("JPEG", f"it has more than {MAX_JPEG_SCANS} scans or {MAX_PARTS:,} segments")
        if marker == _END:
            break
    else:
        raise damaged("JPEG", "it is cut short")
    if size is None or not scans:
        raise damaged("JPEG", "it has no pixels")
    width, height = size
    if width * height > MAX_JPEG_PIXELS_A_BYTE * len(data):
        raise damaged("JPEG", f"its {len(data):,} bytes cannot hold the {width:,} x {height:,} pixels that it claims")
    return width, height, 1


def _check_jpeg_header(data: bytes, scan: int) -> None:
    """Refuse segments before the first scan that a decoder would be busy with."""
    if scan > MAX_JPEG_HEADER_BYTES:
        raise damaged("JPEG", f"it has more than {MAX_JPEG_HEADER_BYTES:,} bytes before its pixels")
    end, between, exif = 2, 0, 0
    for marker, offset in _jpeg_markers(data):
        between += max(0, offset - 2 - end)
        exif += marker == _APP1 and data[offset + 2 : offset + 8] == _EXIF
        if offset >= scan:
            break
        end = offset + int.from_bytes(data[offset : offset + 2], "big")
    if between > MAX_JPEG_FILL_BYTES or exif > MAX_JPEG_EXIF_SEGMENTS:
        raise damaged("JPEG", f"it has {between:,} bytes between its segments, and {exif:,} segments of EXIF")


def _jpeg_markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield each marker and where its content begins, as a decoder finds them: bytes between segments are skipped."""
    offset = 2
    while (match := _MARKER.search(data, offset)) is not None:
        marker, offset = match[1][0], match.end()
        yield marker, offset
        if marker not in (_START, _END, _TEMPORARY):
            offset += int.from_bytes(data[offset : offset + 2], "big")


def _read_png(data: bytes) -> tuple[int, int, int]:
    if data[12:16] != b"IHDR":
        raise damaged("PNG", "it does not begin with its header")
    width, height = struct.unpack_from(">II", data, 16)
    offset, frames, pixels, others = 8, 1, False, 0
    for _ in range(MAX_PARTS):
        length, name = struct.unpack_from(">I4s", data, offset)
        content, offset = offset + 8, offset + 12 + length
        if offset > len(data):
            raise damaged("PNG", "it is cut short, or has a chunk that is longer than the file")
        if name == b"acTL" and not pixels:
            frames = max(frames, struct.unpack_from(">I", data, content)[0])
        pixels, others = pixels or name == b"IDAT", others + (name != b"IDAT")
        if name == b"IEND":
            return width, height, frames
        if others > MAX_PNG_OTHER_CHUNKS:
            break
    raise damaged("PNG", f"it has more than {MAX_PARTS:,} chunks, or {MAX_PNG_OTHER_CHUNKS:,} without pixels")


def _read_webp(data: bytes) -> tuple[int, int, int]:
    size: tuple[int, int] | None = None
    frames = 0
    for name, offset in _webp_chunks(data):
        if name == b"ANMF":
            frames += 1
        elif size is None and name == b"VP8X":
            size = (
                1 + int.from_bytes(data[offset + 4 : offset + 7], "little"),
                1 + int.from_bytes(data[offset + 7 : offset + 10], "little"),
            )
        elif size is None and name == b"VP8 ":
            width, height = struct.unpack_from("<HH", data, offset + 6)
            size = width & 0x3FFF, height & 0x3FFF
        elif size is None and name == b"VP8L":
            bits = struct.unpack_from("<I", data, offset + 1)[0]
            size = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if size is None:
        raise damaged("WebP", "it has no size")
    return *size, max(frames, 1)


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the name and the content's place of each chunk that the file says it has."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise damaged("WebP", "it is cut short")
    offset = 12
    for _ in range(MAX_PARTS):
        if offset + 8 > end:
            return
        name, length = struct.unpack_from("<4sI", data, offset)
        if offset + 8 + length > end:
            raise damaged("WebP", "it has a chunk that is longer than the file")
        yield name, offset + 8
        offset += 8 + length + (length & 1)
    raise damaged("WebP", f"it has more than {MAX_PARTS:,} chunks")


def _read_gif(data: bytes) -> tuple[int, int, int]:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    offset = 13 + _gif_table_bytes(flags)
    frames = 0
    for _ in range(MAX_PARTS):
        kind = data[offset]
        if kind == _GIF_IMAGE:
            frames += 1
            left, top, across, down, flags = struct.unpack_from("<HHHHB", data, offset + 1)
            width, height = max(width, left + across), max(height, top + down)
            offset = _after_gif_blocks(data, offset + 11 + _gif_table_bytes(flags))
        elif kind == _GIF_EXTENSION:
            offset = _after_gif_blocks(data, offset + 2)
        if kind == _GIF_TRAILER or frames > 1:
            return width, height, frames
        if kind not in (_GIF_IMAGE, _GIF_EXTENSION):
            break
    raise damaged("GIF", "what follows its header is no picture")


def _gif_table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_gif_blocks(data: bytes, offset: int) -> int:
    for _ in range(MAX_GIF_BLOCKS):
        length = data[offset]
        offset += 1 + length
        if not length:
            return offset
    raise damaged("GIF", f"it has more than {MAX_GIF_BLOCKS:,} blocks")
