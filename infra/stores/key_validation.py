"""Validate object keys and prefixes, by the same rules for every store.

Inputs: a key or prefix. Outputs: the same text, or `ValueError`.
A store in memory refuses what S3 would refuse, so that a test finds it. A bad key is a defect of Packshot's (keys are
built in one place), so it is no `ExternalError`.
"""

TEMPORARY_PREFIX = ".tmp-"
"""Names of unfinished files begin with this; no key may."""

MAX_KEY_BYTES = 1024
"""Bytes of UTF-8; S3's own limit."""


def check_key(key: str) -> str:
    """Return `key` if it is a relative, plain, slash-separated name; raise `ValueError` otherwise."""
    _check_text(key)
    for part in key.split("/"):
        if part in {"", ".", ".."} or part.startswith(TEMPORARY_PREFIX):
            raise ValueError(f"{key!r} is not an object key: its part {part!r} is not allowed.")
    return key


def check_prefix(prefix: str) -> str:
    """Return `prefix` if keys may begin with it (it may be empty, or end in the middle of a name)."""
    _check_text(prefix)
    if prefix.startswith("/") or "//" in prefix or any(part in {".", ".."} for part in prefix.split("/")):
        raise ValueError(f"{prefix!r} is not a key prefix: it must be relative and plain.")
    return prefix


def _check_text(text: str) -> None:
    # isprintable is one C loop; only texts that fail it (accents never do) are checked letter by letter.
    if "\\" in text or (not text.isprintable() and any(ord(letter) < 32 or ord(letter) == 127 for letter in text)):
        raise ValueError(f"{text!r} has a backslash or a control character, which no key may have.")
    if len(text.encode("utf-8")) > MAX_KEY_BYTES:
        raise ValueError(f"A key of {len(text)} characters is longer than the {MAX_KEY_BYTES} bytes that S3 takes.")
