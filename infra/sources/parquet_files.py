"""Read Parquet files row group by row group, in memory bounded by one batch.

Inputs: Parquet files, and the columns that are read, or paths into nested ones. Outputs: record batches of these.
Invariant: nothing that a file says of its own size is believed. Pages are checked before they are decoded (see
`infra.sources.parquet_pages`), text stays in its dictionaries until a batch is cut to size, and the whole file may
decode to `MAX_GROWTH` times its bytes.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from infra.errors import UnreadableSource
from infra.sources.batch_slicing import longest_list, slices_by_size
from infra.sources.column_types import storage_independent_type, types_agree
from infra.sources.file_formats import PARQUET_MAGIC
from infra.sources.headers import MAX_COLUMNS
from infra.sources.nested.nested_arrays import holds_objects, readable_names, require_plain, type_at, values_at
from infra.sources.nested.nested_paths import ColumnPath, resolve_path
from infra.sources.parquet_pages import MAX_FOOTER_BYTES, GuardedParquetFile, PageTooLarge, ReadDenied, check_footer
from infra.sources.source_batches import FileBatch
from infra.sources.source_files import SourceFile, SourceFiles, translate_errors

READ_BUFFER_BYTES = 1 << 20
"""Bytes read at once from a column: with a buffer, a column chunk is streamed instead of loaded completely."""

BATCH_BYTES = 64 << 20
"""Target size of a batch, by the row group's average: rows with a megabyte of text come a few at a time."""

MAX_GROWTH = 1_000
GROWTH_WITHOUT_QUESTION = 2 << 30
"""Bytes that any file may decode to; a larger one may grow by `MAX_GROWTH`. Dictionaries and zstd together reach 50 to
100 on catalogues, and have no end on a text of a megabyte that every row has."""

MAX_LIST_LENGTH = 10_000
"""Values of a list in one row. Rows have a few views, or some dozens of image addresses."""

ROWS_WITHOUT_QUESTION = 1_000_000
BYTES_PER_ROW = 4
"""A file with more rows has this many bytes for each at least: SKU and title, compressed, take more. Run lengths and
deltas could claim a billion rows in a kilobyte."""

CHECKED_ROWS = 16_384
"""Rows of a batch that is only measured."""

_TAIL_BYTES = 4 + len(PARQUET_MAGIC)  # the footer's length, and the end
_ADVICE = "export it again, with row groups of some 100,000 rows, pages of 1 MB, and dictionary or plain encoding"


class ParquetReader:
    """The rows of Parquet files. Raises `UnreadableSource` for a damaged file, and for a column without one meaning.

    A column counts once it is read: what no recipe reads may be doubled, nested, or another type in every file.
    """

    warnings: tuple[str, ...] = ()

    def __init__(self, source_files: SourceFiles, notes: tuple[str, ...] = ()) -> None:
        self._source_files = source_files
        self.notes = notes
        self.row_count = 0
        self._schemas: list[pa.Schema] = []
        for file in source_files.files:
            name = source_files.display_name(file)
            with source_files.open(file) as stream, _translate_errors(name):
                parquet, _ = _open_parquet(stream, name)
                _check_size(parquet, file)
                self._schemas.append(parquet.schema_arrow.remove_metadata())
                self.row_count += parquet.metadata.num_rows
        self.columns = list(dict.fromkeys(name for schema in self._schemas for name in schema.names))

    @property
    def readable(self) -> list[str]:
        """Return the columns that can be read whole, and of others paths to their texts and numbers."""
        names: list[str] = []
        for column in self.columns:
            with suppress(UnreadableSource):  # doubled, or of types that do not agree
                kinds = [_kind_of(schema, ColumnPath(column)) for schema in self._schemas]
                for name in readable_names(column, next((kind for kind in kinds if kind is not None), pa.null())):
                    self._kinds(name, resolve_path(name, self.columns) or ColumnPath(column))
                    names.append(name)
        return names

    def has(self, name: str) -> bool:
        """Tell whether a name is a column, or a path into one, of any file."""
        path = resolve_path(name, self.columns)
        return path is not None and any(_kind_of(schema, path) is not None for schema in self._schemas)

    def batches(self, columns: Sequence[str], limit: int) -> Iterator[FileBatch]:
        """Yield each file's rows in order, at most `limit` of them at a time; what a file lacks is null."""
        paths = [resolve_path(name, self.columns) or ColumnPath(name) for name in columns]
        kinds = [self._kinds(name, path) for name, path in zip(columns, paths, strict=True)]
        for number, file in enumerate(self._source_files.files):
            schema = pa.schema([(name, of_files[number]) for name, of_files in zip(columns, kinds, strict=True)])
            left = max(GROWTH_WITHOUT_QUESTION, MAX_GROWTH * file.size)
            present = list(dict.fromkeys(path.column for path in paths if path.column in self._schemas[number].names))
            for name, batch in self._file_batches(file, present, limit):
                with _translate_errors(name):
                    for part, size in slices_by_size(batch, BATCH_BYTES):
                        left -= size
                        if left < 0:
                            raise PageTooLarge(f"its file decodes to more than {MAX_GROWTH:,} times its size")
                        arrays = [_values(part, path, field.type) for path, field in zip(paths, schema, strict=True)]
                        yield FileBatch(file, pa.RecordBatch.from_arrays(arrays, schema=schema))

    def require_bounded(self, max_bytes: int) -> None:
        """Raise `UnreadableSource` where all columns of the files decode to more than this, before others read them."""
        for number, file in enumerate(self._source_files.files):
            for name, batch in self._file_batches(file, self._schemas[number].names, CHECKED_ROWS):
                with _translate_errors(name):
                    max_bytes -= sum(size for _, size in slices_by_size(batch, BATCH_BYTES))
                    if max_bytes < 0:
                        raise PageTooLarge("it decodes to more than is read of such a file")

    def _file_batches(
        self, file: SourceFile, columns: Sequence[str], limit: int
    ) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield how a message names the row group, and its rows, whose text is in dictionaries where the file's is."""
        name = self._source_files.display_name(file)
        with self._source_files.open(file) as stream:
            with _translate_errors(name):
                parquet, guard = _open_parquet(stream, name, columns)
            count = parquet.metadata.num_row_groups
            for group in range(count):
                group_name = f"Row group {group + 1} of {count} of {name}"
                reader = _row_group(parquet, guard, group, columns, limit)
                while True:
                    with _translate_errors(group_name):
                        batch = next(reader, None)
                    if batch is None:
                        break
                    yield group_name, batch

    def _kinds(self, name: str, path: ColumnPath) -> list[pa.DataType]:
        """Return the type of a column, or of what a path leads to, in each file; raise where they do not agree."""
        files = [self._source_files.display_name(file) for file in self._source_files.files]
        known: tuple[pa.DataType, str] = (pa.null(), files[0])
        kinds: list[pa.DataType] = []
        for file_name, schema in zip(files, self._schemas, strict=True):
            if schema.names.count(path.column) > 1:
                raise UnreadableSource(f"{file_name} has more than one column {path.column!r}; keep one.")
            kind = _kind_of(schema, path)
            kind = pa.null() if kind is None else kind
            require_plain(name, kind, file_name)
            if not types_agree(known[0], kind):
                raise UnreadableSource(
                    f"The column {name!r} is {known[0]} in {known[1]} and {kind} in {file_name}, and equal values of "
                    "these have different texts; write it in one type in all files."
                )
            known = (kind, file_name) if pa.types.is_null(known[0]) else known
            kinds.append(kind)
        if len(set(kinds)) == 1:
            return kinds
        return [storage_independent_type(known[0] if pa.types.is_null(kind) else kind) for kind in kinds]


def _kind_of(schema: pa.Schema, path: ColumnPath) -> pa.DataType | None:
    """Return the type of what a path leads to in a file's (first) column of the name; None where it has no such."""
    number = schema.names.index(path.column) if path.column in schema.names else -1
    return None if number < 0 else type_at(schema.field(number).type, path.steps)


def _open_parquet(stream: Any, name: str, columns: Sequence[str] = ()) -> tuple[Any, GuardedParquetFile]:
    """Open a file behind its guard, so that the text of `columns` stays in dictionaries where the file has them."""
    stream.seek(0, os.SEEK_END)
    end = stream.tell()
    stream.seek(max(0, end - _TAIL_BYTES))
    tail = stream.read(_TAIL_BYTES)
    if not tail.endswith(PARQUET_MAGIC):
        raise UnreadableSource(f"{name} begins as Parquet but its end is missing (cut off?); copy or export it again.")
    size = int.from_bytes(tail[:4], "little")
    stream.seek(max(0, end - _TAIL_BYTES - size))
    check_footer(stream.read(min(size, MAX_FOOTER_BYTES + 1)))
    guard = GuardedParquetFile(stream)
    parquet = pq.ParquetFile(guard, buffer_size=READ_BUFFER_BYTES, pre_buffer=False)
    leaves = [parquet.schema.column(number) for number in _leaf_numbers(parquet, columns)]
    texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY" and leaf.logical_type.type != "DECIMAL"]
    if texts:
        known = {"metadata": parquet.metadata, "read_dictionary": texts}
        parquet = pq.ParquetFile(guard, buffer_size=READ_BUFFER_BYTES, pre_buffer=False, **known)
    return parquet, guard


def _leaf_numbers(parquet: Any, columns: Sequence[str]) -> list[int]:
    """Return the numbers of the stored columns that Arrow reads for these names, which begin a path for it."""
    paths = [parquet.schema.column(number).path for number in range(parquet.metadata.num_columns)]
    return [
        number
        for number, path in enumerate(paths)
        if any(path == name or path.startswith(f"{name}.") for name in columns)
    ]


def _row_group(
    parquet: Any, guard: GuardedParquetFile, group: int, columns: Sequence[str], limit: int
) -> Iterator[pa.RecordBatch]:
    metadata = parquet.metadata.row_group(group)
    if not metadata.num_rows:
        return  # its columns have no bytes, so all of them begin at one place
    if not columns:  # the file lacks all that is read, but its rows count
        for start in range(0, metadata.num_rows, limit):
            yield pa.record_batch([pa.nulls(min(limit, metadata.num_rows - start))], names=[""])
        return
    numbers = _leaf_numbers(parquet, columns)
    leaves = [parquet.schema.column(number) for number in numbers]
    bytes_per_row = max(1, sum(map(_fixed_width, leaves)), metadata.total_byte_size // max(1, metadata.num_rows))
    rows = max(1, min(limit, BATCH_BYTES // bytes_per_row))
    is_repeated = [leaf.max_repetition_level > 0 for leaf in leaves]
    _require_sound_chunks(parquet, guard, group, [leaf.path for leaf in leaves])
    guard.watch(zip(map(metadata.column, numbers), is_repeated, strict=True), rows)
    for batch in parquet.iter_batches(rows, row_groups=[group], columns=list(columns), use_threads=False):
        selected = batch.select(list(columns))
        for column in selected.columns:
            # Text that is not UTF-8 would fail later, without the file's name. Of an object only what is read of it is
            # checked, in `_values`: where it is null, Arrow's own text in it may have a place in no dictionary.
            column.validate(full=not holds_objects(column.type))
            if longest_list(column) > MAX_LIST_LENGTH:
                raise PageTooLarge(f"a row has a list of more than {MAX_LIST_LENGTH:,} values")
        yield selected


def _require_sound_chunks(parquet: Any, guard: GuardedParquetFile, group: int, paths: Sequence[str]) -> None:
    """Raise Arrow's exception for column chunks whose metadata contradict themselves.

    pyarrow's `column` ends the process by a signal for those, while a reader raises: so one is asked before, for no
    byte.
    """
    for path in paths:
        with guard.denying_reads(), suppress(ReadDenied):
            next(parquet.iter_batches(1, row_groups=[group], columns=[path], use_threads=False), None)


def _values(batch: pa.RecordBatch, path: ColumnPath, kind: pa.DataType) -> Any:
    """Return what a path leads to in each row, decoded to its type; nulls where the file lacks it."""
    column = batch.column(path.column) if path.column in batch.schema.names else None
    if column is None or type_at(column.type, path.steps) is None:
        return pa.nulls(batch.num_rows, kind)
    array = values_at(column, path.steps)
    array.validate(full=True)
    if pa.types.is_dictionary(array.type) and not pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
    return array.cast(kind)


def _check_size(parquet: Any, file: SourceFile) -> None:
    metadata = parquet.metadata
    if metadata.num_columns > MAX_COLUMNS:
        raise PageTooLarge(f"it has {metadata.num_columns:,} columns, more than {MAX_COLUMNS:,}")
    if sum(_fixed_width(parquet.schema.column(number)) for number in range(metadata.num_columns)) > BATCH_BYTES:
        raise PageTooLarge(f"a row has more than {BATCH_BYTES >> 20} MB")
    if metadata.num_rows > max(ROWS_WITHOUT_QUESTION, file.size // BYTES_PER_ROW):
        raise PageTooLarge(f"it claims {metadata.num_rows:,} rows in {file.size:,} bytes")


def _fixed_width(leaf: Any) -> int:
    """Return the bytes of each value of a column where its type gives them."""
    return int(leaf.length) if leaf.physical_type == "FIXED_LEN_BYTE_ARRAY" else 0


@contextmanager
def _translate_errors(name: str) -> Iterator[None]:
    try:
        with translate_errors(name):
            yield
    except PageTooLarge as error:
        raise UnreadableSource(f"{name} is not read, since {error}; {_ADVICE}.") from None
