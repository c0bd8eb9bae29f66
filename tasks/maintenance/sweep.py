"""Sweep: delete objects, table files and run folders that nothing references any more, and nothing else.

Inputs: a store, its tables and the retention periods. Outputs: counts and bytes by kind. It works beside runs, and
beside another sweep. An object is deleted only if it is older than a day, and if no open run, outcome or retained
release references it, at a second look just before it goes. A killed sweep has only deleted less. Catalogues without a
manifest are left alone.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from catalogs import layout
from infra.errors import TableError
from infra.interfaces import ObjectInfo, ObjectStore, TableStore
from tasks.access.access_keys import find_ended_access_keys
from tasks.access.access_log import find_old_access_logs
from tasks.maintenance.batch_deletion import BatchDeleter, SweepResult
from tasks.maintenance.catalogue_sweep import BeforeDeleting, CatalogueSweep, KeptRuns
from tasks.maintenance.named_photos import NamedPhotos
from tasks.maintenance.photo_sweep import PhotoSweep
from tasks.maintenance.purges import find_old_purges
from tasks.maintenance.retention import (
    DEFAULT_RULES,
    OpenWork,
    RetentionPolicy,
    RetentionRules,
    find_open_work,
)
from tasks.maintenance.run_folders import sweep_run_folders
from tasks.maintenance.staged_sweep import PLAN_WAIT_SECONDS, StagedSweep
from tasks.maintenance.store_sizes import record_sizes
from tasks.runs.release_history import list_catalogues

SAMPLE_DAYS = 365
"""Days for which the measurements of models' versions are kept: what a promotion may be decided from."""


def sweep(
    store: ObjectStore,
    tables: TableStore,
    rules: RetentionRules = DEFAULT_RULES,
    *,
    dry_run: bool = False,
    now: datetime | None = None,
    plan_wait_seconds: float = PLAN_WAIT_SECONDS,
    before_deleting: BeforeDeleting | None = None,
) -> SweepResult:
    """Delete what nothing references; a dry run deletes nothing and reports the same numbers.

    Nothing younger than a day is deleted. `now` replaces the store's clock, and `plan_wait_seconds` is how long runs
    that are planning are waited for. `before_deleting` is given each batch of a catalogue's published objects.
    """
    if store.url != tables.url:
        raise ValueError(f"The objects of {store.url} cannot be swept by the tables of {tables.url}.")
    retention = RetentionPolicy(now or store.now(), rules)
    work = find_open_work(store)  # before any reference is read: see `tasks.maintenance.retention`
    deleter = BatchDeleter(store, SweepResult(dry_run))
    names = list_catalogues(store)
    kept: KeptRuns | None = KeptRuns()
    photos = NamedPhotos()
    for name in names:
        try:
            one = CatalogueSweep(store, tables, name, retention, work, before_deleting, photos)
            kept_by_catalogue = one.sweep(deleter)
            kept = kept and kept | kept_by_catalogue
        except TableError as error:
            kept = None
            deleter.result.notes.append(f"{name}: left as it is, since its kept releases cannot be read: {error}")
    StagedSweep(store, tables, names, retention, plan_wait_seconds).sweep(deleter)
    if kept is None:
        deleter.result.notes.append("photos and folders of runs are left alone, since a catalogue cannot be read")
    else:
        PhotoSweep(store, tables, names, retention, photos).sweep(deleter)
        sweep_run_folders(store, retention, work, kept, deleter)
    _sweep_by_age(store, retention, work, deleter)
    if deleter.old_versions is not None:
        deleter.result.notes.append(deleter.old_versions.note())
    if not dry_run:
        store.remove_leftovers(retention.young)
        record_sizes(store)
    return deleter.result


def _sweep_by_age(store: ObjectStore, retention: RetentionPolicy, work: OpenWork, deleter: BatchDeleter) -> None:
    """Delete what is kept for a time only, whatever names it."""
    deleter.delete("leases", _find_old_run_leases(store, retention, work))
    deleter.delete("purges", find_old_purges(store, retention.runs_cutoff))
    deleter.delete("access", find_old_access_logs(store, retention.runs_cutoff))
    deleter.delete("access", find_ended_access_keys(store, retention.runs_cutoff))
    cutoffs = {
        ("probes", layout.PROBE_OBJECTS): retention.young,
        ("marks", layout.DELETION_MARKS): retention.young,
        ("scores", layout.SCORES): retention.runs_cutoff,
    }
    for (kind, prefix), cutoff in cutoffs.items():
        deleter.delete(kind, (info for info in store.list(prefix) if info.modified < cutoff))
    samples_cutoff = retention.now - timedelta(days=SAMPLE_DAYS)
    samples = (info for info in store.list(layout.MODELS) if "/samples/" in info.key)
    deleter.delete("samples", (info for info in samples if info.modified < samples_cutoff))


def _find_old_run_leases(store: ObjectStore, retention: RetentionPolicy, work: OpenWork) -> Iterator[ObjectInfo]:
    """Yield the leases of closed runs, which are never taken again. A catalogue's own lease stays: two small files."""
    open_leases = {layout.run_lease(*ids) for ids in work.all_ids}
    for info in store.list(layout.LEASES):
        lease = info.key.rpartition("/")[0]
        is_run_lease = lease.rpartition("/")[2].startswith("run-")
        if is_run_lease and lease not in open_leases and info.modified < retention.young:
            yield info
