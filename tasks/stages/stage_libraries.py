"""Stage libraries in a store: read one, and change it without losing what somebody else changes at the same time.

Inputs: a store, a library's name, and a pure change of it. Outputs: the `StageLibrary`. Each change is an object of its
own number that holds the whole library, claimed by a conditional write; the highest number is current. A writer that
finds its number taken reads again and makes its change anew, so every change is checked against what it is applied to.

Old numbers go: the newest `KEPT_VERSIONS` stay, and whatever is younger than `SETTLED`. A writer claims a number within
`CLAIM_WITHIN` of having read the one before, so a number that was claimed and deleted is never claimed again.
"""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.stages.library import StageLibrary, parse_library
from catalogs.stages.stage import STAGE_NAME
from infra.errors import ObjectMissing, StoreError
from infra.interfaces import ObjectStore
from infra.stores.json_objects import encode_json, parse_json_object
from infra.stores.sequence import ObjectSequence
from infra.stores.stored_documents import reading

KEPT_VERSIONS = 20
"""Old states that stay, for a person who wants to know what was there: some hundred kilobytes."""
SETTLED = timedelta(minutes=10)
CLAIM_WITHIN = timedelta(minutes=2)
MAX_CONFLICTS = 50
"""Concurrent changes that may come first, one after another, before giving up."""
_TRIES = 5
"""How often a state is looked for again that others have replaced and deleted between listing and reading it."""

_CHANGE_KEY = re.compile(rf"({STAGE_NAME[1:-1]})/[0-9]{{8,}}\.json")
"""A library's name and a change of it; other files below the prefix, as a desktop leaves them, are no libraries."""

LibraryChange = Callable[[StageLibrary], StageLibrary]


def check_library_name(name: str, option: str = "--library") -> str:
    """Return a name that a library may have. Raises `OptionError`, naming the option, for another."""
    if re.fullmatch(STAGE_NAME, name) is None:
        raise OptionError(f"{option}: {name!r} must be 1 to 63 of a-z, 0-9 and dashes, and not begin with a dash")
    return name


def list_libraries(store: ObjectStore) -> list[str]:
    """Return the names of the libraries of a store, sorted."""
    prefix = layout.stage_changes_prefix("").removesuffix("/")
    names = (_CHANGE_KEY.fullmatch(info.key.removeprefix(prefix)) for info in store.list(prefix))
    return sorted({found[1] for found in names if found is not None})


def read_library(store: ObjectStore, name: str) -> StageLibrary:
    """Return a library as it is; an empty one where there is none. Raises `DocumentUnreadable`, which names the key."""
    check_library_name(name)
    for _ in range(_TRIES):
        number = _changes(store, name).latest()
        if not number:
            return StageLibrary(name)
        key = layout.stage_change(name, number)
        try:
            data = store.read(key)
        except ObjectMissing:  # others have changed it so often meanwhile that this state was deleted
            continue
        with reading(key, f"the library {name!r} of stages"):
            return parse_library(name, number, parse_json_object(data, key))
    raise StoreError(f"The library {name!r} of stages changes faster than it is read; give the command again")


def change_library(store: ObjectStore, name: str, change: LibraryChange) -> StageLibrary:
    """Make a change and return the library after it. `change` is called again after a concurrent change.

    A change that changes nothing writes nothing. Raises what `change` raises, and `StoreError` where others come first
    `MAX_CONFLICTS` times.
    """
    sequence = _changes(store, name)
    for _ in range(MAX_CONFLICTS):
        started = time.monotonic()
        library = read_library(store, name)
        after = change(library)
        if after.stages == library.stages:
            return library
        data, number = encode_json(after.document()), library.number + 1
        if time.monotonic() - started > CLAIM_WITHIN.total_seconds():
            continue
        if sequence.claim(number, data, content_type="application/json"):
            _delete_old_states(store, sequence)
            return StageLibrary(name, number, after.stages)
    raise StoreError(
        f"The library {name!r} was changed {MAX_CONFLICTS} times by others meanwhile; give the command again"
    )


def _delete_old_states(store: ObjectStore, sequence: ObjectSequence) -> None:
    infos = list(store.list(sequence.prefix))
    if len(infos) > KEPT_VERSIONS:
        young = sum(info.modified > store.now() - SETTLED for info in infos)
        sequence.keep_newest(sequence.numbers(), max(KEPT_VERSIONS, young))


def _changes(store: ObjectStore, name: str) -> ObjectSequence:
    return ObjectSequence(store, layout.stage_changes_prefix(name), partial(layout.stage_change, name))
