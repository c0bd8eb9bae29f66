"""Answer archive: every answer that was folded, whole, in a few Parquet files a month; kept for ever.

Inputs: rows of ANSWERS. Outputs: the same, read back: of all months, of those since one, or about one SKU. Files are
sorted by SKU, so that a SKU's answers are read without the rest. An answer may stand in two files after a kill; readers
and merges take it once. A merge writes the whole before it deletes the parts. `bench/answers.py` measures ten years.
"""

from collections.abc import Callable, Iterable
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalogs import layout
from catalogs.keys import SHORT_DIGEST_LENGTH, digest
from catalogs.table_schemas import ANSWERS
from infra.errors import ObjectMissing
from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import parse_table
from infra.stores.stored_documents import reading

MAX_FILES_A_MONTH = 8
"""More files of the newest month are merged into one; of each earlier month there is one."""
ROWS_IN_A_GROUP = 2_000
"""Answers that are read together where one SKU's are looked for."""


def archive_answers(store: ObjectStore, catalogue: str, name: str, rows: pa.Table) -> None:
    """Write rows of ANSWERS into the archive, under the months in which they were given; repeated, it does nothing."""
    months = pc.strftime(rows["when"], "%Y-%m")
    for month in sorted(set(months.to_pylist())):
        _write(store, layout.answer_archive(catalogue, month, name), rows.filter(pc.equal(months, month)))


def merge_archive(store: ObjectStore, catalogue: str) -> int:
    """Merge the files of each month; return how many files went. The newest month may keep a few."""
    files: dict[str, list[str]] = {}
    for key in _list_files(store, catalogue):
        files.setdefault(key.split("/")[-2], []).append(key)
    return sum(
        _merge_month(store, catalogue, month, keys)
        for month, keys in sorted(files.items())
        if len(keys) > (MAX_FILES_A_MONTH if month == max(files) else 1)
    )


def read_archive(store: ObjectStore, catalogue: str, since: str = "") -> pa.Table:
    """Return the archived answers of the months from `since` (as 2026-11) on, or of all, oldest first."""

    def read(key: str) -> pa.Table:
        return parse_table(key, store.read(key), ANSWERS)

    return _read_all(store, catalogue, read, since)


def read_archive_about(store: ObjectStore, catalogue: str, sku: str) -> pa.Table:
    """Return the archived answers about one SKU's images, and all that are about no image, oldest first."""
    about = (pc.field("sku") == sku) | pc.field("sku").is_null()

    def read_matching(key: str) -> pa.Table:
        with store.open_input(key) as file, reading(key, "answers"):
            return pq.read_table(file, schema=ANSWERS, filters=about)

    return _read_all(store, catalogue, read_matching)


def distinct_answers(tables: Iterable[pa.Table]) -> pa.Table:
    """Return the rows of several tables of ANSWERS, each token once, oldest first."""
    rows = pa.concat_tables([ANSWERS.empty_table(), *tables]).sort_by("token").combine_chunks()
    tokens = rows["token"]
    if rows.num_rows < 2:
        return rows
    is_new = pc.not_equal(tokens.slice(1), tokens.slice(0, rows.num_rows - 1))
    return rows.filter(pa.chunked_array([pa.array([True]), *is_new.chunks]))


def _read_all(store: ObjectStore, catalogue: str, read: Callable[[str], pa.Table], since: str = "") -> pa.Table:
    """Return the rows of all files; listed again where a sweep has merged one meanwhile, into another one by then."""
    while True:
        keys = [key for key in _list_files(store, catalogue) if key.split("/")[-2] >= since]
        try:
            return distinct_answers(concurrent_map(store, read, keys))
        except ObjectMissing:
            continue


def _list_files(store: ObjectStore, catalogue: str) -> list[str]:
    return [info.key for info in store.list(layout.answer_archive_prefix(catalogue))]


def _merge_month(store: ObjectStore, catalogue: str, month: str, keys: list[str]) -> int:
    rows = distinct_answers(_read_files(store, keys))
    merged = layout.answer_archive(catalogue, month, digest(rows["token"].to_pylist())[:SHORT_DIGEST_LENGTH])
    _write(store, merged, rows)
    return store.delete(key for key in keys if key != merged)


def _read_files(store: ObjectStore, keys: list[str]) -> Iterable[pa.Table]:
    for key, data in zip(keys, concurrent_map(store, store.find, keys), strict=True):
        if data is not None:  # another sweep has merged it
            yield parse_table(key, data, ANSWERS)


def _write(store: ObjectStore, key: str, rows: pa.Table) -> None:
    output = BytesIO()
    rows = rows.sort_by([("sku", "ascending"), ("token", "ascending")])
    pq.write_table(rows, output, compression="zstd", row_group_size=ROWS_IN_A_GROUP, write_statistics=["sku"])
    store.write_once(key, output.getvalue())
