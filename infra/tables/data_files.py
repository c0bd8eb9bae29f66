"""Read a table's data files from the store: small ones whole and side by side, large ones by ranges.

Inputs: the files that a version or a range of versions names, and the columns to read. Outputs: record batches in
these columns; a column that an older file lacks is null. Invariant: a data file never changes under its name.
delta-rs asks three times for each file, and on a machine with two cores for one file after the other.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.tables.arrow_types import normalize_schema
from infra.tables.table_paths import own_file_key

WHOLE_FILE_BYTES = 2 * 2**20
"""Files up to this size are read by one request each, side by side; larger ones by ranges, one after another."""
_BATCH_ROWS = 16 * 1024


class DataFile(NamedTuple):
    """A file of a table: its key in the store, its bytes (0: the log does not say), and whether its rows are new."""

    key: str
    size: int
    has_new_rows: bool = True


def list_data_files(table: str, version: DeltaTable) -> list[DataFile]:
    """Return the data files of the version that `version` is opened at."""
    actions = pa.table(version.get_add_actions(flatten=True))
    paths, sizes = (actions[name].to_pylist() for name in ("path", "size_bytes"))
    return [DataFile(own_file_key(table, path), int(size)) for path, size in zip(paths, sizes, strict=True)]


class FileCache(Protocol):
    """Where small files are kept between reads."""

    def find_file(self, key: str) -> bytes | None:
        """Return a kept file."""

    def add_file(self, key: str, data: bytes) -> None:
        """Keep a file."""


def read_data_files(
    store: ObjectStore, files: Sequence[DataFile], schema: pa.Schema, cache: FileCache | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of the files in the columns of `schema`. Raises `ObjectMissing` where a file is gone."""

    def read(key: str) -> bytes:
        kept = cache.find_file(key) if cache else None
        data = store.read(key) if kept is None else kept
        if cache:
            cache.add_file(key, data)
        return data

    small = {file.key for file in files if file.size <= WHOLE_FILE_BYTES and store.max_concurrency > 1}
    for data in concurrent_map(store, read, sorted(small)):
        yield from _read_columns(pq.ParquetFile(pa.BufferReader(data)), schema)
    for key in (file.key for file in files if file.key not in small):
        with store.open_input(key) as source:
            yield from _read_columns(pq.ParquetFile(source), schema)


def _read_columns(parquet: pq.ParquetFile, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    stored = [name for name in schema.names if name in parquet.schema_arrow.names]
    # Without a column a batch does not know its rows.
    names = stored or parquet.schema_arrow.names[:1]
    yield from pad_columns(parquet.iter_batches(_BATCH_ROWS, columns=names), schema)


def pad_columns(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield batches in these columns; one that they lack is null."""
    for batch in batches:
        plain = normalize_schema(batch.schema)
        columns = [
            batch.column(field.name).cast(plain.field(field.name).type).cast(field.type)
            if field.name in plain.names
            else pa.nulls(batch.num_rows, field.type)
            for field in schema
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
