"""Kept documents: what was kept in a staged image, beside it in the store.

Inputs: a key, and the JSON text of a kept record. Outputs: the text, where it is believed.
Invariant: it is written before its image, and the first one counts. With keys it carries a tag that binds it to its
key, so that nobody gives an image better scores than it has. Its fields stay on the top level, beside the tag.
"""

import json

from infra.integrity.stored_work_trust import StoredWorkTrust
from infra.interfaces import ObjectStore

PURPOSE = "kept document"
_TAG = "tag"


def write_kept_document(store: ObjectStore, key: str, text: str, trust: StoredWorkTrust) -> bool:
    """Write the document if there is none that is believed; tell whether the stored one has this text."""
    if store.write_once(key, _encode(key, text, trust), content_type="application/json"):
        return True
    found = find_kept_document(store, key, trust)
    if found is None:
        store.write(key, _encode(key, text, trust), content_type="application/json")
    return found in (None, _canonical(text))


def replace_kept_document(store: ObjectStore, key: str, text: str, trust: StoredWorkTrust) -> None:
    """Write the document in the place of another one, of which no image was staged."""
    store.write(key, _encode(key, text, trust), content_type="application/json")


def find_kept_document(store: ObjectStore, key: str, trust: StoredWorkTrust) -> str | None:
    """Return the document's text, without its tag; None where there is none, or it is damaged or not believed."""
    data = store.find(key)
    if data is None:
        return None
    try:
        values = json.loads(data)
        tag = values.pop(_TAG, None)
        text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return text if trust.believes(store, key, tag, PURPOSE, key, text) else None


def _encode(key: str, text: str, trust: StoredWorkTrust) -> bytes:
    tag = trust.tag(PURPOSE, key, _canonical(text))
    if tag is None:
        return text.encode()
    return json.dumps({**json.loads(text), _TAG: tag}, sort_keys=True, ensure_ascii=False).encode()


def _canonical(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
