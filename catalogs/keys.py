"""Keys and digests: names computed from content, equal on every machine and for ever.

Inputs: plain values. Outputs: sha256 digests. Nothing here reads a clock, a GPU type or a library version, so an image
that was generated last week, or by another run, is found and reused.
"""

import hashlib
import json
from collections.abc import Mapping

SHORT_DIGEST_LENGTH = 12
"""Hex digits of a short digest (48 bits): for names that people read, never to compare content."""


_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_REQUEST = {"packshot": "request/1"}


def canonical_json(value: object) -> bytes:
    """Return the canonical JSON of `value`: sorted keys, no spaces, UTF-8, no NaN."""
    return _JSON.encode(value).encode("utf-8", "surrogatepass")


def digest(value: object) -> str:
    """Return the sha256 of `value`'s canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def request_key(parameters: Mapping[str, object]) -> str:
    """Return the request key: the digest of every parameter that changes the pixels."""
    return digest({**_REQUEST, **parameters})


class RequestKeyHasher:
    """Computes request keys of prompts that share all other parameters, at a fifth of the cost: there are millions."""

    def __init__(self, parameters: Mapping[str, object]) -> None:
        """Take all parameters except the prompt."""
        full = {**_REQUEST, **parameters}
        before = canonical_json({name: value for name, value in full.items() if name < "prompt"})
        after = canonical_json({name: value for name, value in full.items() if name > "prompt"})
        self._before = before.removesuffix(b"}") + b',"prompt":'
        self._after = b"," + after.removeprefix(b"{") if after != b"{}" else b"}"

    def key_for(self, prompt: str) -> bytes:
        """Return the `request_key` of the parameters with this prompt, as 32 bytes."""
        return hashlib.sha256(self._before + canonical_json(prompt) + self._after).digest()


def image_key(request_key: str, attempt: int) -> str:
    """Return the key of one attempt at a request."""
    return hashlib.sha256(f"packshot image/1 {request_key} {attempt}".encode()).hexdigest()


def seed_from_image_key(image_key: str) -> int:
    """Return the seed of an image key: 52 bits, which JSON keeps exactly and torch's generators accept."""
    return int(hashlib.sha256(f"packshot seed/1 {image_key}".encode()).hexdigest()[:13], 16)


def slot_id(sku: str, view: str, variant: str, index: int) -> bytes:
    """Return the id of a slot inside one catalogue: 16 bytes."""
    return slot_id_of_bytes(sku.encode("utf-8", "surrogatepass"), slot_suffix(view, variant, index))


def slot_suffix(view: str, variant: str, index: int) -> bytes:
    """Return what a slot's id hashes after its SKU; the planner shares it among the rows of a batch."""
    return f"\x1f{view}\x1f{variant}\x1f{index}".encode("utf-8", "surrogatepass")


def slot_id_of_bytes(sku: bytes, suffix: bytes) -> bytes:
    """Return the id of the slot of a SKU in UTF-8, with the suffix of its view, variant and index."""
    return hashlib.sha256(sku + suffix).digest()[:16]


def sku_sha(sku: str) -> str:
    """Return a short digest that distinguishes SKUs with equal slugs (case, accents, symbols)."""
    return hashlib.sha256(sku.encode("utf-8", "surrogatepass")).hexdigest()[:SHORT_DIGEST_LENGTH]


def hash_fraction(text: str, salt: str) -> float:
    """Return a stable number in [0, 1) for `text`, for example to assign SKUs to variants."""
    return int.from_bytes(hashlib.sha256(f"{salt}\x1f{text}".encode()).digest()[:6], "big") / 2**48
