"""Read CSV files, every column as text.

Inputs: CSV files with the same header. Outputs: record batches of text columns.
Invariant: nothing is guessed. A SKU `00123` keeps its zeros, and an empty value is the empty text, never null. A row
that is too short or too long stops the reading, since it is unknown which of its values belong to which column.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from infra.errors import UnreadableSource
from infra.sources.headers import MAX_COLUMNS, check_headers
from infra.sources.source_batches import FileBatch
from infra.sources.source_files import SourceFile, SourceFiles, translate_errors

BLOCK_BYTES = 16 << 20
"""Bytes parsed at once. A row must fit into two blocks, which bounds the longest value: descriptions with embedded
images reach a few megabytes."""

MAX_HEADER_BYTES = 256 << 10
"""Bytes in which the first row must end: two thousand columns of a hundred characters."""

CSV_ADVICE = "quote values that hold commas, quotes or line breaks, and save as UTF-8 (the header is row 1)"


class CsvReader:
    """The rows of CSV files. Raises `UnreadableSource` for a missing, duplicate or differing header."""

    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    row_count: int | None = None  # known only after parsing it all, since values may hold line breaks

    def __init__(self, source_files: SourceFiles) -> None:
        self._source_files = source_files
        headers = [self._header(file) for file in source_files.files]
        check_headers(source_files, headers)
        self.columns = headers[0]

    def batches(self, columns: Sequence[str], limit: int) -> Iterator[FileBatch]:
        """Yield each file's rows in order, at most `limit` of them at a time."""
        for file in self._source_files.files:
            with self._source_files.open(file) as stream:
                for block in self._blocks(stream, file, columns):
                    for start in range(0, block.num_rows, limit):
                        yield FileBatch(file, block.slice(start, limit))

    def _blocks(self, stream: IO[bytes], file: SourceFile, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        name = self._source_files.display_name(file)
        with translate_errors(name, CSV_ADVICE):
            reader = _open_csv(stream, columns)
        while True:
            with translate_errors(name, CSV_ADVICE):
                block = next(reader, None)
            if block is None:
                return
            yield block

    def _header(self, file: SourceFile) -> list[str]:
        name = self._source_files.display_name(file)
        with self._source_files.open(file) as stream, translate_errors(name, CSV_ADVICE):
            head = stream.read(MAX_HEADER_BYTES)  # Arrow keeps a kilobyte for each column, so it sees no more at first
            if len(head) == MAX_HEADER_BYTES and not {*b"\r\n"} & {*head}:
                raise UnreadableSource(f"{name} has no line break in its first {len(head) >> 10} kB; {CSV_ADVICE}.")
            names = list(_open_csv(io.BytesIO(head), (), on_invalid_row=lambda _: "skip").schema.names)
        for separator in (";", "\t", "|"):
            if len(names) == 1 and separator in names[0]:
                raise UnreadableSource(f"The columns of {name} are separated by {separator!r}; save it with commas.")
        if len(names) > MAX_COLUMNS:
            raise UnreadableSource(f"{name} has {len(names):,} columns, more than {MAX_COLUMNS:,}; {CSV_ADVICE}.")
        return names


def _open_csv(stream: IO[bytes], columns: Sequence[str], on_invalid_row: Callable[[Any], str] | None = None) -> Any:
    """Open a streaming reader of the named columns as text; without names, one that has only the header."""
    return pa_csv.open_csv(
        stream,
        # One thread: only then do messages number the rows.
        read_options=pa_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=on_invalid_row),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            include_columns=list(columns),
            strings_can_be_null=False,
        ),
    )
