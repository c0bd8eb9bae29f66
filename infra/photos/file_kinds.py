"""File kinds: what a file is by its first bytes, and whether it is a second thing beside a picture.

Inputs: the bytes of a file. Outputs: one of `PHOTO_KINDS`; `InvalidPhoto` for every other kind, by its name and with
what to do, and for a polyglot: a picture that an unpacker, a PDF reader or a web server would take for something else.
Photos are kept as they came, and may be served as they came, so such a file is not kept at all. Bytes after a picture's
end are no fault in themselves: phones append depth maps, second pictures and films.
"""

import re
from typing import Final, Literal, get_args

from infra.errors import one_line
from infra.photos.invalid_photo import InvalidPhoto

PhotoKind = Literal["JPEG", "PNG", "WEBP", "TIFF", "GIF"]
PHOTO_KINDS: Final[tuple[str, ...]] = get_args(PhotoKind)
EXTENSIONS: Final[dict[PhotoKind, str]] = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "TIFF": "tif",
    "GIF": "gif",
}
MAX_PHOTO_BYTES: Final = 128 << 20
"""An uncompressed 16-bit TIFF of 21 megapixels."""

_STARTS: tuple[tuple[bytes, PhotoKind], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
)
_OTHER_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "a PDF"),
    (b"%!PS", "PostScript"),
    (b"8BPS", "a Photoshop document"),
    (b"BM", "a BMP"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"II+\0", "a BigTIFF"),
    (b"MM\0+", "a BigTIFF"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (b"\0\0\x01\0", "an icon"),
)
_BRANDS: tuple[tuple[bytes, str], ...] = (
    # AVIF is not read: its header does not bound what its decoder allocates. A file of 1.4 KB that claimed 64 x 64
    # pixels made libavif 1.4.2 decode 9000 x 7000 (138 MB); libavif's own limit is 268 million pixels.
    (b"avif", "an AVIF"),
    (b"avis", "an AVIF"),
    (b"hei", "a HEIC, as phones write it"),
    (b"hev", "a HEIC, as phones write it"),
    (b"mif1", "a HEIF"),
    (b"msf1", "a HEIF"),
    (b"crx", "a camera's raw file"),
)
_PAGE = re.compile(rb"<\s*(svg|html|!doctype|script|head|body|\?php|\?xml)", re.IGNORECASE)
_LOOK_AHEAD_BYTES = 1024
"""How far into a file PDF readers look for a PDF, and browsers for a page."""

_ACTIVE_CONTENT = re.compile(rb"<script[\s>]|<\?php\s|<!doctype\s+html|<html[\s>]", re.IGNORECASE)
_RAR = b"Rar!\x1a\x07"
_ZIP_END, _ZIP_DIRECTORY = b"PK\x05\x06", b"PK\x01\x02"
_ZIP_END_BYTES, _MAX_ZIP_COMMENT = 22, 0xFFFF


def recognise_kind(data: bytes) -> PhotoKind:
    """Return a photo's kind by its first bytes. Raises `InvalidPhoto`: `photo.wrong-format`, `photo.unreadable`."""
    if not data:
        raise InvalidPhoto("photo.unreadable", "The photo is empty: it has no bytes; export it again.")
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    for start, kind in _STARTS:
        if data.startswith(start):
            return kind
    raise InvalidPhoto("photo.wrong-format", f"The photo is {_other_kind(data)}; give a JPEG, PNG, WebP or TIFF.")


def require_single_meaning(data: bytes) -> None:
    """Raise `InvalidPhoto` (`photo.polyglot`) for a picture that is a document, an archive or a page as well."""
    other = _second_meaning(data)
    if other:
        raise InvalidPhoto(
            "photo.polyglot", f"The photo is a picture and {other} in one file; save the picture alone, by an editor."
        )


def _other_kind(data: bytes) -> str:
    page = _PAGE.search(data, 0, _LOOK_AHEAD_BYTES)
    if page is not None:
        return "an SVG, which is a drawing and no photo" if page[1].lower() == b"svg" or b"<svg" in data else "a page"
    if data[4:8] == b"ftyp":
        return next((name for brand, name in _BRANDS if data[8:12].startswith(brand)), "a film")
    for start, name in _OTHER_STARTS:
        if data.startswith(start):
            return name
    return f"of no known kind (it starts with {one_line(repr(data[:8]), 40)})"


def _second_meaning(data: bytes) -> str | None:
    if b"%PDF-" in data[:_LOOK_AHEAD_BYTES]:
        return "a PDF"
    if _ACTIVE_CONTENT.search(data) is not None:
        return "a web page or a script"
    if _RAR in data:
        return "a RAR archive"
    return "a ZIP archive" if _holds_zip(data) else None


def _holds_zip(data: bytes) -> bool:
    """Tell whether an unpacker finds a ZIP's directory at the end; four bytes alone stand in pixels by chance."""
    begin = max(0, len(data) - _ZIP_END_BYTES - _MAX_ZIP_COMMENT)
    end = data.rfind(_ZIP_END, begin)
    while end >= 0:
        size = int.from_bytes(data[end + 12 : end + 16], "little")
        if size and end >= size and data[end - size : end - size + 4] == _ZIP_DIRECTORY:
            return True
        end = data.rfind(_ZIP_END, begin, end)
    return False
