"""Run archive: the key figures of runs whose folders have gone, in a few Parquet files a month.

Inputs: the ids of old runs, whose documents are still there. Outputs: rows of RUN_ARCHIVE, under the month in which
the runs began. Several sweeps at once may archive one run twice; readers and merges take one row of each run. A merge
writes the whole before it deletes the parts, so a kill in between only leaves rows twice.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import pyarrow as pa

from catalogs import layout
from catalogs.keys import SHORT_DIGEST_LENGTH, digest
from catalogs.runs.archived_run import ArchivedRunRow
from catalogs.table_schemas import RUN_ARCHIVE
from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import parse_table, write_table_once

MAX_FILES_A_MONTH = 8
"""More files of one month are merged into one."""


def archive_runs(store: ObjectStore, run_ids: Sequence[str]) -> int:
    """Write the key figures of these runs into the archive, and return how many there are."""
    rows = sorted(concurrent_map(store, lambda run_id: _read_run(store, run_id), run_ids), key=_month_and_id)
    for month, of_month in groupby(rows, key=_month):
        _write(store, month, list(of_month))
        _merge_month(store, month)
    return len(rows)


def read_archived_runs(store: ObjectStore, month: str = "") -> list[ArchivedRunRow]:
    """Return the archived runs, each once, oldest first; of one month (as 2026-11), or of all."""
    prefix = layout.run_archive_prefix(month)
    return _distinct(_read_files(store, [info.key for info in store.list(prefix)]))


def _read_run(store: ObjectStore, run_id: str) -> ArchivedRunRow:
    files = layout.RunFiles(run_id)
    run, closed, report = (_read_document(store, key) for key in (files.run, files.closed, files.report))
    slots, images, release = (report.get(name) or {} for name in ("slots", "images", "release"))
    return {
        "run_id": run_id,
        "catalogue": run.get("catalogue"),
        "scope": run.get("scope"),
        "kind": run.get("kind", "release"),
        "state": closed.get("state"),
        "started_at": _parse_time(run.get("started_at")),
        "closed_at": _parse_time(closed.get("closed_at")),
        "version": closed.get("version", release.get("version")),
        "published": slots.get("published"),
        "review": slots.get("review"),
        "blocked": slots.get("blocked"),
        "failed": slots.get("failed"),
        "deferred": slots.get("deferred"),
        "retired": slots.get("retired"),
        "generated": images.get("generated"),
        "gpu_seconds": report.get("gpu_seconds"),
        "cost": (report.get("cost") or {}).get("total"),
    }


def _read_document(store: ObjectStore, key: str) -> Mapping[str, Any]:
    data = store.find(key)
    try:
        document = json.loads(data) if data else {}
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _parse_time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError, ArithmeticError):
        return None


def _month(row: ArchivedRunRow) -> str:
    return row["started_at"].strftime("%Y-%m") if row["started_at"] else "unknown"


def _month_and_id(row: ArchivedRunRow) -> tuple[str, str]:
    return _month(row), row["run_id"]


def _write(store: ObjectStore, month: str, rows: list[ArchivedRunRow]) -> str:
    key = layout.run_archive(month, digest([row["run_id"] for row in rows])[:SHORT_DIGEST_LENGTH])
    write_table_once(store, key, pa.Table.from_pylist(rows, schema=RUN_ARCHIVE))
    return key


def _merge_month(store: ObjectStore, month: str) -> None:
    keys = [info.key for info in store.list(layout.run_archive_prefix(month))]
    if len(keys) > MAX_FILES_A_MONTH:
        merged = _write(store, month, _distinct(_read_files(store, keys)))
        store.delete(key for key in keys if key != merged)


def _read_files(store: ObjectStore, keys: Iterable[str]) -> Iterable[ArchivedRunRow]:
    keys = list(keys)
    for key, data in zip(keys, concurrent_map(store, store.find, keys), strict=True):
        if data is not None:  # another sweep has merged it
            yield from parse_table(key, data, RUN_ARCHIVE).to_pylist()


def _distinct(rows: Iterable[ArchivedRunRow]) -> list[ArchivedRunRow]:
    best: dict[str, ArchivedRunRow] = {}
    for row in rows:
        if row["run_id"] not in best or row["state"] is not None:  # one that read a half deleted folder knows less
            best[row["run_id"]] = row
    return sorted(best.values(), key=_month_and_id)
