"""Small JSON documents as objects.

Inputs: a store, a key, a mapping. Outputs: the same mapping, read back; `DocumentUnreadable` for anything else.
"""

import json
from collections.abc import Mapping
from typing import Any

from infra.bounded_json import parse_bounded_json
from infra.errors import DocumentUnreadable, one_line
from infra.interfaces import ObjectStore

MAX_DOCUMENT_BYTES = 256 * 2**20
"""The largest document: what is long (plans, outcomes, releases) is Parquet or a table."""

_ADVICE = "restore that object from the bucket's old versions or a backup"


def write_json(store: ObjectStore, key: str, content: Mapping[str, Any]) -> None:
    """Write a document. What JSON does not know (times, enums) is written as text."""
    store.write(key, encode_json(content), content_type="application/json")


def write_json_once(store: ObjectStore, key: str, content: Mapping[str, Any]) -> bool:
    """Write a document only if there is none; True if this call made it."""
    return store.write_once(key, encode_json(content), content_type="application/json")


def read_json(store: ObjectStore, key: str) -> dict[str, Any]:
    """Read a document. Raises `ObjectMissing`, or `DocumentUnreadable` for what is no object of JSON."""
    return parse_json_object(store.read(key), key)


def find_json(store: ObjectStore, key: str) -> dict[str, Any] | None:
    """Read a document, or return None: of those that a listing has named, another process may have deleted some."""
    data = store.find(key)
    return None if data is None else parse_json_object(data, key)


def parse_json_object(data: bytes, key: str) -> dict[str, Any]:
    """Return the document in an object's bytes. Raises `DocumentUnreadable`, which names its key."""
    try:
        document = parse_bounded_json(data, MAX_DOCUMENT_BYTES)
    except (ValueError, MemoryError) as error:  # ValueError: no JSON, no UTF-8, too deep, a number of 5,000 digits
        raise DocumentUnreadable(f"{key} is damaged, it is no JSON ({one_line(error)}): {_ADVICE}.") from None
    if not isinstance(document, dict):
        raise DocumentUnreadable(f"{key} is damaged, it holds a {type(document).__name__}: {_ADVICE}.")
    return document


def encode_json(content: Mapping[str, Any]) -> bytes:
    """Return a document as UTF-8 JSON; values that JSON does not know (times, enums) become text."""
    text = json.dumps(content, indent=1, ensure_ascii=False, default=str, allow_nan=False)
    return text.encode("utf-8", "replace")
