"""Parquet files as objects.

Inputs: keys and Arrow tables. Outputs: the same; `DocumentUnreadable` for what is no table of that schema. A missing
object reads as an empty table, because a stage without rows writes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from infra.errors import ObjectMissing, one_line
from infra.interfaces import ObjectStore
from infra.stores.stored_documents import reading


def read_table(store: ObjectStore, key: str, schema: pa.Schema) -> pa.Table:
    """Return the object's rows under `schema`; a missing object has no rows.

    Nullable columns that the object lacks are null in every row: an older version wrote it before they were added.
    """
    try:
        with store.open_input(key) as file, _reading_table(key):
            return _with_missing_columns(pq.read_table(file), schema).select(schema.names).cast(schema)
    except ObjectMissing:
        return schema.empty_table()


def _with_missing_columns(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    for field in schema:
        if field.nullable and field.name not in rows.schema.names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows


def read_row_group(store: ObjectStore, key: str, row_group: int, schema: pa.Schema | None = None) -> pa.Table:
    """Return one row group of an object.

    With a `schema`, nullable columns of it that the object lacks are null, as in `read_table`.
    """
    with store.open_input(key) as file, _reading_table(key):
        rows = pq.ParquetFile(file).read_row_group(row_group)
        return rows if schema is None else _with_missing_columns(rows, schema)


def read_row_groups(
    store: ObjectStore, prefix: str, columns: list[str] | None = None, schema: pa.Schema | None = None
) -> Iterator[pa.Table]:
    """Yield every Parquet object under a prefix, row group by row group: these columns, or all.

    With a `schema`, nullable columns of it that an object lacks are null, as in `read_table`.
    """
    for info in store.list(prefix):
        with store.open_input(info.key) as file:
            with _reading_table(info.key):
                parquet = pq.ParquetFile(file)
            for row_group in range(parquet.num_row_groups):
                with _reading_table(info.key):
                    rows = parquet.read_row_group(row_group, columns=columns)
                    complete = rows if schema is None else _with_missing_columns(rows, schema)
                yield complete


def parse_table(key: str, data: bytes, schema: pa.Schema | None = None, columns: list[str] | None = None) -> pa.Table:
    """Return the rows of an object that was read already: all, these columns, or those of `schema`, as `read_table`."""
    with _reading_table(key):
        file = pq.ParquetFile(pa.BufferReader(data))  # not `read_table`, whose imports take half a second
        if schema is None:
            return file.read(columns)
        rows = file.read([name for name in schema.names if name in file.schema_arrow.names])
        return _with_missing_columns(rows, schema).select(schema.names).cast(schema)


def read_batches(key: str, source: Any, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield an open object's rows batch by batch, with these columns in this order."""
    with _reading_table(key):
        batches = pq.ParquetFile(source).iter_batches(columns=columns)
    while True:
        with _reading_table(key):
            batch = next(batches, None)
            if batch is None:
                return
            selected = batch.select(columns)
        yield selected


@contextmanager
def _reading_table(key: str) -> Iterator[None]:
    with reading(key, "a table"):
        try:
            yield
        except (pa.ArrowException, OSError) as error:  # OSError: pages that do not decompress
            raise ValueError(one_line(error)) from error


def write_table(store: ObjectStore, key: str, table: pa.Table) -> None:
    """Write the table as one object, completely or not at all."""
    with store.open_output(key) as output:
        pq.write_table(table, output, compression="zstd", write_statistics=False)


def write_table_once(store: ObjectStore, key: str, table: pa.Table) -> pa.Table:
    """Write the table unless the key is taken, and return the stored one. Uses the table's size in memory once more."""
    output = pa.BufferOutputStream()
    pq.write_table(table, output, compression="zstd", write_statistics=False)
    if store.write_once(key, output.getvalue().to_pybytes()):
        return table
    return read_table(store, key, table.schema)
