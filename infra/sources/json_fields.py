"""Learn the fields of JSON lines, and parse them by known fields, in memory bounded by the text's size.

Inputs: whole lines of JSON. Outputs: the fields of all lines as an Arrow schema; tables.
Invariant: Arrow keeps a cell for each row and field, also where the row lacks the field. 10 MB of `{}` and of one row
with 500,000 fields would ask for terabytes, so fields are inferred from `INFER_BYTES` at a time, and text that needs
more than `MAX_CELLS` is parsed in halves. Only text that brings a new field, or another type, is parsed twice.
"""

import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.json as pa_json

from infra.sources.headers import MAX_COLUMNS

INFER_BYTES = 32 << 10
"""Text whose fields are inferred at once: at worst 13 million cells."""

MAX_CELLS = 16 << 20
"""Cells parsed at once. One takes 12 bytes (measured)."""

MAX_FIELDS = MAX_COLUMNS
"""Fields of a source, those inside objects included."""

_STRING = re.compile(rb'"((?:[^"\\]|\\.)*+)(?:"(\s*:)?)?', re.DOTALL)
"""A whole string, also one without an end, so that no byte is looked at twice; then the colon after a key."""

_FIRST_NULL = re.compile(rb"\s*null")
"""A first row without fields. Where more follows, Arrow 26 ends the process by a signal; `{}` means the same."""

_TOO_MANY = f"it has more than {MAX_FIELDS:,} fields"


class TooManyFields(Exception):
    """The text has more fields, or objects with many fields, than are parsed; the message ends a sentence."""


class FieldLearner:
    """Collects the fields of all lines that it is given; `fields` is what is known so far."""

    def __init__(self) -> None:
        self.fields = pa.schema([])

    def read(self, text: bytes) -> Iterator[int]:
        """Learn from whole lines, and yield the number of rows of each piece in order.

        Raises `pa.ArrowException` for what is not JSON or a field of two types, and `TooManyFields`.
        """
        for piece in _pieces(text, self.fields):
            try:
                rows = _parse(piece, self.fields, unexpected="error").num_rows
            except pa.ArrowInvalid:  # a field or a type that is not known, or no JSON
                yield from self._read_smaller(piece)
            else:
                yield rows

    def _read_smaller(self, text: bytes) -> Iterator[int]:
        halves = _halves(text) if len(text) > INFER_BYTES else ()
        for half in halves:
            yield from self.read(half)
        if not halves:
            yield self._infer(text)

    def _infer(self, text: bytes) -> int:
        if len(text) > INFER_BYTES:  # a single line
            _require_few_cells(text, _count_keys(text))
        table = _parse(text, None, unexpected="infer")
        found = pa.schema([pa.field(field.name, _without_timestamps(field.type)) for field in table.schema])
        self.fields = pa.unify_schemas([self.fields, found], promote_options="permissive")
        if _field_count(self.fields) > MAX_FIELDS:
            raise TooManyFields(_TOO_MANY)
        return int(table.num_rows)


def parse_rows(text: bytes, fields: pa.Schema) -> Iterator[pa.Table]:
    """Yield the rows of whole lines with these fields and no others, in order."""
    for piece in _pieces(text, fields):
        yield _parse(piece, fields, unexpected="ignore")


def _parse(text: bytes, fields: pa.Schema | None, *, unexpected: str) -> pa.Table:
    first = _FIRST_NULL.match(text)
    return pa_json.read_json(
        pa.BufferReader(b"{}" + text[first.end() :] if first else text),
        # One block: a field's type is inferred from the whole text, not from its beginning.
        read_options=pa_json.ReadOptions(use_threads=False, block_size=len(text) + 2),
        parse_options=pa_json.ParseOptions(explicit_schema=fields, unexpected_field_behavior=unexpected),
    )


def _pieces(text: bytes, fields: pa.Schema) -> Iterator[bytes]:
    """Yield the text in pieces of at most `MAX_CELLS`, without blank ones."""
    if not text.strip():
        return
    count = _field_count(fields)
    if text.count(b"{") * count <= MAX_CELLS:
        yield text
        return
    halves = _halves(text)
    if not halves:
        _require_few_cells(text, count)
    for half in halves:
        yield from _pieces(half, fields)


def _require_few_cells(line: bytes, fields: int) -> None:
    objects = line.count(b"{")
    if objects * fields > MAX_CELLS:
        raise TooManyFields(f"a line has {objects:,} objects of up to {fields:,} fields")


def _count_keys(line: bytes) -> int:
    """Return the number of different keys; raise `TooManyFields` as soon as there are more than fields may be."""
    keys: set[bytes] = set()
    for string in _STRING.finditer(line):
        if string[2]:
            keys.add(string[1])
            if len(keys) > MAX_FIELDS:
                raise TooManyFields(_TOO_MANY)
    return len(keys)


def _halves(text: bytes) -> tuple[bytes, ...]:
    """Return the text in two, between rows; nothing where there is no place to divide it."""
    middle = len(text) // 2
    # Where rows are written over several lines, one begins where a line begins with a bracket.
    for boundary in (b"\n{", b"\n"):
        for found in (text.rfind(boundary, 0, middle), text.find(boundary, middle)):
            if 0 <= found < len(text) - 1:
                return text[: found + 1], text[found + 1 :]
    return ()


def _field_count(kind: Any) -> int:
    """Return how many fields a schema or a type has, those inside objects included."""
    if isinstance(kind, pa.Schema | pa.StructType):
        return 1 + sum(_field_count(field.type) for field in kind)
    return 1 + _field_count(kind.value_type) if isinstance(kind, pa.ListType) else 1


def with_typed_lists(fields: pa.Schema) -> pa.Schema:
    """Return the fields, lists that hold nothing but nulls as lists of text: Arrow 26 builds damaged ones of those."""
    return pa.schema([pa.field(field.name, _with_typed_lists(field.type)) for field in fields])


def _with_typed_lists(kind: Any) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(pa.string() if pa.types.is_null(kind.value_type) else _with_typed_lists(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _with_typed_lists(field.type)) for field in kind])
    return kind


def _without_timestamps(kind: Any) -> pa.DataType:
    """Return the type with text in place of Arrow's inferred timestamps."""
    if pa.types.is_timestamp(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_without_timestamps(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _without_timestamps(field.type)) for field in kind])
    return kind
