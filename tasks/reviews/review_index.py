"""Review index: the rows that runs queued for people, read as one table whatever files they lie in.

Inputs: a store and a catalogue. Outputs: the newest row of each (slot, request, finish). Every run that queues
something adds a file; the run that finds more than a few folds them into one (`fold_review_index`), and a sweep drops
rows that nobody is asked about any more (`tasks.maintenance.compact_reviews`). A merged file is written before those
that it replaces are deleted: a reader meets rows twice, never too few, and one whose file went meanwhile lists again.
Old indexes lack the newer columns; those are null.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.keys import SHORT_DIGEST_LENGTH, digest
from catalogs.table_schemas import REVIEW_INDEX
from infra.errors import ObjectMissing
from infra.interfaces import ObjectInfo, ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import parse_table, write_table

MAX_FILES = 12
"""Up to this many files are left as they are: reading them costs less than writing one again in each run."""

SMALL_FILE_BYTES = 4 * 2**20
"""A run folds files up to this size, some 10,000 rows; larger ones are left to the sweep."""

_TRIES = 20
"""Each means that a fold or a sweep replaced files since they were listed."""

ROW_KEY = ("slot_id", "request_key", "finish_digest")
"""What tells one row from another; of equal ones the newest counts, by `asked_at`."""


def list_review_index(store: ObjectStore, catalogue: str) -> list[ObjectInfo]:
    """Return the files of the index."""
    return list(store.list(layout.review_index_prefix(catalogue)))


def read_review_index(
    store: ObjectStore, catalogue: str, files: Sequence[ObjectInfo] | None = None, columns: pa.Schema = REVIEW_INDEX
) -> pa.Table:
    """Return the newest rows of a catalogue's index: all its columns, or some, among them those of `ROW_KEY`.

    `files` is a listing made just now.
    """
    for _ in range(_TRIES):
        listed = list_review_index(store, catalogue) if files is None else files
        keys = [info.key for info in listed]
        found = list(zip(keys, concurrent_map(store, store.find, keys), strict=True))
        if all(data is not None for _, data in found):
            parts = [parse_table(key, data, columns) for key, data in found if data is not None]
            return newest_rows(pa.concat_tables(parts) if parts else columns.empty_table()).combine_chunks()
        files = None
    raise ObjectMissing(f"The review index of {catalogue!r} changes faster than it can be read; try again.")


def fold_review_index(store: ObjectStore, catalogue: str) -> int:
    """Merge a catalogue's small index files, where there are more than a few, and return how many were merged.

    A run that is completed once more writes its own file again, with rows that are known already.
    """
    small = [info for info in list_review_index(store, catalogue) if info.size <= SMALL_FILE_BYTES]
    if len(small) <= MAX_FILES:
        return 0
    return len(merge_review_files(store, catalogue, small, "folded"))


def merge_review_files(
    store: ObjectStore, catalogue: str, files: Sequence[ObjectInfo], name: str, rows: pa.Table | None = None
) -> list[str]:
    """Write the files' newest rows, or these rows in their place, as one file and delete the files; return their keys.

    Where another process merged some of them meanwhile, nothing is done: its file has their rows.
    """
    keys = sorted(info.key for info in files)
    found = list(zip(keys, concurrent_map(store, store.find, keys), strict=True))
    if any(data is None for _, data in found):
        return []
    if rows is None:
        rows = newest_rows(pa.concat_tables([parse_table(key, data or b"", REVIEW_INDEX) for key, data in found]))
    merged = layout.review_index(catalogue, f"{name}-{digest(keys)[:SHORT_DIGEST_LENGTH]}")
    if rows.num_rows:
        write_table(store, merged, rows)
    store.delete(key for key in keys if key != merged)
    return keys


def newest_rows(rows: pa.Table) -> pa.Table:
    """Return the newest row of each key, in the order of the table."""
    asked = pc.fill_null(rows["asked_at"].cast(pa.int64()), 0).to_numpy()
    newest: dict[tuple[bytes, ...], int] = {}
    columns = [rows[name].to_pylist() for name in ROW_KEY]
    for number, key in enumerate(zip(*columns, strict=True)):
        other = newest.get(key)
        if other is None or asked[number] >= asked[other]:
            newest[key] = number
    if len(newest) == rows.num_rows:
        return rows
    return rows.take(pa.array(np.sort(np.fromiter(newest.values(), np.int64))))
