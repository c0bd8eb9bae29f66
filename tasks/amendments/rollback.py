"""Rollback: make an earlier release live again, and keep the images that this removes from being published again.

Inputs: a catalogue and a release's version. Outputs: a `ManifestChange`. The rollback is a commit like every other,
because Delta's own restore would not record which rows changed. The caller holds the catalogue's lease.
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
    new_change_run,
    recover_changes,
)
from tasks.amendments.release_diff import diff_releases
from tasks.runs.release_history import ReleaseSummary, list_releases

_MAX_NAMED = 20


def rollback(store: ObjectStore, tables: TableStore, catalogue: str, version: int | None = None) -> ManifestChange:
    """Make the images of release `version` live again; by default those of the release before the current one.

    A killed rollback to the same release is completed instead of begun again. Two default rollbacks cancel out:
    the release before a rollback's release is the one that it went back from.

    Raises `OptionError` where there is no such catalogue or release, and `StoreError` where one of the release's
    images is gone; nothing is written then.
    """
    for intent, change in recover_changes(store, tables, catalogue, holds_lease=True):
        if intent.kind == ROLLBACK_KIND and version in (intent.details["asked"], intent.details["target"]):
            return change
    target = _choose_target(list_releases(tables, catalogue, store), catalogue, version)
    base = tables.version(layout.manifest_table(catalogue))
    assert base is not None  # noqa: S101 - it has releases
    diff = diff_releases(tables, catalogue, base, target)
    _require_objects(store, diff.restored["object"].to_pylist(), target)
    intent = begin_change(
        store, tables, new_change_run(catalogue, store.now()), ROLLBACK_KIND, {"target": target, "asked": version}
    )
    return complete_change(store, tables, intent, {base: diff})


def _choose_target(catalogue_releases: list[ReleaseSummary], catalogue: str, version: int | None) -> int:
    """Return the version to go back to. Raises `OptionError`, naming up to 20 possible ones, where there is none."""
    kept_releases = [release for release in catalogue_releases if release.kept]
    others = [release.version for release in kept_releases if not release.current]
    if version is not None and version in others:
        return version
    names = ", ".join(map(str, others[:_MAX_NAMED])) + (" …" if len(others) > _MAX_NAMED else "")
    choices = f"one can go back to: {names}" if others else "there is no other to go back to"
    if version is None:
        if others:
            return others[0]
        raise OptionError(f"The catalogue {catalogue!r} has {len(kept_releases)} release(s); {choices}")
    if any(release.version == version and release.current for release in catalogue_releases):
        raise OptionError(f"Release {version} of {catalogue!r} is the current one; {choices}")
    raise OptionError(f"The catalogue {catalogue!r} has no release {version!r}; {choices}")


def _require_objects(store: ObjectStore, keys: list[str], target: int) -> None:
    for key, exists in zip(keys, concurrent_map(store, store.exists, keys), strict=True):
        if not exists:
            raise StoreError(
                f"Release {target} cannot be shown again: its image {key!r} is gone; choose a later release"
            )
