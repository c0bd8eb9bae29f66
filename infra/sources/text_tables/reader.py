"""The reader of text tables: finds out how each file is written, and reads the rows of all of them.

Inputs: a source's files, and what a person says of them. Outputs: record batches of text columns, the columns' names,
notes on how the files are read, and warnings where that is a guess.
Invariant: a file is read in one way from its beginning to its end, and the notes say in which.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from infra.errors import UnreadableSource
from infra.sources.headers import MAX_COLUMNS
from infra.sources.source_batches import FileBatch
from infra.sources.source_files import SourceFile, SourceFiles
from infra.sources.source_options import SourceOptions
from infra.sources.text_tables.column_names import unique_names
from infra.sources.text_tables.dialects import LITERAL, find_dialect
from infra.sources.text_tables.rows import read_rows
from infra.sources.text_tables.streams import Utf8Stream
from infra.sources.text_tables.text_encodings import NotText, TextEncoding, find_encoding
from infra.sources.text_tables.text_table import TextTable

MAX_HEADER_BYTES = 256 << 10
"""Bytes in which the header must end: two thousand columns of a hundred characters."""


@dataclass(frozen=True)
class _FoundTable:
    """A table, and what was found out about it."""

    table: TextTable
    encoding: TextEncoding
    doubled: Mapping[str, int]


class TextReader:
    """The rows of text tables. Raises `UnreadableSource` for a file that is no text, or has no header."""

    row_count: int | None = None  # known only after parsing it all, since values may hold line breaks

    def __init__(self, source_files: SourceFiles, options: SourceOptions) -> None:
        self._source_files, self._options = source_files, options
        self._found = [self._find(file) for file in source_files.files]
        self.columns = list(dict.fromkeys(name for found in self._found for name in found.table.columns))
        self.notes = tuple(dict.fromkeys(map(_note, self._found)))[:5]
        self._warnings = dict.fromkeys(warning for found in self._found for warning in _doubts(found, options))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what is doubtful of how the files are read."""
        return tuple(self._warnings)

    @property
    def readable(self) -> list[str]:
        """Return the columns."""
        return self.columns

    def has(self, name: str) -> bool:
        """Tell whether a name is a column."""
        return name in self.columns

    def batches(self, columns: Sequence[str], limit: int) -> Iterator[FileBatch]:
        """Yield each file's rows in order, at most `limit` readable ones at a time.

        A column that a file lacks is empty there. Raises `UnreadableSource` for one that a file has several times.
        """
        for found in self._found:
            name = found.table.display_name
            if ambiguous := [column for column in columns if column in found.doubled]:
                count = found.doubled[ambiguous[0]]
                raise UnreadableSource(
                    f"{name} has {count} columns {ambiguous[0]!r}, and nothing says which is meant; rename one."
                )
            lacking = [column for column in columns if column not in found.table.columns]
            if len(lacking) == len(columns):
                raise UnreadableSource(f"{name} has none of the columns {', '.join(map(repr, lacking))}; look at it.")
            for column in lacking:
                self._warnings[f"{name} has no column {column!r}, which other files have: it is empty there"] = None
        for found in self._found:
            yield from self._read(found.table, columns, limit)

    def _read(self, table: TextTable, columns: Sequence[str], limit: int) -> Iterator[FileBatch]:
        stored = [column for column in columns if column in table.columns]
        for batch in read_rows(table, stored, limit):
            if len(stored) < len(columns):
                absent = pa.array([""] * batch.rows.num_rows, pa.string())
                arrays = [batch.rows[name] if name in stored else absent for name in columns]
                rows = pa.RecordBatch.from_arrays(arrays, names=list(columns))
                yield FileBatch(batch.file, rows, batch.offsets, batch.damaged, batch.empty)
            else:
                yield batch

    def _find(self, file: SourceFile) -> _FoundTable:
        """Return a file's table, of which only the header was parsed."""
        name = self._source_files.display_name(file)
        with self._source_files.open(file) as stream:
            try:
                encoding = find_encoding(stream, self._options.encoding)
            except NotText as error:
                raise UnreadableSource(f"{name} {error}; export it again.") from None
            text, is_whole = _head(Utf8Stream(stream, encoding))
        options = self._options
        dialect = find_dialect(text, is_whole=is_whole, separator=options.separator, header_row=options.header_row)
        if dialect is None:
            raise UnreadableSource(_no_header(name, is_whole, options.header_row))
        if len(dialect.header) > MAX_COLUMNS:
            raise UnreadableSource(
                f"{name} has {len(dialect.header):,} columns, more than {MAX_COLUMNS:,}; is it separated by "
                f"{dialect.separator_label}? --read-as separator=… says otherwise."
            )
        names, doubled = unique_names(dialect.header)
        header_bytes = len(text[: dialect.header_end].encode())

        @contextmanager
        def opened() -> Iterator[Utf8Stream]:
            with self._source_files.open(file) as stream:
                yield Utf8Stream(stream, encoding)

        table = TextTable(file, name, dialect, names, header_bytes, opened, encoding.is_clean, encoding.label)
        return _FoundTable(table, encoding, doubled)


def _head(text: Utf8Stream) -> tuple[str, bool]:
    """Return the beginning of a file, and whether it is all of it."""
    head = b""
    while len(head) <= MAX_HEADER_BYTES and (data := text.read(MAX_HEADER_BYTES + 1 - len(head))):
        head += data
    return head[:MAX_HEADER_BYTES].decode("utf-8", "ignore"), len(head) <= MAX_HEADER_BYTES


def _no_header(name: str, is_whole: bool, header_row: int | None) -> str:
    if header_row is not None:
        return f"{name} has no values in row {header_row}, or not so many rows near its beginning; correct header_row."
    if not is_whole:
        return f"{name} has no row that ends within its first {MAX_HEADER_BYTES >> 10} kB; is it a table of text?"
    return f"{name} holds no values; export it again."


def _note(found: _FoundTable) -> str:
    """Return how a file is read."""
    dialect, table = found.table.dialect, found.table
    parts = [found.encoding.label]
    if len(table.columns) > 1:
        parts.append(f"separated by {dialect.separator_label}")
    if dialect.quoting.escape:
        parts.append("quotes escaped by a backslash")
    if dialect.quoting == LITERAL:
        parts.append("quotes taken as they are")
    parts.append(f"header in row {dialect.header_row}")
    if unnamed := sum(not name for name in dialect.header) - dialect.surplus:
        parts.append(f"{unnamed} column{'s' if unnamed > 1 else ''} without a name")
    if found.doubled:
        parts.append(f"more than one column {', '.join(map(repr, sorted(found.doubled)[:3]))}")
    return ", ".join(parts)


def _doubts(found: _FoundTable, options: SourceOptions) -> Iterator[str]:
    """Yield what of a file's reading is a guess."""
    name, dialect = found.table.display_name, found.table.dialect
    if found.encoding.is_guessed:
        yield (
            f"{name} is no UTF-8; by its letters it is read as {found.encoding.label}. Look at them, or say"
            " --read-as encoding=…"
        )
    if dialect.header_row > 1 and options.header_row is None:
        yield (
            f"{name}: row {dialect.header_row} is taken for the header, and what stands above is left out;"
            " --read-as header_row=… says otherwise"
        )
