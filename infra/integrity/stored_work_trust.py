"""Trust in stored work: which staged images, finished files and scores a process believes.

Inputs: integrity keys (None where they are switched off), and since when the store's work carries tags. Outputs: tags
for new work, and whether found work is believed.
Invariant: with keys, what carries no tag is believed only where the store itself dates it before its first tag, and
then only as long as it lies there unchanged. Without keys everything is believed: `staging/` and `scores/` are then as
trusted as `published/`.
"""

from dataclasses import dataclass
from datetime import datetime

from infra.errors import ObjectMissing
from infra.integrity.keyring import Body, IntegrityKeys
from infra.interfaces import ObjectStore


@dataclass(frozen=True)
class StoredWorkTrust:
    """What found work is believed by. It can be pickled for screening processes and for engines on other hosts."""

    keys: IntegrityKeys | None = None
    tagged_since: datetime | None = None
    """When a store that was older began to carry tags, by its own clock; None: all of its work must carry them."""

    def tag(self, purpose: str, *parts: str | bytes, body: Body | None = None) -> str | None:
        """Return the tag of new work; None where there are no keys."""
        return None if self.keys is None else self.keys.tag(purpose, *parts, body=body)

    def believes(self, store: ObjectStore, key: str, tag: object, purpose: str, *parts: str | bytes) -> bool:
        """Tell whether the work under `key` is believed by its tag, or, where it carries none, by its age."""
        if self.keys is None:
            return True
        if tag is None:
            return self.tagged_since is not None and _is_dated_before(store, key, self.tagged_since)
        return self.keys.accepts(tag, purpose, *parts)


UNCHECKED = StoredWorkTrust()
"""Believes everything, as `PACKSHOT_INTEGRITY=0` does."""


def _is_dated_before(store: ObjectStore, key: str, time: datetime) -> bool:
    try:
        return store.info(key).dated < time
    except ObjectMissing:
        return False
