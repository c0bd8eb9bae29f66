"""Names computed from content: the same input gives the same name on every machine, for ever.

Comes in: plain values. Goes out: sha256 digests. Nothing here reads a clock, a GPU type or a library version; that is
what lets an image made last week, or by another run, be found again instead of being made again.
"""

import hashlib
import json
from collections.abc import Mapping

SHORT_DIGEST_LENGTH = 12
"""Hex digits of a short digest (48 bits): for names that a person reads, never for equality of content."""


_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_REQUEST = {"packshot": "request/1"}


def canonical_json(value: object) -> bytes:
    """Return the one JSON text of `value`: sorted keys, no spaces, UTF-8, no NaN."""
    return _JSON.encode(value).encode("utf-8", "surrogatepass")


def digest(value: object) -> str:
    """Return the sha256 of `value`'s canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def request_key(parameters: Mapping[str, object]) -> str:
    """Return the key of all that changes the pixels (DESIGN: "request key")."""
    return digest({**_REQUEST, **parameters})


class RequestKeyHasher:
    """The request keys of prompts whose other parameters are the same: a fifth of the work, millions of times."""

    def __init__(self, parameters: Mapping[str, object]) -> None:
        """Take all parameters but the prompt."""
        full = {**_REQUEST, **parameters}
        before = canonical_json({name: value for name, value in full.items() if name < "prompt"})
        after = canonical_json({name: value for name, value in full.items() if name > "prompt"})
        self._before = before.removesuffix(b"}") + b',"prompt":'
        self._after = b"," + after.removeprefix(b"{") if after != b"{}" else b"}"

    def key_for(self, prompt: str) -> bytes:
        """Return what `request_key` says of the parameters with this prompt, as 32 bytes."""
        return hashlib.sha256(self._before + canonical_json(prompt) + self._after).digest()


def image_key(request_key: str, attempt: int) -> str:
    """Return the key of one attempt at a request."""
    return hashlib.sha256(f"packshot image/1 {request_key} {attempt}".encode()).hexdigest()


def seed_from_image_key(image_key: str) -> int:
    """Return the image key's seed: 52 bits, so that it survives JSON and fits torch's generators."""
    return int(hashlib.sha256(f"packshot seed/1 {image_key}".encode()).hexdigest()[:13], 16)


def slot_id(sku: str, view: str, variant: str, index: int) -> bytes:
    """Return the 16 bytes that stand for a slot inside one catalogue."""
    text = f"{sku}\x1f{view}\x1f{variant}\x1f{index}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def sku_sha(sku: str) -> str:
    """Return the short digest that keeps SKUs apart whose readable parts look alike (case, accents, symbols)."""
    return hashlib.sha256(sku.encode("utf-8", "surrogatepass")).hexdigest()[:SHORT_DIGEST_LENGTH]


def hash_fraction(text: str, salt: str) -> float:
    """Return a stable number in [0, 1) for `text`: what assigns SKUs to variants."""
    return int.from_bytes(hashlib.sha256(f"{salt}\x1f{text}".encode()).digest()[:6], "big") / 2**48
