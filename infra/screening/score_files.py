"""Score files: the measurements of one image as they are stored, with a tag that binds them to their key.

Inputs: a `Screened` and the key that names its raw pixels, finish and scanners. Outputs: JSON, and what it says where
it is believed.
Invariant: the tag covers every value, the finished file's sha among them, so scores hold for one file's bytes and for
no other; scores that cannot be read or are not believed are measured anew.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from infra.integrity.stored_work_trust import StoredWorkTrust
from infra.interfaces import ObjectStore, Screened

PURPOSE = "scores"
_TAG = "tag"
_BYTES_FIELDS = ("fingerprint", "crop")
"""Fields that are bytes; JSON holds them in hex."""
_UNSTORED_FIELDS = ("refused",)
"""What was met on the way to the result, and is no part of it."""
_MAX_VOUCHERS = 16


class FoundScores(NamedTuple):
    """A score file that was found: its content, None where it is not to be used, and whether it was not believed."""

    screened: Screened | None
    refused: bool = False


def to_json(screened: Screened) -> bytes:
    """Return the stored form of a result, without a tag; `from_json` returns an equal one."""
    return _canonical(_values(screened))


def from_json(data: bytes) -> Screened:
    """Read a stored result, whatever its tag; raise ValueError, KeyError or TypeError for any other bytes."""
    return _parse(data)[0]


def write_scores(store: ObjectStore, key: str, screened: Screened, trust: StoredWorkTrust) -> None:
    """Store a result under its key, tagged where there are keys."""
    values = _values(screened)
    tag = trust.tag(PURPOSE, key, _canonical(values))
    data = _canonical(values if tag is None else {**values, _TAG: tag})
    store.write(key, data, content_type="application/json")


def read_scores(store: ObjectStore, key: str, trust: StoredWorkTrust) -> FoundScores:
    """Return what is stored under a key: nothing for an absent or damaged file, and nothing of what is not believed."""
    data = store.find(key)
    if data is None:
        return FoundScores(None)
    try:
        screened, tag, content = _parse(data)
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
        return FoundScores(None)
    if not trust.believes(store, key, tag, PURPOSE, key, content):
        return FoundScores(None, refused=True)
    return FoundScores(screened)


def is_vouched_for(
    store: ObjectStore,
    prefix: str,
    file_sha: str,
    trust: StoredWorkTrust,
    vouches: Callable[[Screened], bool] | None = None,
) -> bool:
    """Tell whether believed scores under a prefix (of any scanners) name this finished file, and may vouch for it."""
    keys: Iterable[str] = (info.key for _, info in zip(range(_MAX_VOUCHERS), store.list(prefix), strict=False))
    found = (read_scores(store, key, trust).screened for key in keys)
    return any(
        screened is not None and screened.file_sha == file_sha and (vouches is None or vouches(screened))
        for screened in found
    )


def _values(screened: Screened) -> dict[str, Any]:
    values = {name: value for name, value in vars(screened).items() if name not in _UNSTORED_FIELDS}
    return values | {name: values[name].hex() for name in _BYTES_FIELDS}


def _canonical(values: dict[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True).encode()


def _parse(data: bytes) -> tuple[Screened, object, bytes]:
    """Return a stored result, its tag (None where it has none) and the bytes that the tag covers."""
    values = json.loads(data)
    if not isinstance(values, dict):
        raise TypeError("scores are an object of names and values")
    tag = values.pop(_TAG, None)
    content = _canonical(values)
    byte_fields = {name: bytes.fromhex(values[name]) for name in _BYTES_FIELDS}
    return Screened(**{**values, **byte_fields, "looks": tuple(values["looks"])}), tag, content
