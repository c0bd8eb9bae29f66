"""JPEG segments: is there anything in a finished file that `infra.imaging.finishing` does not write?

Inputs: the bytes of a finished JPEG, before it is signed. Outputs: None, or words for the first part that is not ours.
Invariant: allowed are one JFIF header, an XMP packet of ours, our sRGB profile, the tables, one baseline frame, one
scan, and nothing after the end. So no comment, EXIF, thumbnail, foreign profile or second file reaches a published
image.
"""

from collections.abc import Iterator

from infra.imaging.finishing import ICC_DATE, srgb_profile
from infra.imaging.source_marks import MARK_PACKETS

MAX_PROFILE_BYTES = 1024
"""LittleCMS writes an sRGB profile of 588 to 672 bytes, by its version."""

_APP0, _APP1, _APP2, _SOF0, _DHT, _SOS, _DQT = 0xE0, 0xE1, 0xE2, 0xC0, 0xC4, 0xDA, 0xDB
_ONCE = frozenset({_APP0, _APP1, _APP2, _SOF0})
_START, _END = b"\xff\xd8", b"\xff\xd9"
_JFIF = (b"JFIF\0\x01\x01", b"JFIF\0\x01\x02")
_JFIF_BYTES = 14
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0\x01\x01"
_QUANTIZATION_TABLE_BYTES, _HUFFMAN_COUNTS = 65, 16
_FRAME_BYTES, _SCAN_BYTES = 15, 10
"""Lengths of the headers of a frame and a scan of three components."""


def find_foreign_part(jpeg: bytes) -> str | None:
    """Return what in this JPEG the finish does not write, in words; None where it is all ours."""
    if not jpeg.startswith(_START):
        return "it is no JPEG"
    seen: set[int] = set()
    offset = len(_START)
    for marker, content, offset in _segments(jpeg):
        if marker in seen and marker in _ONCE:
            return f"a second segment FF{marker:02X}"
        seen.add(marker)
        if not _is_ours(marker, content):
            return f"a segment FF{marker:02X} of {len(content)} bytes that no finish writes"
        if marker == _SOS:
            return _find_after_scan_header(jpeg, offset)
    return f"bytes at {offset} that are no segment"


def _segments(jpeg: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield marker, content and end of each segment, up to the first bytes that are none."""
    offset = len(_START)
    while offset + 4 <= len(jpeg) and jpeg[offset] == 0xFF:
        end = offset + 2 + int.from_bytes(jpeg[offset + 2 : offset + 4], "big")
        if end > len(jpeg) or end < offset + 4:
            return
        yield jpeg[offset + 1], jpeg[offset + 4 : end], end
        offset = end


def _is_ours(marker: int, content: bytes) -> bool:
    if marker == _APP0:
        return content.startswith(_JFIF) and len(content) == _JFIF_BYTES and content.endswith(b"\0\0")
    if marker == _APP1:
        return content.startswith(_XMP) and content[len(_XMP) :] in MARK_PACKETS
    if marker == _APP2:
        return content.startswith(_ICC) and _is_our_profile(content[len(_ICC) :])
    if marker == _DQT:
        sizes = range(0, len(content), _QUANTIZATION_TABLE_BYTES)
        return len(content) % _QUANTIZATION_TABLE_BYTES == 0 and all(content[start] < 4 for start in sizes)
    if marker == _DHT:
        return _are_huffman_tables(content)
    if marker == _SOF0:
        return len(content) == _FRAME_BYTES and content[0] == 8 and content[5] == 3
    return marker == _SOS and len(content) == _SCAN_BYTES and content[0] == 3


def _is_our_profile(profile: bytes) -> bool:
    """Tell whether it is the profile that we write, or one that another LittleCMS writes with our date."""
    ours = srgb_profile()
    if profile == ours:
        return True
    is_short = ICC_DATE.stop < len(profile) <= MAX_PROFILE_BYTES
    kinds, signature = slice(12, 24), slice(36, 40)
    return (
        is_short
        and int.from_bytes(profile[:4], "big") == len(profile)
        and all(profile[part] == ours[part] for part in (kinds, ICC_DATE, signature))
    )


def _are_huffman_tables(content: bytes) -> bool:
    offset = 0
    while offset + 1 + _HUFFMAN_COUNTS <= len(content):
        offset += 1 + _HUFFMAN_COUNTS + sum(content[offset + 1 : offset + 1 + _HUFFMAN_COUNTS])
    return offset == len(content)


def _find_after_scan_header(jpeg: bytes, start: int) -> str | None:
    """Look through the scan: in its data every FF is followed by a zero, and the end's marker is the file's end."""
    end = len(jpeg) - len(_END)
    if end < start or jpeg[end:] != _END:
        return "bytes after the end of the image, or no end"
    if jpeg.count(b"\xff", start, end) != jpeg.count(b"\xff\0", start, end):
        return "a marker inside the scan, or bytes after the end of the image"
    return None
