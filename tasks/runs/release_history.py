"""Release history: the releases of each catalogue, and which of them a rollback can still restore.

Inputs: the tables and the store. Outputs: one `ReleaseSummary` per release, newest first. A release is a version of the
manifest; version 0 is the empty table before the first release.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from catalogs import layout
from catalogs.errors import OptionError
from infra.errors import ObjectMissing
from infra.interfaces import Commit, ObjectStore, TableStore
from infra.stores.json_objects import read_json


@dataclass(frozen=True)
class ReleaseSummary:
    """One release. `rows` is how many manifest rows it changed; None where the table's log does not say."""

    catalogue: str
    version: int
    when: datetime
    run_id: str
    kind: str
    """`release`, `rollback`, `policy`, or `other` for a commit by another tool."""
    back_to: int | None
    """The release that a rollback restored."""
    rows: int | None
    current: bool
    kept: bool
    """False where a sweep has deleted what a rollback to it needs."""


def list_catalogues(store: ObjectStore) -> list[str]:
    """Return the catalogues that have a manifest, sorted.

    Lists the manifests' own files (some hundreds per catalogue), not the images.
    """
    names = (info.key.removeprefix(layout.MANIFESTS).split("/") for info in store.list(layout.MANIFESTS))
    return sorted({parts[0] for parts in names if parts[1:2] == ["_delta_log"]})


def list_releases(tables: TableStore, catalogue: str | None, store: ObjectStore) -> list[ReleaseSummary]:
    """Return the releases of one catalogue, or of all, newest first.

    Raises `OptionError` for a catalogue without a manifest.
    """
    if catalogue is not None:
        return _list_catalogue_releases(tables, catalogue, store)
    releases = [release for name in list_catalogues(store) for release in _list_catalogue_releases(tables, name, store)]
    return sorted(releases, key=lambda release: (release.when, release.version), reverse=True)


def require_history(tables: TableStore, catalogue: str, store: ObjectStore) -> list[Commit]:
    """Return the commits of a catalogue's manifest, newest first.

    Raises `OptionError`, which names the catalogues of the store, for a catalogue without a manifest.
    """
    history = list(tables.history(layout.manifest_table(catalogue)))
    if not history:
        known = ", ".join(list_catalogues(store)) or "none yet"
        raise OptionError(f"The store {store.url} has no catalogue {catalogue!r}; it has: {known}")
    return history


def data_commits(history: Iterable[Commit]) -> list[Commit]:
    """Return the commits that are releases: not the empty table, a compaction, a mark or added columns."""
    return [commit for commit in history if commit.version > 0 and commit.changes_data]


def read_oldest_retained_release(store: ObjectStore, catalogue: str) -> int:
    """Return the oldest release that every sweep has kept; 1 where there was no sweep."""
    try:
        return int(read_json(store, layout.retention_watermark(catalogue))["oldest"])
    except ObjectMissing:
        return 1


def _list_catalogue_releases(tables: TableStore, catalogue: str, store: ObjectStore) -> list[ReleaseSummary]:
    commits = data_commits(require_history(tables, catalogue, store))
    oldest = read_oldest_retained_release(store, catalogue)
    return [
        ReleaseSummary(
            catalogue=catalogue,
            version=commit.version,
            when=commit.timestamp,
            run_id=commit.run_id,
            kind=commit.metadata.get("kind", "other"),
            back_to=int(commit.metadata["target"]) if "target" in commit.metadata else None,
            rows=commit.rows,
            current=commit.version == commits[0].version,
            kept=commit.version >= oldest,
        )
        for commit in commits
    ]
