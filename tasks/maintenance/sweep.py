"""Sweep: delete objects, table files and run tables that nothing references any more, and nothing else.

Inputs: a store, its tables and the retention periods. Outputs: counts and bytes by kind. An object is deleted only if
it is older than a day, if no open run, outcome or retained release references it, and if no run has begun since the
references were read. A killed sweep has only deleted less. Catalogues without a manifest are left alone.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.indexes.digest_index import DIGEST_BYTES
from catalogs.indexes.digest_set import DigestSet, text_digests
from infra.errors import TableError
from infra.interfaces import ObjectInfo, ObjectStore, TableStore
from infra.stores.json_objects import write_json
from tasks.maintenance.batch_deletion import BatchDeleter, SweepResult, select_unreferenced
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
"""Days after which a closed run's tables are deleted; its JSON files and its report stay."""


def sweep(
    store: ObjectStore,
    tables: TableStore,
    *,
    keep_days: int = 7,
    keep_releases: int = 30,
    dry_run: bool = False,
    now: datetime | None = None,
) -> SweepResult:
    """Delete what nothing references; a dry run deletes nothing and reports the same numbers.

    Retained are: staged images for `keep_days`; the newest `keep_releases` releases of each catalogue and every release
    that was live within `keep_days`, with all their images; tables of closed runs for 30 days, and their scores as long
    as the image is live or waits. Nothing younger than a day is deleted. `now` replaces the clock that the ages of
    files and releases are computed from. Raises `OptionError` for a number out of range.
    """
    if keep_days < 0 or keep_releases < 1:
        raise OptionError(
            f"keep_days {keep_days} and keep_releases {keep_releases}: give at least 0 days and 1 release"
        )
    if store.url != tables.url:
        raise ValueError(f"The objects of {store.url} cannot be swept by the tables of {tables.url}.")
    retention = RetentionPolicy(now or store.now(), keep_days, keep_releases)
    work = find_open_work(store)  # before any reference is read: see `tasks.maintenance.retention`
    deleter = BatchDeleter(store, SweepResult(dry_run))
    names = list_catalogues(store)
    for name in names:
        try:
            _CatalogueSweep(store, tables, name, retention, work).sweep(deleter)
        except TableError as error:
            deleter.result.notes.append(f"{name}: left as it is, since its kept releases cannot be read: {error}")
    _sweep_staged(store, tables, names, retention, work, deleter)
    _sweep_run_tables(store, tables, names, retention, work, deleter)
    deleter.delete("leases", _find_old_run_leases(store, retention, work))
    cutoff = retention.now - MIN_AGE
    deleter.delete("probes", (info for info in store.list(layout.PROBE_OBJECTS) if info.modified < cutoff))
    if not dry_run:
        store.remove_leftovers(cutoff)
    return deleter.result


@dataclass(frozen=True)
class _CatalogueSweep:
    """The sweep of one catalogue: published images, fingerprints, review copies and tables."""

    store: ObjectStore
    tables: TableStore
    name: str
    retention: RetentionPolicy
    work: OpenWork

    def sweep(self, deleter: BatchDeleter) -> None:
        """Delete what no retained release shows; the retention watermark is written before anything is deleted."""
        manifest = layout.manifest_table(self.name)
        history = self.tables.history(manifest)
        newest = history[0].version
        targets = find_rollback_targets(self.store, self.work, self.name)
        oldest = find_oldest_retained_version(history, self.retention, self.work.run_ids_of(self.name), targets)
        before = read_oldest_retained_release(self.store, self.name)
        oldest = max(oldest, min(before, newest))  # releases that an earlier sweep let go cannot be read again
        referenced = find_referenced_images(self.tables, manifest, oldest, newest)
        if oldest > before and not deleter.result.dry_run:
            watermark = {"oldest": oldest, "swept_at": self.retention.now}
            write_json(self.store, layout.retention_watermark(self.name), watermark)
        if not deleter.result.dry_run and self._is_going_back_before(oldest):
            deleter.result.notes.append(f"{self.name}: left as it is, since a rollback to an older release has begun")
            return
        self._delete_published_images(deleter, referenced.object_keys, newest)
        self._compact_fingerprints(deleter, referenced.slot_images)
        self._delete_review_copies(deleter)
        count = deleter.result.counts["tables"]
        for table in (manifest, layout.outcomes_table(self.name)):
            count.files += self._vacuum(table, oldest if table == manifest else None, deleter.result.dry_run)

    def _is_going_back_before(self, oldest: int) -> bool:
        """Tell whether an open rollback needs an older release. Asked after the retention watermark was written.

        A rollback writes its marker and then reads the watermark, so one that is not seen here sees the watermark.
        """
        work = find_open_work(self.store)
        return any(target < oldest for target in find_rollback_targets(self.store, work, self.name))

    def _compact_fingerprints(self, deleter: BatchDeleter, slot_images: DigestSet) -> None:
        """Merge the fingerprint files that are older than a day and that no open run may still write."""
        cutoff = self.retention.now - MIN_AGE
        open_files = {layout.fingerprints(self.name, run_id) for run_id in self.work.run_ids_of(self.name)}
        files = [
            info
            for info in self.store.list(layout.fingerprints_prefix(self.name))
            if info.modified < cutoff and info.key not in open_files
        ]
        dry_run = deleter.result.dry_run
        deleter.delete("codes", compact_fingerprints(self.store, self.name, files, slot_images, dry_run))

    def _delete_review_copies(self, deleter: BatchDeleter) -> None:
        """Delete review copies that are no longer needed: decided, expired, or kept for long enough."""
        if self.work.run_ids_of(self.name):
            return  # an open run may be about to reference some
        pending, old_indexes = find_pending_reviews(self.store, self.tables, self.name, self.retention)
        copies = self.store.list(layout.review_images_prefix(self.name))
        old = (info for info in copies if info.modified < self.retention.now - MIN_AGE)
        deleter.delete("review", [*select_unreferenced(old, pending, _image_key_prefix), *old_indexes])

    def _delete_published_images(self, deleter: BatchDeleter, referenced: DigestSet, newest: int) -> None:
        if self.work.run_ids_of(self.name):
            deleter.result.notes.append(f"{self.name}: published images are left alone while a run is open")
            return
        old = self.retention.now - MIN_AGE
        infos = (info for info in self.store.list(layout.published_prefix(self.name)) if info.modified < old)

        def is_unchanged() -> bool:
            return (
                not find_open_work(self.store).run_ids_of(self.name)
                and self.tables.version(layout.manifest_table(self.name)) == newest
            )

        note = f"{self.name}: a run began, so the rest of its published images is left for the next sweep"
        deleter.delete(
            "published",
            select_unreferenced(infos, referenced, lambda info: text_digests([info.key])),
            is_unchanged,
            note,
        )

    def _vacuum(self, table: str, oldest: int | None, dry_run: bool) -> int:
        """Delete files that no version from `oldest` on needs; return how many. By default one version is retained."""
        history = self.tables.history(table)
        if not history:
            return 0
        if oldest is None:
            newest_only = RetentionPolicy(self.retention.now, self.retention.keep_days, 1)
            oldest = find_oldest_retained_version(history, newest_only, self.work.run_ids_of(self.name), ())
        hours = compute_retention_hours(history, oldest)
        return self.tables.vacuum(table, keep_hours=hours, keep_versions=[oldest], dry_run=dry_run)


def _sweep_staged(
    store: ObjectStore,
    tables: TableStore,
    catalogue_names: Sequence[str],
    retention: RetentionPolicy,
    work: OpenWork,
    deleter: BatchDeleter,
) -> None:
    """Delete staged images that neither an outcome nor an open run references."""
    unplanned = find_unplanned_runs(store, work, retention.now)
    if unplanned:
        deleter.result.notes.append(f"staged images are left alone: {', '.join(unplanned)} may be planning to use them")
        return
    try:
        referenced = find_referenced_image_keys(store, tables, catalogue_names, work)
    except TableError as error:
        deleter.result.notes.append(f"staged images are left alone, since an outcomes table cannot be read: {error}")
        return
    infos = (
        info for info in store.list(layout.STAGING) if info.modified < retention.cutoff and _image_key_prefix(info)
    )
    note = "a run began, so the rest of the staged images is left for the next sweep"
    deleter.delete(
        "staged",
        select_unreferenced(infos, referenced, _image_key_prefix),
        lambda: find_open_work(store).all_ids <= work.all_ids,
        note,
    )


def _image_key_prefix(info: ObjectInfo) -> bytes:
    """Return the first half of the image key in a staged file's name; empty for a file of another origin."""
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
    deleter: BatchDeleter,
) -> None:
    """Delete old runs' tables; the scores of images that are live or wait stay, so that other policies can be tried."""
    try:
        scored_runs = {run_id for name in catalogue_names for run_id in find_scored_runs(store, tables, name)}
    except TableError as error:
        deleter.result.notes.append(f"tables of runs are left alone, since a catalogue cannot be read: {error}")
        return
    infos = _find_old_run_tables(store, retention, work)
    deleter.delete("runs", (info for info in infos if not _holds_needed_scores(info, scored_runs)))


def _holds_needed_scores(info: ObjectInfo, scored_runs: Container[str]) -> bool:
    run_id = info.key.split("/", 2)[1]
    files = layout.RunFiles(run_id)
    holds_scores = info.key == files.withdrawals or info.key.startswith((files.records_prefix, files.requests_prefix))
    return run_id in scored_runs and holds_scores


def _find_old_run_tables(store: ObjectStore, retention: RetentionPolicy, work: OpenWork) -> Iterator[ObjectInfo]:
    open_ids = {run_id for _, run_id in work.all_ids}
    cutoff = retention.now - timedelta(days=RUN_TABLE_DAYS)
    for run_id, infos in groupby(store.list(layout.RUNS), key=lambda info: info.key.split("/")[1]):
        files = list(infos)
        if run_id not in open_ids and all(info.modified < cutoff for info in files):
            yield from (info for info in files if info.key.endswith(".parquet"))


def _find_old_run_leases(store: ObjectStore, retention: RetentionPolicy, work: OpenWork) -> Iterator[ObjectInfo]:
    """Yield the leases of closed runs, which are never taken again. A catalogue's own lease stays: two small files."""
    open_leases = {layout.run_lease(*ids) for ids in work.all_ids}
    for info in store.list(layout.LEASES):
        lease = info.key.rpartition("/")[0]
        is_run_lease = lease.rpartition("/")[2].startswith("run-")
        if is_run_lease and lease not in open_leases and info.modified < retention.now - MIN_AGE:
            yield info
