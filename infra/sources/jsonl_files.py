"""Read JSON lines, with fields that may be absent from some lines.

Inputs: JSON lines files. Outputs: record batches of one schema. Each file is parsed twice: once to learn every field of
any line (a field that first appears on the last line would be lost otherwise), once for the rows. Text stays text, even
if it looks like a date.
Invariant: nesting, line length and the number of fields are bounded before Arrow parses a line.
"""

import re
from collections.abc import Iterator, Sequence
from typing import IO

import pyarrow as pa

from infra.errors import UnreadableSource, one_line
from infra.json_nesting import MAX_DEPTH, nesting_depth
from infra.sources.json_fields import FieldLearner, TooManyFields, parse_rows, with_typed_lists
from infra.sources.source_batches import FileBatch
from infra.sources.source_files import SourceFile, SourceFiles

CHUNK_BYTES = 16 << 20
"""Bytes parsed at once, plus the rest of the last line."""

MAX_LINE_BYTES = 16 << 20
"""The longest line: a row with images embedded as text has a few megabytes."""


_ADVICE = "write one flat object on each line"
_PARSE_ERRORS = (pa.ArrowException, TooManyFields, MemoryError)


class JsonlReader:
    """The rows of JSON lines. Raises `UnreadableSource` for a broken line or a field of two types."""

    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __init__(self, source_files: SourceFiles) -> None:
        self._source_files = source_files
        self.row_count = 0
        learner = FieldLearner()
        for file in source_files.files:
            before = self.row_count
            try:
                for chunk in self._chunks(file):
                    for rows in learner.read(chunk):
                        self.row_count += rows
            except _PARSE_ERRORS as error:
                raise self._unreadable(file, error, self.row_count - before) from None
        if not learner.fields.names:
            raise UnreadableSource(f"{source_files.url!r} holds no JSON objects; export it again.")
        self._fields = with_typed_lists(learner.fields)
        self.columns = list(self._fields.names)

    def batches(self, columns: Sequence[str], limit: int) -> Iterator[FileBatch]:
        """Yield each file's rows in order, at most `limit` of them at a time."""
        fields = pa.schema([self._fields.field(name) for name in columns])
        for file in self._source_files.files:
            for table in self._tables(file, fields):
                for batch in table.select(list(columns)).combine_chunks().to_batches(max_chunksize=limit):
                    yield FileBatch(file, batch)

    def _tables(self, file: SourceFile, fields: pa.Schema) -> Iterator[pa.Table]:
        before = 0
        try:
            for chunk in self._chunks(file):
                for table in parse_rows(chunk, fields):
                    yield table
                    before += table.num_rows
        except _PARSE_ERRORS as error:
            raise self._unreadable(file, error, before) from None

    def _chunks(self, file: SourceFile) -> Iterator[bytes]:
        """Yield whole lines of UTF-8 text, about `CHUNK_BYTES` at a time, none of them deeply nested."""
        name = self._source_files.display_name(file)
        with self._source_files.open(file) as stream:
            for chunk in _line_chunks(stream):
                if not chunk.endswith(b"\n") and len(chunk) > CHUNK_BYTES + MAX_LINE_BYTES:
                    raise UnreadableSource(f"{name} has a line of more than {MAX_LINE_BYTES >> 20} MB; {_ADVICE}.")
                if nesting_depth(chunk) > MAX_DEPTH:
                    raise UnreadableSource(f"{name} has a line nested in more than {MAX_DEPTH} levels; {_ADVICE}.")
                try:
                    chunk.decode()
                except UnicodeDecodeError:
                    raise UnreadableSource(f"{name} is not UTF-8 text; export it again.") from None
                yield chunk

    def _unreadable(self, file: SourceFile, error: Exception, before: int) -> UnreadableSource:
        """Return the error that names the file and, where Arrow counts rows of its piece, the row of the file."""
        reason = re.sub(r"in row (\d+)", lambda match: f"in row {int(match[1]) + 1 + before}", one_line(error))
        if isinstance(error, pa.ArrowTypeError):
            reason = f"give each field one type of value: {reason}"
        name = self._source_files.display_name(file)
        return UnreadableSource(f"{name} cannot be read as JSON lines; correct or export it again: {reason}")


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
