"""Go back to an earlier release: its pictures are live again, and what is taken back stays away.

Comes in: a catalogue and a release's version. Goes out: an `ManifestChange`. Delta's own restore would not say which
rows have moved; this is a commit like every other. Whoever calls it holds the catalogue's lease.
"""

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.runs.commit_kinds import ROLLBACK_KIND
from infra.errors import StoreError
from infra.interfaces import ObjectStore, TableStore
from infra.stores.concurrency import concurrent_map
from tasks.amendments.manifest_change import (
    ManifestChange,
    begin_change,
    complete_change,
    diff_releases,
    new_change_run,
    recover_changes,
)
from tasks.runs.release_history import ReleaseSummary, list_releases

_MAX_NAMED = 20


def rollback(store: ObjectStore, tables: TableStore, catalogue: str, version: int | None = None) -> ManifestChange:
    """Make the pictures of release `version` live again; by default those of the release before the current one.

    A killed rollback to the same release is completed instead of begun anew. Twice by default is there and back again:
    the release before a rollback's is the one that it went back from.

    Raises `OptionError` where there is no such catalogue or release, and `StoreError` where one of the release's
    pictures is gone; nothing is written then.
    """
    for intent, done in recover_changes(store, tables, catalogue, holds_lease=True):
        if intent.kind == ROLLBACK_KIND and version in (intent.details["asked"], intent.details["target"]):
            return done
    target = _choose_target(list_releases(tables, catalogue, store), catalogue, version)
    base = tables.version(layout.manifest_table(catalogue))
    assert base is not None  # noqa: S101 - it has releases
    reversal = diff_releases(tables, catalogue, base, target)
    _require_objects(store, reversal.restored["object"].to_pylist(), target)
    intent = begin_change(store, new_change_run(catalogue), ROLLBACK_KIND, {"target": target, "asked": version})
    return complete_change(store, tables, intent, {base: reversal})


def _choose_target(catalogue_releases: list[ReleaseSummary], catalogue: str, version: int | None) -> int:
    kept = [line for line in catalogue_releases if line.kept]
    others = [line.version for line in kept if not line.current]
    if version is not None and version in others:
        return version
    there = ", ".join(map(str, others[:_MAX_NAMED])) + (" …" if len(others) > _MAX_NAMED else "")
    there = f"one can go back to: {there}" if others else "there is no other to go back to"
    if version is None:
        if others:
            return others[0]
        raise OptionError(f"The catalogue {catalogue!r} has {len(kept)} release(s); {there}")
    if any(line.version == version and line.current for line in catalogue_releases):
        raise OptionError(f"Release {version} of {catalogue!r} is the current one; {there}")
    raise OptionError(f"The catalogue {catalogue!r} has no release {version!r}; {there}")


def _require_objects(store: ObjectStore, keys: list[str], target: int) -> None:
    for key, there in zip(keys, concurrent_map(store, store.exists, keys), strict=True):
        if not there:
            raise StoreError(
                f"Release {target} cannot be shown again: its picture {key!r} is gone; choose a later release"
            )
