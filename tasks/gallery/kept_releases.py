"""Kept releases: which releases of a catalogue can be looked at, newest first.

Inputs: the tables, the store, a catalogue. Outputs: `ReleaseSummary` values. The history is read once for each version
of the manifest, so a page costs one look at the newest version, however many releases there were.
"""

from collections.abc import Sequence
from threading import Lock

from catalogs import layout
from infra.interfaces import ObjectStore, TableStore
from tasks.runs.release_history import ReleaseSummary, list_releases, read_oldest_retained_release


class KeptReleases:
    """The releases that no sweep has taken away. Safe to call from several threads."""

    def __init__(self, store: ObjectStore, tables: TableStore, catalogue: str) -> None:
        self._store, self._tables, self._catalogue = store, tables, catalogue
        self._lock = Lock()
        self._read_at: int | None = None
        self._releases: Sequence[ReleaseSummary] = ()

    def all(self) -> Sequence[ReleaseSummary]:
        """Return them, newest first; none where nothing was released yet."""
        version = self._tables.version(layout.manifest_table(self._catalogue))
        if version is None:
            return ()
        with self._lock:
            if self._read_at != version:
                listed = list_releases(self._tables, self._catalogue, self._store)
                self._releases = [release for release in listed if release.kept]
                self._read_at = version
            return self._releases

    def find(self, version: int | None = None) -> ReleaseSummary | None:
        """Return the release that `version` shows, by default the newest; None where it is not kept.

        Versions that changed no row show the release before them.
        """
        releases = self.all()
        if version is None:
            return releases[0] if releases else None
        newest = self._tables.version(layout.manifest_table(self._catalogue)) or 0
        shown = (release for release in releases if release.version <= version <= newest)
        return next(shown, None)

    def before(self, release: ReleaseSummary) -> ReleaseSummary | None:
        """Return the release before another one; None where it is the first, or the one before is not kept."""
        older = [other for other in self.all() if other.version < release.version]
        return older[0] if older else None

    def is_first(self, release: ReleaseSummary) -> bool:
        """Tell whether nothing was shown before a release."""
        is_oldest = self.before(release) is None
        return is_oldest and read_oldest_retained_release(self._store, self._catalogue) <= 1
