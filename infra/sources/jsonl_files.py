"""Read JSON lines, with fields that may be absent from some lines.

Inputs: files, and how they are cut into JSON lines. Outputs: record batches of one schema. Each file is parsed twice:
once to learn every field of any line (a field that first appears on the last line would be lost otherwise), once for
the rows. Text stays text, even if it looks like a date.
Invariant: nesting, line length and the number of fields are bounded before Arrow parses a line.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import IO

import pyarrow as pa

from infra.errors import UnreadableSource, one_line
from infra.json_nesting import MAX_DEPTH, nesting_depth
from infra.sources.json_fields import FieldLearner, TooManyFields, parse_rows, with_typed_lists
from infra.sources.nested.nested_arrays import readable_names, require_plain, type_at, values_at
from infra.sources.nested.nested_paths import ColumnPath, resolve_path
from infra.sources.source_batches import FileBatch
from infra.sources.source_files import SourceFile, SourceFiles

CHUNK_BYTES = 16 << 20
"""Bytes parsed at once, plus the rest of the last line."""

MAX_LINE_BYTES = 16 << 20
"""The longest line: a row with images embedded as text has a few megabytes."""

PiecesOf = Callable[[SourceFile], Iterator[bytes]]
"""How a file is cut into pieces of whole JSON lines."""

_ADVICE = "write one object on each line"
_SEVERAL_TYPES = "changed from"
_PARSE_ERRORS = (pa.ArrowException, TooManyFields, MemoryError)


class SeveralTypes(Exception):
    """A field has several types of values, so no table of Arrow's holds it; the message is a whole sentence."""


class JsonlReader:
    """The rows of JSON lines. Raises `UnreadableSource` for a broken line, `SeveralTypes` for a field of two types."""

    def __init__(
        self,
        source_files: SourceFiles,
        pieces_of: PiecesOf,
        notes: tuple[str, ...] = (),
        warnings: tuple[str, ...] = (),
    ) -> None:
        self._source_files = source_files
        self.notes, self.warnings = notes, warnings
        self._pieces_of = pieces_of
        self.row_count = 0
        learner = FieldLearner()
        for file in source_files.files:
            before = self.row_count
            try:
                for chunk in pieces_of(file):
                    for rows in learner.read(chunk):
                        self.row_count += rows
            except _PARSE_ERRORS as error:
                raise self._unreadable(file, error, self.row_count - before) from None
        if not learner.fields.names:
            raise UnreadableSource(f"{source_files.url!r} holds no JSON objects; export it again.")
        self._fields = with_typed_lists(learner.fields)
        self.columns = list(self._fields.names)

    @property
    def readable(self) -> list[str]:
        """Return the columns that can be read whole, and of others paths to their texts and numbers."""
        return [name for field in self._fields for name in readable_names(field.name, field.type)]

    def has(self, name: str) -> bool:
        """Tell whether a name is a field, or a path into one, of any line."""
        return self._type(name) is not None

    def batches(self, columns: Sequence[str], limit: int) -> Iterator[FileBatch]:
        """Yield each file's rows in order, at most `limit` of them at a time."""
        paths = [resolve_path(name, self.columns) or ColumnPath(name) for name in columns]
        for name in columns:
            require_plain(name, self._type(name), repr(self._source_files.url))
        fields = pa.schema([self._fields.field(name) for name in dict.fromkeys(path.column for path in paths)])
        for file in self._source_files.files:
            for table in self._tables(file, fields):
                for batch in table.combine_chunks().to_batches(max_chunksize=limit):
                    arrays = [values_at(batch.column(path.column), path.steps) for path in paths]
                    yield FileBatch(file, pa.RecordBatch.from_arrays(arrays, names=list(columns)))

    def _type(self, name: str) -> pa.DataType | None:
        path = resolve_path(name, self.columns)
        return None if path is None else type_at(self._fields.field(path.column).type, path.steps)

    def _tables(self, file: SourceFile, fields: pa.Schema) -> Iterator[pa.Table]:
        before = 0
        try:
            for chunk in self._pieces_of(file):
                for table in parse_rows(chunk, fields):
                    yield table
                    before += table.num_rows
        except _PARSE_ERRORS as error:
            raise self._unreadable(file, error, before) from None

    def _unreadable(self, file: SourceFile, error: Exception, before: int) -> Exception:
        """Return the error that names the file and, where Arrow counts rows of its piece, the row of the file."""
        reason = re.sub(r"in row (\d+)", lambda match: f"in row {int(match[1]) + 1 + before}", one_line(error))
        name = self._source_files.display_name(file)
        kind = SeveralTypes if isinstance(error, pa.ArrowTypeError) or _SEVERAL_TYPES in reason else UnreadableSource
        return kind(f"{name} cannot be read as JSON; correct or export it again: {reason}")


def line_pieces(source_files: SourceFiles, file: SourceFile) -> Iterator[bytes]:
    """Yield a file's whole lines, about `CHUNK_BYTES` at a time. Raises `UnreadableSource` for an endless one."""
    name = source_files.display_name(file)
    with source_files.open(file) as stream:
        for chunk in _line_chunks(stream):
            if not chunk.endswith(b"\n") and len(chunk) > CHUNK_BYTES + MAX_LINE_BYTES:
                raise UnreadableSource(f"{name} has a line of more than {MAX_LINE_BYTES >> 20} MB; {_ADVICE}.")
            yield chunk


def require_harmless(pieces: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield the same pieces. Raises `UnreadableSource` for deep nesting, and for what is no UTF-8 text."""
    for piece in pieces:
        if nesting_depth(piece) > MAX_DEPTH:
            raise UnreadableSource(f"{name} has a line nested in more than {MAX_DEPTH} levels; {_ADVICE}.")
        try:
            piece.decode()
        except UnicodeDecodeError:
            raise UnreadableSource(f"{name} is not UTF-8 text; export it again.") from None
        yield piece


def _line_chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield whole lines without a byte order mark and without blank chunks; a line that is too long is cut."""
    start = True
    while chunk := stream.read(CHUNK_BYTES):
        chunk += stream.readline(MAX_LINE_BYTES + 1)
        if start:
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
            start = False
        if chunk.strip():
            yield chunk
