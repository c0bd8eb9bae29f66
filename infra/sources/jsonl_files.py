"""Read JSON lines, with fields that may be absent from some lines.

Inputs: JSON lines files. Outputs: record batches of one schema. Each file is parsed twice: once to learn every field of
any line (a field that first appears on the last line would be lost otherwise), once for the rows. Text stays text, even
if it looks like a date.
"""

import re
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.json as pa_json

from infra.errors import UnreadableSource
from infra.sources.source_files import SourceFile, SourceFiles, translate_errors

CHUNK_BYTES = 16 << 20
"""Bytes parsed at once, plus the rest of the last line."""


class JsonlReader:
    """The rows of JSON lines. Raises `UnreadableSource` for a broken line or a field of two types."""

    def __init__(self, source_files: SourceFiles) -> None:
        self._source_files = source_files
        self.row_count = 0
        schema = pa.schema([])
        for file in source_files.files:
            for table in self._tables(file, None):
                self.row_count += table.num_rows
                schema = self._unify(schema, table.schema, file)
        if not schema.names:
            raise UnreadableSource(f"{source_files.url!r} holds no JSON objects; export it again.")
        self._schema = schema
        self.columns = list(schema.names)

    def batches(self, columns: Sequence[str], limit: int) -> Iterator[tuple[SourceFile, pa.RecordBatch]]:
        """Yield each file's rows in order, at most `limit` of them at a time."""
        for file in self._source_files.files:
            for table in self._tables(file, self._schema):
                for batch in table.select(list(columns)).combine_chunks().to_batches(max_chunksize=limit):
                    yield file, batch

    def _tables(self, file: SourceFile, schema: pa.Schema | None) -> Iterator[pa.Table]:
        before = 0
        with self._source_files.open(file) as stream:
            for chunk in _chunks(stream):
                table = self._parse(chunk, file, schema, before)
                before += table.num_rows
                yield table

    def _parse(self, chunk: bytes, file: SourceFile, schema: pa.Schema | None, before: int) -> pa.Table:
        name = self._source_files.display_name(file)
        try:
            chunk.decode()
            return pa_json.read_json(
                pa.BufferReader(chunk),
                # One block: a field's type is inferred from the whole chunk, not from its beginning.
                read_options=pa_json.ReadOptions(use_threads=False, block_size=len(chunk) + 1),
                parse_options=pa_json.ParseOptions(
                    explicit_schema=schema, unexpected_field_behavior="infer" if schema is None else "ignore"
                ),
            )
        except UnicodeDecodeError:
            raise UnreadableSource(f"{name} is not UTF-8 text; export it again.") from None
        except pa.ArrowInvalid as error:
            # Arrow counts from 0 and from the chunk's beginning.
            reason = re.sub(r"in row (\d+)", lambda match: f"in row {int(match[1]) + 1 + before}", str(error))
            raise UnreadableSource(
                f"{name} cannot be read as JSON lines; correct or export it again: {reason}"
            ) from None

    def _unify(self, known: pa.Schema, more: pa.Schema, file: SourceFile) -> pa.Schema:
        more = pa.schema([pa.field(field.name, _without_timestamps(field.type)) for field in more])
        with translate_errors(self._source_files.display_name(file), "give each field one type of value"):
            return pa.unify_schemas([known, more], promote_options="permissive")


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield whole lines, about `CHUNK_BYTES` at a time, without a byte order mark and without blank chunks."""
    start = True
    while chunk := stream.read(CHUNK_BYTES):
        chunk += stream.readline()
        if start:
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
            start = False
        if chunk.strip():
            yield chunk


def _without_timestamps(kind: Any) -> pa.DataType:
    """Return the type with text in place of Arrow's inferred timestamps."""
    if pa.types.is_timestamp(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_without_timestamps(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _without_timestamps(field.type)) for field in kind])
    return kind
