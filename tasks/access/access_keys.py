"""People's keys in a store: made, found by their token, listed, revoked.

Inputs: a store, names, scopes, tokens. Outputs: tokens, once each; `AccessKey`s. `AccessKeyring` is what a server asks
at every request: it remembers what it read for `REMEMBERED`, so a revoked key opens nothing a minute later, and it is
safe for several threads. A store holds a key a person and a few that ended; `sweep` removes those a while after.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from hmac import compare_digest
from threading import Lock

from catalogs import layout
from catalogs.access.access_key import (
    ID_LENGTH,
    TOKEN_BYTES,
    TOKEN_PREFIX,
    AccessKey,
    is_key_id,
    parse_access_key,
    token_sha,
)
from catalogs.answers.person import Scope, check_person_name
from catalogs.errors import OptionError
from infra.interfaces import ObjectInfo, ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.json_objects import find_json, write_json, write_json_once
from infra.stores.stored_documents import reading

REMEMBERED = timedelta(seconds=60)
"""How long a server trusts what it read: the longest that a revoked key still opens."""
MAX_REMEMBERED = 1000
"""Keys that a server remembers: strangers' tokens must not fill its memory."""


def add_access_key(
    store: ObjectStore, name: str, scopes: frozenset[Scope], *, by: str, days: int | None = None
) -> tuple[str, AccessKey]:
    """Make a key for a person who has none, and return its token, which nobody can read again.

    Raises `OptionError` for a name that cannot be shown, and for a person who has a key.
    """
    now = store.now()
    check_person_name(name)
    if held := [key for key in read_access_keys(store) if key.name == name and key.is_active(now)]:
        raise OptionError(
            f"NAME: {name} has the key {held[0].id} already; `packshot keys revoke` ends it, then add another."
        )
    token = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    expires_at = None if days is None else now + timedelta(days=days)
    key = AccessKey(token_sha(token), name, scopes, now, by, expires_at)
    if not write_json_once(store, layout.access_key(key.id), key.document()):
        raise OptionError("NAME: a key with the same id exists; give the command again.")  # once in 2**64
    return token, key


def read_access_keys(store: ObjectStore) -> Sequence[AccessKey]:
    """Return every key of a store, ended ones too, oldest first."""
    names = [info.key for info in store.list(layout.ACCESS_KEYS)]
    found = []
    for name, document in zip(names, concurrent_map(store, partial(find_json, store), names), strict=True):
        if document is not None:
            with reading(name, "an access key"):
                found.append(parse_access_key(document))
    return sorted(found, key=lambda key: (key.created_at, key.id))


def revoke_access_keys(store: ObjectStore, name: str) -> Sequence[AccessKey]:
    """End every key of a person, and return them. Raises `OptionError` where nobody of that name has one."""
    now = store.now()
    keys = read_access_keys(store)
    held = [key for key in keys if key.name == name and key.is_active(now)]
    if not held:
        names = ", ".join(sorted({key.name for key in keys if key.is_active(now)})) or "nobody"
        raise OptionError(f"NAME: {name!r} has no key that opens anything; {names} has.")
    ended = [key.revoked(now) for key in held]
    for key in ended:
        write_json(store, layout.access_key(key.id), key.document())
    return ended


def find_access_key(store: ObjectStore, key_id: str) -> AccessKey | None:
    """Return the key of an id, ended or not; None where there is none."""
    if not is_key_id(key_id):
        return None
    name = layout.access_key(key_id)
    document = find_json(store, name)
    if document is None:
        return None
    with reading(name, "an access key"):
        return parse_access_key(document)


def find_ended_access_keys(store: ObjectStore, before: datetime) -> Iterator[ObjectInfo]:
    """Yield the objects of keys that were revoked or expired before a time; one that cannot be read is never old."""
    for info in store.list(layout.ACCESS_KEYS):
        document = find_json(store, info.key)
        with reading(info.key, "an access key"):
            ended = parse_access_key(document).ended_at(before) if document is not None else None
        if ended is not None:
            yield info


class AccessKeyring:
    """The keys that open one server."""

    def __init__(self, store: ObjectStore) -> None:
        self._store, self._lock = store, Lock()
        self._by_id: dict[str, tuple[datetime, AccessKey | None]] = {}
        self._all: tuple[datetime, Sequence[AccessKey]] | None = None

    def find_by_token(self, token: str) -> AccessKey | None:
        """Return the key that a token opens now; the store is always asked."""
        sha = token_sha(token)
        key = find_access_key(self._store, sha[:ID_LENGTH])
        if key is None or not compare_digest(key.token_sha, sha) or not key.is_active(self._store.now()):
            return None
        return key

    def find_by_id(self, key_id: str) -> AccessKey | None:
        """Return the key of an id that opens something now, as it was at most a minute ago."""
        now = self._store.now()
        with self._lock:
            remembered = self._by_id.get(key_id)
        if remembered is None or now - remembered[0] >= REMEMBERED:
            remembered = (now, find_access_key(self._store, key_id))
            with self._lock:
                self._by_id.pop(key_id, None)
                self._by_id[key_id] = remembered
                if len(self._by_id) > MAX_REMEMBERED:
                    del self._by_id[next(iter(self._by_id))]
        key = remembered[1]
        return key if key is not None and key.is_active(now) else None

    def find_by_name(self, name: str) -> AccessKey | None:
        """Return the newest key of a person that opens something now, as it was at most a minute ago."""
        return self._find(lambda key: key.name == name)

    def is_empty(self) -> bool:
        """Tell whether no key opens anything."""
        return self._find(lambda _: True) is None

    def _find(self, is_wanted: Callable[[AccessKey], bool]) -> AccessKey | None:
        now = self._store.now()
        with self._lock:
            if self._all is None or now - self._all[0] >= REMEMBERED:
                self._all = (now, read_access_keys(self._store))
            keys = self._all[1]
        return next((key for key in reversed(keys) if is_wanted(key) and key.is_active(now)), None)
