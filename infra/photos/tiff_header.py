"""TIFF headers: size, pages and compression of a TIFF, read before any decoder sees it.

Inputs: the bytes of a classic TIFF. Outputs: width, height and the number of pages that are no thumbnails;
`InvalidPhoto` for compressions that photographs do not use, and for tiles that are larger than the picture allows.
Invariant: the decoders behind an accepted TIFF are the common ones (none, LZW, deflate, PackBits, JPEG). LZMA's, for
one, allocates as much as the file asks for.
"""

import struct
from collections.abc import Mapping

from infra.photos.invalid_photo import InvalidPhoto

COMPRESSIONS: Mapping[int, str] = {
    1: "none",
    5: "LZW",
    7: "JPEG",
    8: "deflate",
    32773: "PackBits",
    32946: "deflate",
}
MAX_PAGES = 16
"""How many pages are counted: an editor's file has its picture and a few thumbnails."""

_WIDTH, _HEIGHT, _COMPRESSION, _SUBFILE_TYPE, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 259, 254, 322, 323
_ORIENTATION = 274
_WANTED = frozenset({_WIDTH, _HEIGHT, _COMPRESSION, _SUBFILE_TYPE, _TILE_WIDTH, _TILE_HEIGHT, _ORIENTATION})
_SHORT, _LONG = 3, 4
_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of one value by its type."""
_REDUCED_OR_MASK = 0b101
_ENTRY_BYTES, _INLINE_BYTES = 12, 4
_MAX_TILE_SIDE = 4096
"""Of a tile that is larger than its picture; editors write 256 or 512."""


def read_tiff_header(data: bytes) -> tuple[int, int, int]:
    """Return width, height and the number of pages.

    Raises `InvalidPhoto` (`photo.unreadable`, `photo.wrong-format`), and `struct.error` for a file that is cut short.
    """
    order = "<" if data.startswith(b"II") else ">"
    first, following = _read_directory(data, order, struct.unpack_from(f"{order}I", data, 4)[0])
    width, height = first.get(_WIDTH, 0), first.get(_HEIGHT, 0)
    compression = first.get(_COMPRESSION, 1)
    if compression not in COMPRESSIONS:
        raise InvalidPhoto(
            "photo.wrong-format",
            f"The photo is a TIFF with compression {compression}, which is not read here; save it with LZW or as JPEG.",
        )
    for side, tile in ((width, first.get(_TILE_WIDTH, 0)), (height, first.get(_TILE_HEIGHT, 0))):
        if tile > max(side, _MAX_TILE_SIDE):
            raise _damaged(f"it has tiles of {tile:,} pixels")
    return width, height, 1 + _count_further_pages(data, order, following)


def read_orientation(exif: bytes) -> int:
    """Return a camera's orientation (1 to 8) from EXIF, which is a TIFF's directory; 1 where it says none, or nonsense.

    Nothing else of it is read: libraries copy every value, and a value may be named a thousand times.
    """
    data = exif.removeprefix(b"Exif\0\0")
    try:
        order = {b"II*\0": "<", b"MM\0*": ">"}[data[:4]]
        tags, _ = _read_directory(data, order, struct.unpack_from(f"{order}I", data, 4)[0])
    except (KeyError, struct.error, InvalidPhoto):
        return 1
    return tags.get(_ORIENTATION, 1)


def _count_further_pages(data: bytes, order: str, offset: int) -> int:
    pages, seen = 0, set[int]()
    while offset and offset not in seen and len(seen) < MAX_PAGES:
        seen.add(offset)
        tags, offset = _read_directory(data, order, offset)
        pages += not tags.get(_SUBFILE_TYPE, 0) & _REDUCED_OR_MASK
    return pages


def _read_directory(data: bytes, order: str, offset: int) -> tuple[dict[int, int], int]:
    """Return the wanted tags of a directory, and where the next one begins (0 where there is none)."""
    (count,) = struct.unpack_from(f"{order}H", data, offset)
    tags: dict[int, int] = {}
    elsewhere = 0
    for entry in range(offset + 2, offset + 2 + count * _ENTRY_BYTES, _ENTRY_BYTES):
        tag, kind, values = struct.unpack_from(f"{order}HHI", data, entry)
        size = _VALUE_BYTES.get(kind, 0) * values
        elsewhere += size if size > _INLINE_BYTES else 0
        if tag in _WANTED:
            if tag in tags or values != 1 or kind not in (_SHORT, _LONG):
                raise _damaged(f"its tag {tag} is given twice, or is no number")
            tags[tag] = struct.unpack_from(f"{order}{'H' if kind == _SHORT else 'I'}", data, entry + 8)[0]
    if elsewhere > len(data):  # decoders copy the values of all tags, wherever they lie
        raise _damaged("its tags have more values than it has bytes")
    (following,) = struct.unpack_from(f"{order}I", data, offset + 2 + count * _ENTRY_BYTES)
    return tags, following


def _damaged(what: str) -> InvalidPhoto:
    return InvalidPhoto("photo.unreadable", f"The photo is a damaged TIFF: {what}; export it again.")
