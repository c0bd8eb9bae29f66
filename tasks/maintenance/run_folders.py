"""Run folders: shrink the folders of runs that closed long ago to what kept releases need.

Inputs: the listing of all folders, the runs that kept releases name, the open work. Outputs: deleted files, and one row
in the run archive for each run whose documents went. A folder is left alone while the run is open or one of its files
is younger than the retention period.

| an old run                       | keeps                                                        |
| -------------------------------- | ------------------------------------------------------------ |
| that committed a kept release    | its documents, and as below                                  |
| whose images or outcomes count   | recipe, slots, source rows, requests, records, withdrawals   |
| any other                        | nothing; its key figures are in the archive                  |
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from catalogs import layout
from infra.interfaces import ObjectInfo, ObjectStore
from tasks.maintenance.batch_deletion import BatchDeleter
from tasks.maintenance.catalogue_sweep import KeptRuns
from tasks.maintenance.references import find_measuring_runs
from tasks.maintenance.retention import OpenWork, RetentionPolicy
from tasks.maintenance.run_archive import archive_runs

MAX_RUNS_AT_ONCE = 5_000
"""Folders that one sweep archives, so that the first sweep after an upgrade is bounded too."""

Folders = Mapping[str, list[ObjectInfo]]


@dataclass(frozen=True)
class _OldRun:
    """An old run's folder: what may go, and whether its documents are among that."""

    run_id: str
    unneeded: list[ObjectInfo]
    loses_documents: bool


def sweep_run_folders(
    store: ObjectStore, retention: RetentionPolicy, work: OpenWork, kept: KeptRuns, deleter: BatchDeleter
) -> None:
    """Shrink old folders: the archive is written first, so a kill in between loses nothing."""
    folders = {
        run_id: list(infos)
        for run_id, infos in groupby(store.list(layout.RUNS), key=lambda info: info.key.split("/")[1])
    }
    named = kept.named | find_measuring_runs(store, _withdrawal_lists(folders, kept.named))
    old = list(_select_old_runs(folders, retention, work, KeptRuns(frozenset(named), kept.committed)))
    losing = [run for run in old if run.loses_documents]
    deferred = {run.run_id for run in losing[MAX_RUNS_AT_ONCE:]}
    if not deleter.result.dry_run:
        archive_runs(store, [run.run_id for run in losing[:MAX_RUNS_AT_ONCE]])
    deleter.delete("runs", (info for run in old if run.run_id not in deferred for info in run.unneeded))
    if deferred:
        deleter.result.notes.append(f"{len(deferred)} folders of old runs are left for the next sweeps")


def _withdrawal_lists(folders: Folders, named: Iterable[str]) -> Iterator[str]:
    """Yield the withdrawal lists of applied policies: such a run measured nothing, its list names those that did."""
    for run_id in named:
        key = layout.RunFiles(run_id).withdrawals
        if any(info.key == key for info in folders.get(run_id, ())):
            yield key


def _select_old_runs(folders: Folders, retention: RetentionPolicy, work: OpenWork, kept: KeptRuns) -> Iterator[_OldRun]:
    open_ids = {run_id for _, run_id in work.all_ids}
    for run_id, infos in folders.items():
        if run_id in open_ids or any(info.modified >= retention.runs_cutoff for info in infos):
            continue
        files = layout.RunFiles(run_id)
        needed: tuple[str, ...] = ()
        if run_id in kept.named:
            needed = (files.recipe, files.withdrawals, files.slots, files.source_rows)
            needed += (files.requests_prefix, files.records_prefix)
        if run_id in kept.committed:
            needed += (files.run, files.policy, files.closed, files.report)
        unneeded = [info for info in infos if not needed or not info.key.startswith(needed)]
        if unneeded:
            yield _OldRun(run_id, unneeded, any(info.key == files.run for info in unneeded))
