"""Encode and decode images, and digest their pixels.

Inputs: RGB arrays, or the bytes of a PNG or JPEG. Outputs: PNG bytes, RGB arrays, a digest of the pixels.
Invariant: the digest names pixels, not files; the same image in another file has the same digest.
Staged images are PNG because they must come back to the last bit. The slow part of writing a PNG is its deflate stream,
which comes from ISA-L, Intel's library for servers, inside a PNG that is assembled here: a 1024 px product card took
2.6 ms of one core where OpenCV and Pillow, with zlib at level 1, took 13.7 and 41 ms, all at 0.15 MB. Reading,
where files may be hostile, is left to libpng and libjpeg.
"""

# ruff: noqa: A005 - the field's word; it is imported only as infra.imaging.codecs

import hashlib
import re
import struct
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from infra.errors import InvalidImage
from infra.interfaces import Pixels

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"
JPEG_START = b"\xff\xd8\xff"
JPEG_END = b"\xff\xd9"

MAX_PIXELS = 1 << 26
"""The most pixels that are read: 8192 x 8192, four times a recipe's largest size, and 192 MiB in memory.

OpenCV's own limit is sixteen times as much, 3 GiB, which a file of 3 MB can ask for.
"""

_FILTER_UP = 2
"""The PNG filter that stores each row's difference from the one above, so flat backgrounds and shadows vanish."""
_COMPRESSION_LEVEL = 1
"""Of ISA-L's levels 0 to 3: as fast as 0 and a tenth smaller; 3 takes six times as long for no gain."""

_MARKER = re.compile(rb"\xff([^\x00\x01\xff\xd0-\xd8])", re.DOTALL)
"""A JPEG's marker with a length after it. Decoders skip bytes between segments, and so does this search.

It begins at the last of a marker's fill bytes: a pattern of all of them takes time by the square of their number.
"""
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG's frame header, which holds its size."""

_SOFTWARE_KEYWORD = b"Software\0"
_MAX_SOFTWARE_CHARACTERS = 40
_SECOND_CHUNK_NAME_OFFSET = len(PNG_SIGNATURE) + 12 + 13 + 4
"""Offset of the name of the chunk after the header."""

_EIGHT_BIT_RGB, _EIGHT_BIT_GREY = (struct.pack(">BBBBB", 8, colour_type, 0, 0, 0) for colour_type in (2, 0))


def encode_png(pixels: Pixels, software: str = "") -> bytes:
    """Return the pixels (height x width x 3, uint8, RGB) as a PNG, or raise `InvalidImage` for any other array.

    `software` (Latin-1) is the program that made them, kept under PNG's own keyword; it reaches no pixel.
    """
    _require_rgb(pixels)
    height, width, _ = pixels.shape
    software_chunk = _chunk(b"tEXt", _SOFTWARE_KEYWORD + software.encode("latin-1")) if software else ()
    return _png(pixels.reshape(height, 3 * width), struct.pack(">II", width, height) + _EIGHT_BIT_RGB, software_chunk)


def encode_grey_png(plane: npt.NDArray[np.uint8]) -> bytes:
    """Return a plane (height x width, uint8) as a grey PNG, or raise `InvalidImage` for any other array."""
    if plane.dtype != np.uint8 or plane.ndim != 2 or not plane.size:
        raise InvalidImage(f"A plane must be a uint8 array of height x width, not {plane.dtype} {plane.shape!r}.")
    return _png(plane, struct.pack(">II", *plane.shape[::-1]) + _EIGHT_BIT_GREY)


def _png(values: npt.NDArray[np.uint8], header: bytes, software_chunk: tuple[bytes, ...] = ()) -> bytes:
    """Return the PNG of rows of bytes."""
    rows = np.empty((len(values), 1 + values.shape[1]), np.uint8)
    rows[:, 0] = _FILTER_UP
    rows[0, 1:] = values[0]
    np.subtract(values[1:], values[:-1], out=rows[1:, 1:])
    body, end = isal_zlib.compress(rows, _COMPRESSION_LEVEL), _chunk(b"IEND", b"")
    return b"".join((PNG_SIGNATURE, *_chunk(b"IHDR", header), *software_chunk, *_chunk(b"IDAT", body), *end))


def read_software(data: bytes) -> str:
    """Return the software that `encode_png` recorded in a PNG; empty where there is none, or text of another form."""
    name = data[_SECOND_CHUNK_NAME_OFFSET : _SECOND_CHUNK_NAME_OFFSET + 4 + len(_SOFTWARE_KEYWORD)]
    if name != b"tEXt" + _SOFTWARE_KEYWORD:
        return ""
    length = int.from_bytes(data[_SECOND_CHUNK_NAME_OFFSET - 4 : _SECOND_CHUNK_NAME_OFFSET], "big")
    text = (
        data[_SECOND_CHUNK_NAME_OFFSET + 4 : _SECOND_CHUNK_NAME_OFFSET + 4 + length]
        .removeprefix(_SOFTWARE_KEYWORD)
        .decode("latin-1")
    )
    return text if len(text) <= _MAX_SOFTWARE_CHARACTERS and text.isprintable() else ""


def decode(data: bytes) -> Pixels:
    """Return the pixels of a whole PNG or JPEG as height x width x 3, uint8, RGB, stored orientation.

    Raises `InvalidImage` for every other format (no other is staged or published, and each further decoder is one
    more target for a hostile file), for files that are cut short or damaged, and, before anything is
    allocated, for those whose header asks for more than `MAX_PIXELS`.
    """
    kind = require_readable_size(data)
    if not data.endswith(PNG_END if kind == "PNG" else JPEG_END):
        raise InvalidImage(f"This {kind} of {len(data)} bytes has no end: it was cut short.")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise InvalidImage(f"These {len(data)} bytes could not be decoded: {error.err!r}.") from error
    if pixels is None:
        raise InvalidImage(f"This {kind} of {len(data)} bytes is damaged and cannot be decoded.")
    return np.asarray(pixels, np.uint8)


def require_readable_size(data: bytes) -> Literal["PNG", "JPEG"]:
    """Return the format that the first bytes name; raise `InvalidImage` for others, and for more than `MAX_PIXELS`."""
    is_png, is_jpeg = data.startswith(PNG_SIGNATURE), data.startswith(JPEG_START)
    if not (is_png or is_jpeg):
        raise InvalidImage(f"These {len(data)} bytes start with {data[:8]!r}: neither a PNG nor a JPEG.")
    kind: Literal["PNG", "JPEG"] = "PNG" if is_png else "JPEG"
    width, height = _png_size(data) if is_png else _jpeg_size(data)
    if width * height > MAX_PIXELS:
        raise InvalidImage(
            f"This {kind} of {len(data)} bytes claims {width} x {height} pixels; no more than {MAX_PIXELS} are read."
        )
    return kind


def _png_size(data: bytes) -> tuple[int, int]:
    """Return width and height from the first chunk, which must be IHDR.

    OpenCV allocates the length that a chunk claims before it checks the file, up to 4 GiB; so every chunk's length is
    compared with the file's first.
    """
    offset = len(PNG_SIGNATURE)
    if data[offset + 4 : offset + 8] != b"IHDR" or len(data) < offset + 16:
        raise InvalidImage(f"This PNG of {len(data)} bytes does not begin with its header.")
    width, height = struct.unpack_from(">II", data, offset + 8)
    while offset < len(data):
        offset += 12 + int.from_bytes(data[offset : offset + 4], "big")
    if offset > len(data):
        raise InvalidImage(f"This PNG of {len(data)} bytes is damaged: it has a chunk that is longer than the file.")
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Return width and height from the first frame header, found segment by segment as a decoder finds it."""
    offset = 2
    while (match := _MARKER.search(data, offset)) is not None:
        marker, offset = match[1][0], match.end()
        if marker in _FRAME_MARKERS and offset + 7 <= len(data):
            height, width = struct.unpack_from(">HH", data, offset + 3)
            return width, height
        offset += int.from_bytes(data[offset : offset + 2], "big")
    raise InvalidImage(f"This JPEG of {len(data)} bytes has no frame header, so its size is unknown.")


def pixel_sha(pixels: Pixels) -> str:
    """Return the sha256, in hex, of an image's height, width and RGB bytes; raise `InvalidImage` for other arrays."""
    _require_rgb(pixels)
    height, width, _ = pixels.shape
    digest = hashlib.sha256(f"{height}x{width}\n".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _require_rgb(pixels: Pixels) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise InvalidImage(
            f"An image must be a uint8 array of height x width x 3, not {pixels.dtype} {pixels.shape!r}."
        )


def _chunk(name: bytes, data: bytes) -> tuple[bytes, ...]:
    """Return the parts of a chunk, to be joined once. ISA-L's CRC-32 is nine times as fast as zlib's."""
    crc = isal_zlib.crc32(data, isal_zlib.crc32(name))
    return struct.pack(">I", len(data)), name, data, struct.pack(">I", crc)
