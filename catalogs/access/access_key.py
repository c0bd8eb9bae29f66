"""Access key: who somebody is and what they may do, found by a token that only they know.

Inputs: a token's text; a key's fields. Outputs: a frozen `AccessKey` and its JSON document, read back. Pure. The store
never holds a token: a key keeps the token's sha256, and its id is the beginning of that. So the object that a sign-in
reads is named by a digest, whatever text was sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from catalogs.answers.person import Person, Scope, scope_names

TOKEN_PREFIX = "packshot_"  # noqa: S105 - how every token begins, so that scanners of secrets know one
TOKEN_BYTES = 32
"""Random bytes of a token: 256 bits, so that a plain sha256 is enough and guessing is hopeless."""
ID_LENGTH = 16
"""Hex digits of a key's id: 64 bits tell all keys of a store apart; the whole sha256 is compared."""

_ID = re.compile(f"[0-9a-f]{{{ID_LENGTH}}}")


@dataclass(frozen=True)
class AccessKey:
    """One key of one person. Times are in UTC; `expires_at` None is never, `revoked_at` None is not."""

    token_sha: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    created_by: str = ""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def id(self) -> str:
        """Return what names the key in the store, in lists and in the access log."""
        return self.token_sha[:ID_LENGTH]

    @property
    def person(self) -> Person:
        """Return who holds the key."""
        return Person(self.name, self.scopes)

    def is_active(self, now: datetime) -> bool:
        """Tell whether the key opens anything at this time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def ended_at(self, now: datetime) -> datetime | None:
        """Return when the key ended, by revocation or expiry, or None where it still opens."""
        ends = [when for when in (self.revoked_at, self.expires_at) if when is not None and when <= now]
        return min(ends, default=None)

    def revoked(self, when: datetime) -> "AccessKey":
        """Return the key, revoked; an earlier revocation stays."""
        return self if self.revoked_at is not None else replace(self, revoked_at=when)

    def document(self) -> dict[str, Any]:
        """Return the key as JSON, as it lies in the store."""
        return {"token_sha256": self.token_sha, **self.description()}

    def description(self) -> dict[str, Any]:
        """Return what may be shown of the key."""
        times = {"created_at": self.created_at, "expires_at": self.expires_at, "revoked_at": self.revoked_at}
        return {
            "id": self.id,
            "name": self.name,
            "scopes": scope_names(self.scopes),
            "created_by": self.created_by,
            **{name: when and when.isoformat() for name, when in times.items()},
        }


def token_sha(token: str) -> str:
    """Return the sha256 of a token, whatever its text."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_key_id(text: str) -> bool:
    """Tell whether a text has the form of a key's id."""
    return _ID.fullmatch(text) is not None


def parse_access_key(document: Mapping[str, Any]) -> AccessKey:
    """Return the key in a document. Raises ValueError, KeyError or TypeError for one of a wrong shape.

    A scope that a later Packshot added is left out: here it opens nothing.
    """
    sha = document["token_sha256"]
    if not isinstance(sha, str) or re.fullmatch("[0-9a-f]{64}", sha) is None:
        raise ValueError("token_sha256 is no sha256")
    name, created_by, names = document["name"], document.get("created_by", ""), document["scopes"]
    if not (isinstance(name, str) and name and isinstance(created_by, str) and isinstance(names, list)):
        raise TypeError("name, created_by and scopes are text, text and a list")
    scopes = frozenset(Scope(each) for each in names if each in set(Scope))
    created, expires, revoked = (_time(document, field) for field in ("created_at", "expires_at", "revoked_at"))
    if created is None:
        raise ValueError("created_at is missing")
    return AccessKey(sha, name, scopes, created, created_by, expires, revoked)


def _time(document: Mapping[str, Any], field: str) -> datetime | None:
    text = document.get(field)
    if text is None:
        return None
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"{field} has no zone")
    return when
