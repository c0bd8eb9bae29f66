"""Integrity keys: message authentication codes (MACs) over stored work, by a key that the store does not hold.

Inputs: secrets, the newest first; a purpose, the parts and the large body that a tag binds. Outputs: tags (`key
id.HMAC-SHA256`, both in hex), and whether a tag is one of ours.
Invariant: a tag made for one purpose is none for another, and parts are joined with their lengths, so that no two lists
of parts have one tag. The first key signs, every key is accepted: rotation puts a new key first and drops the last
one when the work that it signed has been swept.
A large body enters the HMAC as its Poly1305, by a key that an HMAC over the other parts gives: a universal hash whose
value only a PRF sees, so it needs no nonce. Another body passes with a chance of less than 2^-79 for each one that is
tried (of up to 256 MiB), and without the key none can be searched for. 2 MB take 0.14 ms; SHA-256 took 1.0 ms where the
processor has instructions for it.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

from cryptography.hazmat.primitives.poly1305 import Poly1305

from infra.errors import IntegrityKeyError

MIN_KEY_CHARACTERS = 32
"""Shorter text can be guessed. `openssl rand -hex 32` gives 64 characters, which are 256 bits."""
_KEY_ID_CHARACTERS = 8
_TAG = re.compile(r"([0-9a-f]{8})\.([0-9a-f]{64})")
_SEPARATORS = re.compile(r"[\s,]+")

Body = bytes | memoryview
"""What a tag binds besides its parts where it is megabytes: a staged image."""


class IntegrityKeys:
    """Keys that sign and check stored work. They can be pickled for worker processes, and print as their ids."""

    def __init__(self, secrets: Iterable[bytes]) -> None:
        """Keep the keys, the signing one first; raises `IntegrityKeyError` for none, a short one or a repeated one."""
        keys = tuple(secrets)
        if not keys:
            raise IntegrityKeyError("There is no integrity key; give at least one.")
        for position, key in enumerate(keys, 1):
            if len(key) < MIN_KEY_CHARACTERS:
                raise IntegrityKeyError(
                    f"Integrity key {position} has {len(key)} characters; {MIN_KEY_CHARACTERS} are the least:"
                    " make one by `openssl rand -hex 32`."
                )
        self._keys = {_key_id(key): key for key in keys}
        if len(self._keys) < len(keys):
            raise IntegrityKeyError("An integrity key is given twice; give each once, the signing one first.")

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids of all keys, the signing one first; an id reveals nothing of its key."""
        return tuple(self._keys)

    def tag(self, purpose: str, *parts: str | bytes, body: Body | None = None) -> str:
        """Return the tag that binds these parts, and a body of megabytes, to this purpose, by the signing key."""
        key_id = self.ids[0]
        return f"{key_id}.{_mac(self._keys[key_id], purpose, parts, body)}"

    def accepts(self, tag: object, purpose: str, *parts: str | bytes, body: Body | None = None) -> bool:
        """Tell whether one of the keys made this tag for this purpose, parts and body; anything else is refused."""
        match = _TAG.fullmatch(tag) if isinstance(tag, str) else None
        if match is None or match[1] not in self._keys:
            return False
        return hmac.compare_digest(match[2], _mac(self._keys[match[1]], purpose, parts, body))

    def __repr__(self) -> str:
        """Name the keys by their ids: a secret reaches no log."""
        return f"IntegrityKeys({', '.join(self._keys)})"


def parse_keys(text: str) -> IntegrityKeys:
    """Return the keys in a text, separated by white space or commas; a line that begins with # is a comment."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return IntegrityKeys(word.encode() for word in _SEPARATORS.split("\n".join(lines)) if word)


def _key_id(key: bytes) -> str:
    return _hmac(key, "key id").hex()[:_KEY_ID_CHARACTERS]


def _mac(key: bytes, purpose: str, parts: tuple[str | bytes, ...], body: Body | None) -> str:
    if body is not None:
        parts = (*parts, Poly1305.generate_tag(_hmac(key, f"{purpose}: body key", *parts), body))
    return _hmac(key, purpose, *parts).hex()


def _hmac(key: bytes, *parts: str | bytes) -> bytes:
    code = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        code.update(len(data).to_bytes(8, "big"))
        code.update(data)
    return code.digest()
