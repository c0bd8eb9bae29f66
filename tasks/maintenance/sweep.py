"""Delete what nobody needs any more, and nothing else.

Comes in: a store, how long things are kept. Goes out: counts and bytes by kind. Every deletion asks three questions:
is it older than a day; does an open run, an outcome or a kept release name it; has anything begun since we looked? A
sweep that was killed has only deleted less. Catalogues without a manifest are left alone altogether.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.indexes.digest_index import DIGEST_BYTES
from catalogs.indexes.digest_set import DigestSet, text_digests
from infra.errors import TableError
from infra.interfaces import ObjectInfo, ObjectStore, TableStore
from infra.stores.json_objects import write_json
from tasks.maintenance.compact_fingerprints import compact_fingerprints
from tasks.maintenance.retention import (
    MIN_AGE,
    OpenWork,
    RetentionPolicy,
    compute_retention_hours,
    find_oldest_retained_version,
    find_open_work,
    find_pending_reviews,
    find_referenced_image_keys,
    find_referenced_images,
    find_rollback_targets,
    find_unplanned_runs,
)
from tasks.policies.stored_scores import find_scored_runs
from tasks.runs.release_history import list_catalogues, read_oldest_retained_release

RUN_TABLE_DAYS = 30
"""Days after which a closed run's tables go; what it says of itself (JSON, its report) stays."""
DELETE_BATCH_OBJECTS = 1000
"""Objects deleted between two looks at what has begun: one request of S3's."""

MayContinue = Callable[[], bool]


@dataclass
class DeletionCount:
    """How many files, and their size. Bytes of tables' files are not known and count as 0."""

    files: int = 0
    bytes: int = 0


@dataclass
class SweepResult:
    """What was deleted (or would be), by kind, and what was left alone and why."""

    dry_run: bool
    counts: dict[str, DeletionCount] = field(
        default_factory=lambda: {
            kind: DeletionCount()
            for kind in ("staged", "published", "codes", "tables", "runs", "leases", "probes", "review")
        }
    )
    notes: list[str] = field(default_factory=list)


def sweep(
    store: ObjectStore,
    tables: TableStore,
    *,
    keep_days: int = 7,
    keep_releases: int = 30,
    dry_run: bool = False,
    now: datetime | None = None,
) -> SweepResult:
    """Delete what nobody needs; a dry run deletes nothing and reports the same numbers.

    Kept are staged images for `keep_days`; the newest `keep_releases` releases of each catalogue and every one that was
    shown within `keep_days`, with all their pictures; tables of closed runs for 30 days, and what they measured for as
    long as its picture is live or waits. Nothing younger than a day goes. `now` stands for the clock that files' and
    releases' ages are taken by. Raises `OptionError` for a number that cannot be.
    """
    if keep_days < 0 or keep_releases < 1:
        raise OptionError(
            f"keep_days {keep_days} and keep_releases {keep_releases}: give at least 0 days and 1 release"
        )
    if store.url != tables.url:
        raise ValueError(f"The objects of {store.url} cannot be swept by the tables of {tables.url}.")
    keeping = RetentionPolicy(now or datetime.now(UTC), keep_days, keep_releases)
    work = find_open_work(store)
    broom = _BatchDeleter(store, SweepResult(dry_run))
    names = list_catalogues(store)
    for name in names:
        try:
            _CatalogueSweep(store, tables, name, keeping, work).sweep(broom)
        except TableError as error:
            broom.result.notes.append(f"{name}: left as it is, since its kept releases cannot be read: {error}")
    _sweep_staged(store, tables, names, keeping, work, broom)
    _sweep_run_tables(store, tables, names, keeping, work, broom)
    broom.delete("leases", _find_old_run_leases(store, keeping, work))
    broom.delete("probes", (info for info in store.list(layout.PROBE_OBJECTS) if info.modified < keeping.now - MIN_AGE))
    if not dry_run:
        store.remove_leftovers(keeping.now - MIN_AGE)
    return broom.result


class _BatchDeleter:
    """Deletes in batches and counts; between batches it asks whether it may go on."""

    def __init__(self, store: ObjectStore, swept: SweepResult) -> None:
        self.store = store
        self.result = swept

    def delete(
        self, kind: str, infos: Iterable[ObjectInfo], may_continue: MayContinue = lambda: True, note: str = ""
    ) -> None:
        rest = iter(infos)
        while some := list(islice(rest, DELETE_BATCH_OBJECTS)):
            if not may_continue():
                self.result.notes.append(note)
                return
            count = self.result.counts[kind]
            count.files += len(some)
            count.bytes += sum(info.size for info in some)
            if not self.result.dry_run:
                self.store.delete(info.key for info in some)


@dataclass(frozen=True)
class _CatalogueSweep:
    """One catalogue's published pictures, fingerprints and tables."""

    store: ObjectStore
    tables: TableStore
    name: str
    retention: RetentionPolicy
    work: OpenWork

    def sweep(self, deleter: _BatchDeleter) -> None:
        manifest = layout.manifest_table(self.name)
        history = self.tables.history(manifest)
        targets = find_rollback_targets(self.store, self.work, self.name)
        oldest = find_oldest_retained_version(history, self.retention, self.work.run_ids_of(self.name), targets)
        before = read_oldest_retained_release(self.store, self.name)
        oldest = max(oldest, min(before, history[0].version))  # what went earlier cannot be read again
        newest = history[0].version
        shown = find_referenced_images(self.tables, manifest, oldest, newest)
        if oldest > before and not deleter.result.dry_run:
            write_json(
                self.store, layout.retention_watermark(self.name), {"oldest": oldest, "swept_at": self.retention.now}
            )
        self._delete_published_images(deleter, shown.object_keys, newest)
        old = self.retention.now - MIN_AGE
        files = [info for info in self.store.list(layout.fingerprints_prefix(self.name)) if info.modified < old]
        busy = {layout.fingerprints(self.name, run_id) for run_id in self.work.run_ids_of(self.name)}
        files = [info for info in files if info.key not in busy]
        deleter.delete(
            "codes", compact_fingerprints(self.store, self.name, files, shown.slot_images, deleter.result.dry_run)
        )
        self._delete_review_copies(deleter)
        count = deleter.result.counts["tables"]
        for table in (manifest, layout.outcomes_table(self.name)):
            count.files += self._vacuum(table, oldest if table == manifest else None, deleter.result.dry_run)

    def _delete_review_copies(self, deleter: _BatchDeleter) -> None:
        """Delete copies for people that nobody waits for any more: decided, expired, or seen for long enough."""
        if self.work.run_ids_of(self.name):
            return  # it may be about to name some
        asked, over = find_pending_reviews(self.store, self.tables, self.name, self.retention)
        copies = self.store.list(layout.review_images_prefix(self.name))
        old = (info for info in copies if info.modified < self.retention.now - MIN_AGE)
        deleter.delete("review", [*_select_unreferenced(old, asked, _image_key_prefix), *over])

    def _delete_published_images(self, deleter: _BatchDeleter, referenced: DigestSet, newest: int) -> None:
        if self.work.run_ids_of(self.name):
            deleter.result.notes.append(f"{self.name}: published pictures are left alone while a run is open")
            return
        old = self.retention.now - MIN_AGE
        infos = (info for info in self.store.list(layout.published_prefix(self.name)) if info.modified < old)

        def quiet() -> bool:
            return (
                not find_open_work(self.store).run_ids_of(self.name)
                and self.tables.version(layout.manifest_table(self.name)) == newest
            )

        note = f"{self.name}: a run began, so the rest of its published pictures is left for the next sweep"
        deleter.delete(
            "published", _select_unreferenced(infos, referenced, lambda info: text_digests([info.key])), quiet, note
        )

    def _vacuum(self, table: str, oldest: int | None, dry_run: bool) -> int:
        """Delete a table's files that no version from `oldest` on needs; of the outcomes, the last one is enough."""
        history = self.tables.history(table)
        if not history:
            return 0
        if oldest is None:
            last = RetentionPolicy(self.retention.now, self.retention.keep_days, 1)
            oldest = find_oldest_retained_version(history, last, self.work.run_ids_of(self.name), ())
        hours = compute_retention_hours(history, oldest)
        return self.tables.vacuum(table, keep_hours=hours, keep_versions=[oldest], dry_run=dry_run)


def _sweep_staged(
    store: ObjectStore,
    tables: TableStore,
    catalogue_names: Sequence[str],
    retention: RetentionPolicy,
    work: OpenWork,
    deleter: _BatchDeleter,
) -> None:
    planning = find_unplanned_runs(store, work, retention.now)
    if planning:
        deleter.result.notes.append(f"staged images are left alone: {', '.join(planning)} may be planning to use them")
        return
    try:
        named = find_referenced_image_keys(store, tables, catalogue_names, work)
    except TableError as error:
        deleter.result.notes.append(f"staged images are left alone, since an outcomes table cannot be read: {error}")
        return
    infos = (
        info for info in store.list(layout.STAGING) if info.modified < retention.cutoff and _image_key_prefix(info)
    )
    note = "a run began, so the rest of the staged images is left for the next sweep"
    deleter.delete(
        "staged",
        _select_unreferenced(infos, named, _image_key_prefix),
        lambda: find_open_work(store).all_ids <= work.all_ids,
        note,
    )


def _select_unreferenced(
    infos: Iterable[ObjectInfo], referenced: DigestSet, digest: Callable[[ObjectInfo], bytes]
) -> Iterator[ObjectInfo]:
    rest = iter(infos)
    while some := list(islice(rest, DELETE_BATCH_OBJECTS)):
        kept = referenced.contains(b"".join(digest(info) for info in some)).tolist()
        yield from (info for info, keep in zip(some, kept, strict=True) if not keep)


def _image_key_prefix(info: ObjectInfo) -> bytes:
    """Return the first half of the image key that a staged file is named by; nothing for a file of somebody else's."""
    try:
        return bytes.fromhex(info.key.rsplit("/", 1)[1][:64])[:DIGEST_BYTES]
    except ValueError:
        return b""


def _sweep_run_tables(
    store: ObjectStore,
    tables: TableStore,
    catalogue_names: Sequence[str],
    retention: RetentionPolicy,
    work: OpenWork,
    deleter: _BatchDeleter,
) -> None:
    """Delete old runs' tables; what measured the pictures that are live or wait stays, for policies to come."""
    try:
        measuring = {run_id for name in catalogue_names for run_id in find_scored_runs(store, tables, name)}
    except TableError as error:
        deleter.result.notes.append(f"tables of runs are left alone, since a catalogue cannot be read: {error}")
        return
    infos = _find_old_run_tables(store, retention, work)
    deleter.delete("runs", (info for info in infos if not _holds_needed_scores(info, measuring)))


def _holds_needed_scores(info: ObjectInfo, scored_runs: Container[str]) -> bool:
    run_id = info.key.split("/", 2)[1]
    files = layout.RunFiles(run_id)
    measured = info.key == files.withdrawals or info.key.startswith((files.records_prefix, files.requests_prefix))
    return run_id in scored_runs and measured


def _find_old_run_tables(store: ObjectStore, retention: RetentionPolicy, work: OpenWork) -> Iterator[ObjectInfo]:
    open_ids = {run_id for _, run_id in work.all_ids}
    before = retention.now - timedelta(days=RUN_TABLE_DAYS)
    for run_id, infos in groupby(store.list(layout.RUNS), key=lambda info: info.key.split("/")[1]):
        files = list(infos)
        if run_id not in open_ids and all(info.modified < before for info in files):
            yield from (info for info in files if info.key.endswith(".parquet"))


def _find_old_run_leases(store: ObjectStore, retention: RetentionPolicy, work: OpenWork) -> Iterator[ObjectInfo]:
    """Yield the leases of closed runs: nobody takes them again. A catalogue's own lease is two small files for ever."""
    open_leases = {layout.run_lease(*each) for each in work.all_ids}
    for info in store.list(layout.LEASES):
        lease = info.key.rpartition("/")[0]
        of_run = lease.rpartition("/")[2].startswith("run-")
        if of_run and lease not in open_leases and info.modified < retention.now - MIN_AGE:
            yield info
