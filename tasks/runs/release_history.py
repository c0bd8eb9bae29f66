"""Release history: the releases of each catalogue, and which of them a rollback can still restore.

Inputs: the tables and the store. Outputs: one `ReleaseSummary` per release, newest first. A release is a version of the
manifest; version 0 is the empty table before the first release.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.runs.commit_kinds import UNDONE
from infra.errors import ObjectMissing, TableError
from infra.interfaces import Commit, ObjectStore, TableStore
from infra.stores.json_objects import read_json
from infra.stores.stored_documents import reading
from tasks.runs.shown_changes import BackwardDiff, ShownCounts, walk_shown_changes


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
    """The release that a rollback restored; None for one that took single releases back."""
    rows: int | None
    current: bool
    kept: bool
    """False where a sweep has deleted what a rollback to it needs."""
    shown: ShownCounts | None = None
    """What it changed of what is shown; None where that was not asked for, or is no longer stored."""
    same_as_current: bool | None = None
    """True where it shows the same as the current release: a rollback without `--to` skips it."""
    undone: tuple[int, ...] = ()
    """The releases that a rollback took back alone."""


def list_catalogues(store: ObjectStore) -> list[str]:
    """Return the catalogues that have a manifest, sorted.

    Lists the manifests' own files (some hundreds per catalogue), not the images.
    """
    names = (info.key.removeprefix(layout.MANIFESTS).split("/") for info in store.list(layout.MANIFESTS))
    return sorted({parts[0] for parts in names if parts[1:2] == ["_delta_log"]})


def list_known_catalogues(store: ObjectStore) -> list[str]:
    """Return the catalogues that have a manifest or an open run, sorted: the first batch of one may be held."""
    prefix = layout.open_runs_prefix()
    at_work = {info.key.removeprefix(prefix).split("/")[0] for info in store.list(prefix)}
    return sorted({*list_catalogues(store), *at_work})


def list_releases(
    tables: TableStore, catalogue: str | None, store: ObjectStore, *, with_changes: bool = False
) -> list[ReleaseSummary]:
    """Return the releases of one catalogue, or of all, newest first.

    `with_changes` reads what each kept release changed. A catalogue whose first run is open has none. Raises
    `OptionError` for one that the store does not know.
    """
    published = list_catalogues(store)
    names = published if catalogue is None else [catalogue]
    if catalogue not in published and catalogue in list_known_catalogues(store):
        return []
    releases: list[ReleaseSummary] = []
    for name in names:
        commits = data_commits(require_history(tables, name, store))
        summaries = _summarize(name, commits, read_oldest_retained_release(store, name))
        releases += _add_changes(store, tables, summaries, commits) if with_changes else summaries
    if catalogue is not None:
        return releases
    return sorted(releases, key=lambda release: (release.when, release.version), reverse=True)


def require_history(tables: TableStore, catalogue: str, store: ObjectStore) -> list[Commit]:
    """Return the commits of a catalogue's manifest, newest first.

    Raises `OptionError`, which names the catalogues of the store, for a catalogue without a manifest.
    """
    history = list(tables.history(layout.manifest_table(catalogue)))
    if not history:
        if catalogue in (catalogues := list_known_catalogues(store)):
            raise OptionError(
                f"The catalogue {catalogue!r} of the store {store.url} has no release yet, and its first run is open:"
                f" `packshot releases {store.url}` says what it waits for"
            )
        known = ", ".join(catalogues) or "none yet"
        raise OptionError(f"The store {store.url} has no catalogue {catalogue!r}; it has: {known}")
    return history


def data_commits(history: Iterable[Commit]) -> list[Commit]:
    """Return the commits that are releases: not the empty table, a compaction, a mark or added columns."""
    return [commit for commit in history if commit.version > 0 and commit.changes_data]


def read_oldest_retained_release(store: ObjectStore, catalogue: str) -> int:
    """Return the oldest release that every sweep has kept; 1 where there was no sweep."""
    key = layout.retention_watermark(catalogue)
    try:
        with reading(key, "what the last sweep kept"):
            return int(read_json(store, key)["oldest"])
    except ObjectMissing:
        return 1


def _summarize(catalogue: str, commits: Sequence[Commit], oldest: int) -> list[ReleaseSummary]:
    return [
        ReleaseSummary(
            catalogue=catalogue,
            version=commit.version,
            when=commit.timestamp,
            run_id=commit.run_id,
            kind=commit.metadata.get("kind", "other"),
            back_to=int(commit.metadata["target"]) if "target" in commit.metadata else None,
            undone=tuple(int(version) for version in commit.metadata.get(UNDONE, "").split(",") if version),
            rows=commit.rows,
            current=commit.version == commits[0].version,
            kept=commit.version >= oldest,
        )
        for commit in commits
    ]


def _add_changes(
    store: ObjectStore, tables: TableStore, summaries: Sequence[ReleaseSummary], commits: Sequence[Commit]
) -> Iterator[ReleaseSummary]:
    """Yield the summaries with what each release changed, as far back as releases are kept."""
    difference, kept = BackwardDiff(), sum(summary.kept for summary in summaries)
    changes = walk_shown_changes(store, tables, summaries[0].catalogue, commits[:kept]) if summaries else iter(())
    for summary in summaries:
        if not summary.kept:
            yield summary
            continue
        same = not len(difference)
        try:
            change = next(changes)
        except TableError:  # the oldest kept release can be read, and what it changed may be gone
            yield replace(summary, same_as_current=same)
            continue
        difference.undo(change)
        yield replace(summary, shown=change.counts, same_as_current=same)
