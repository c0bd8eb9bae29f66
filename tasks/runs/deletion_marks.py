"""Deletion marks: keep a sweep from deleting an old object that a run or a rollback is about to name.

Inputs: a store and a catalogue. Outputs: a mark, set for as long as a batch is deleted; a wait until no mark is set.
Age protects what was just written; only an old object that nothing names yet can be lost: a rollback's, or one that a
run finds where it would write equal bytes. Both sides first say what they are about to do, and then look:

| sweep                                | run                                  | rollback                            |
| ------------------------------------ | ------------------------------------ | ----------------------------------- |
| sets its mark                        | writes the object again, so it is new | writes its marker                  |
| looks at times and rollbacks' markers | waits until no mark is set           | waits until no mark is set          |
| deletes, takes its mark away         | looks whether the object is there    | looks whether its objects are there |

Whichever comes first, the other sees it. A mark older than `MARK_LIFETIME` is of a killed sweep and is not waited for;
a sweep whose own mark is that old deletes nothing more.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from catalogs import layout
from infra.coordination.running_process import running_process
from infra.errors import ObjectMissing
from infra.interfaces import ObjectStore
from infra.stores.json_objects import write_json

MARK_LIFETIME = timedelta(minutes=10)
"""A batch takes seconds, and at most as long as a store may be away."""
POLL_SECONDS = 0.5
REFRESHED_WITHIN = timedelta(hours=12)
"""An object written within this time is too young for any sweep, which deletes nothing younger than a day."""


@dataclass(frozen=True)
class DeletionMark:
    """A mark that this process has set, and since when."""

    store: ObjectStore
    since: datetime

    @property
    def counts(self) -> bool:
        """Tell whether others still wait for this mark; with half of its time over, deleting must not begin."""
        return self.store.now() - self.since < MARK_LIFETIME / 2


@contextmanager
def set_deletion_mark(store: ObjectStore, catalogue: str) -> Iterator[DeletionMark]:
    """Set a mark for as long as the block lasts; what may be deleted is looked at inside it."""
    key = layout.deletion_mark(catalogue, uuid4().hex)
    since = store.now()
    write_json(store, key, {"since": since})
    try:
        yield DeletionMark(store, since)
    finally:
        store.delete([key])


def await_deletions(store: ObjectStore, catalogue: str, poll_seconds: float = POLL_SECONDS) -> None:
    """Wait until no sweep deletes objects of the catalogue: afterwards, what is there stays there.

    The caller has said before what it is about to name. Marks of killed sweeps are not waited for.
    """
    while any(
        info.modified > store.now() - MARK_LIFETIME for info in store.list(layout.deletion_marks_prefix(catalogue))
    ):
        running_process().sleep(poll_seconds)


def write_shared_object(
    store: ObjectStore,
    catalogue: str,
    key: str,
    data: bytes,
    *,
    content_type: str | None = None,
    cache_control: str | None = None,
    replaces_others: bool = False,
) -> None:
    """Write an object whose key is of its bytes, or make an equal one that is there already safe from a sweep.

    An object with other bytes is left as it is, and the caller reads back what it published; with `replaces_others` it
    is written over.
    """
    headers = {"content_type": content_type, "cache_control": cache_control}
    if store.write_once(key, data, **headers):
        return
    existing = store.find(key)
    differs = existing is not None and existing != data
    if (differs and not replaces_others) or (existing == data and _is_young(store, key)):
        return
    store.write(key, data, **headers)
    await_deletions(store, catalogue)
    store.write_once(key, data, **headers)


def _is_young(store: ObjectStore, key: str) -> bool:
    try:
        return store.info(key).modified > store.now() - REFRESHED_WITHIN
    except ObjectMissing:
        return False
