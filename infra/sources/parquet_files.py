"""Read Parquet files row group by row group, in memory bounded by one batch.

Inputs: Parquet files with the same columns. Outputs: record batches, all of one schema.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from infra.errors import UnreadableSource
from infra.sources.file_formats import PARQUET_MAGIC
from infra.sources.headers import check_headers
from infra.sources.source_files import SourceFile, SourceFiles, translate_errors

READ_BUFFER_BYTES = 1 << 20
"""Bytes read at once from a column: with a buffer, a column chunk is streamed instead of loaded completely."""

BATCH_BYTES = 64 << 20
"""Target size of a batch, by the row group's average: rows with a megabyte of text come a few at a time."""


class ParquetReader:
    """The rows of Parquet files. Raises `UnreadableSource` for a damaged file or differing columns."""

    def __init__(self, source_files: SourceFiles) -> None:
        self._source_files = source_files
        self.row_count = 0
        schemas = []
        for file in source_files.files:
            with source_files.open(file) as stream:
                parquet = _open_parquet(stream, source_files.display_name(file))
                schemas.append(parquet.schema_arrow.remove_metadata())
                self.row_count += parquet.metadata.num_rows
        check_headers(source_files, [schema.names for schema in schemas])
        self._schema = self._one_schema(schemas)
        self.columns = list(self._schema.names)

    def batches(self, columns: Sequence[str], limit: int) -> Iterator[tuple[SourceFile, pa.RecordBatch]]:
        """Yield each file's rows in order, at most `limit` of them at a time."""
        for file in self._source_files.files:
            name = self._source_files.display_name(file)
            with self._source_files.open(file) as stream:
                parquet = _open_parquet(stream, name)
                count = parquet.metadata.num_row_groups
                for group in range(count):
                    reader = self._row_group(parquet, group, columns, limit)
                    while True:
                        with translate_errors(f"Row group {group + 1} of {count} of {name}"):
                            batch = next(reader, None)
                        if batch is None:
                            break
                        yield file, batch

    def _row_group(self, parquet: Any, group: int, columns: Sequence[str], limit: int) -> Iterator[pa.RecordBatch]:
        metadata = parquet.metadata.row_group(group)
        bytes_per_row = max(1, metadata.total_byte_size // max(1, metadata.num_rows))
        rows = max(1, min(limit, BATCH_BYTES // bytes_per_row))
        schema = pa.schema([self._schema.field(name) for name in columns])
        for batch in parquet.iter_batches(rows, row_groups=[group], columns=list(columns), use_threads=False):
            batch.validate(full=True)  # text that is not UTF-8 would fail later, without the file's name
            yield batch.select(list(columns)).cast(schema)

    def _one_schema(self, schemas: Sequence[pa.Schema]) -> pa.Schema:
        types: dict[str, pa.DataType] = {}
        for file, schema in zip(self._source_files.files, schemas, strict=True):
            for field in schema:
                types[field.name] = self._one_type(field, types.get(field.name), self._source_files.display_name(file))
        return pa.schema(list(types.items()))

    def _one_type(self, field: pa.Field, known: pa.DataType | None, name: str) -> pa.DataType:
        if known is None or known == field.type or pa.types.is_null(known):
            return field.type
        if pa.types.is_null(field.type):
            return known
        if _storage_independent_type(known) == _storage_independent_type(field.type):
            return _storage_independent_type(known)
        raise UnreadableSource(
            f"The files of a folder must have the same columns: {field.name!r} is {field.type} in {name} "
            f"and {known} in the files before it."
        )


def _storage_independent_type(kind: pa.DataType) -> pa.DataType:
    """Return a type without its storage variant: no dictionaries, and no text with wide offsets."""
    if pa.types.is_dictionary(kind):
        return _storage_independent_type(kind.value_type)
    return pa.string() if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else kind


def _open_parquet(stream: Any, name: str) -> Any:
    stream.seek(-len(PARQUET_MAGIC), os.SEEK_END)
    if stream.read(len(PARQUET_MAGIC)) != PARQUET_MAGIC:
        raise UnreadableSource(f"{name} begins as Parquet but its end is missing (cut off?); copy or export it again.")
    stream.seek(0)
    with translate_errors(name):
        return pq.ParquetFile(stream, buffer_size=READ_BUFFER_BYTES, pre_buffer=False)
