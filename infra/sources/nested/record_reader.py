"""Read records of Python values as a table: XML feeds, and JSON whose fields have several types.

Inputs: a source's files, and how a file's records are read. Outputs: record batches, like those of the other readers.
The records are read twice: once to learn their fields, once for the rows. A field of several kinds of values is text,
in which a number reads as it does in a column of numbers.
Invariant: one record and one batch are held at a time; a batch has at most `BATCH_BYTES` of text.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from infra.errors import UnreadableSource
from infra.sources.headers import MAX_COLUMNS
from infra.sources.json_fields import TooManyFields
from infra.sources.nested.nested_paths import ColumnPath, resolve_path
from infra.sources.nested.nested_values import scalar_text, scalars_of, value_at
from infra.sources.nested.record_shape import (
    RecordShape,
    ShapeLearner,
    column_type,
    object_fields,
    plain_paths,
    shapes_at,
)
from infra.sources.source_batches import FileBatch
from infra.sources.source_files import SourceFile, SourceFiles

BATCH_BYTES = 64 << 20
MAX_LIST_LENGTH = 10_000
"""Values of a list in one row, as for Parquet."""

_NUMBER_BYTES = 32

Record = Mapping[str, Any]


class RecordReader:
    """The rows of records. `objects_are_text`: of an XML element with elements in it, a column is the text.

    Raises what `records_of` raises, and `UnreadableSource`.
    """

    def __init__(
        self,
        source_files: SourceFiles,
        records_of: Callable[[SourceFile], Iterator[dict[str, Any]]],
        *,
        objects_are_text: bool,
        notes: tuple[str, ...] = (),
        warnings: tuple[str, ...] = (),
    ) -> None:
        self._source_files = source_files
        self.notes, self.warnings = notes, warnings
        self._records_of = records_of
        self._objects_are_text = objects_are_text
        self.row_count = 0
        learner = ShapeLearner()
        for file in source_files.files:
            try:
                for record in records_of(file):
                    learner.learn(record)
                    self.row_count += 1
            except TooManyFields as error:
                raise self._unreadable(file, str(error)) from None
        self._shape = learner.shape
        self.columns = list(self._shape.fields or ())
        if len(self.columns) > MAX_COLUMNS:
            raise UnreadableSource(
                f"{source_files.url!r} has {len(self.columns):,} columns, more than {MAX_COLUMNS:,}; export it again."
            )
        if not self.columns:
            raise UnreadableSource(f"{source_files.url!r} holds no records with fields; export it again.")

    @property
    def readable(self) -> list[str]:
        """Return the columns that can be read whole, and of others paths to their texts and numbers."""
        fields = self._shape.fields or {}
        names: list[str] = []
        for name, shape in fields.items():
            is_plain = self._objects_are_text or not object_fields([shape])
            names += [name] if is_plain else plain_paths(name, shape)
        return names

    def has(self, name: str) -> bool:
        """Tell whether a name is a column, or a path into one, of any record."""
        return bool(self._shapes(name)[0])

    def batches(self, columns: Sequence[str], limit: int) -> Iterator[FileBatch]:
        """Yield each file's rows in order, at most `limit` of them at a time."""
        paths = [self._path(name) or ColumnPath(name) for name in columns]
        schema = pa.schema([(name, self._type(name)) for name in columns])
        for file in self._source_files.files:
            values: list[list[Any]] = [[] for _ in paths]
            size = rows = 0
            for record in self._records_of(file):
                rows += 1
                for column, path, field in zip(values, paths, schema, strict=True):
                    value, taken = self._cell(record, path, field.type, file)
                    column.append(value)
                    size += taken
                if rows == limit or size > BATCH_BYTES:
                    yield FileBatch(file, _batch(values, schema))
                    values = [[] for _ in paths]
                    size = rows = 0
            if rows:
                yield FileBatch(file, _batch(values, schema))

    def _cell(self, record: Record, path: ColumnPath, kind: pa.DataType, file: SourceFile) -> tuple[Any, int]:
        """Return a row's value in a column's type, and about how many bytes it takes."""
        found = list(scalars_of(value_at(record.get(path.column), path.steps)))
        if len(found) > MAX_LIST_LENGTH:
            raise self._unreadable(file, f"a row has a list of more than {MAX_LIST_LENGTH:,} values")
        inner = kind.value_type if pa.types.is_list(kind) else kind
        if pa.types.is_string(inner):
            found = [value if isinstance(value, str) else scalar_text(value) for value in found]
            size = sum(map(len, found)) + _NUMBER_BYTES
        else:
            size = _NUMBER_BYTES * len(found)
            found = [float(value) for value in found] if pa.types.is_floating(inner) else found
        if pa.types.is_list(kind):
            return found, size
        return (found[0] if found else None), size

    def _path(self, name: str) -> ColumnPath | None:
        """Return what a name means; where no field begins it, an attribute of the record's element may."""
        return resolve_path(name, self.columns) or resolve_path(f"@{name}", self.columns)

    def _shapes(self, name: str) -> tuple[list[RecordShape], bool]:
        path = self._path(name)
        if path is None or self._shape.fields is None:
            return [], False
        return shapes_at(self._shape.fields[path.column], path.steps)

    def _type(self, name: str) -> pa.DataType:
        shapes, repeats = self._shapes(name)
        fields = object_fields(shapes)
        if fields and not self._objects_are_text:
            parts = ", ".join(repr(f"{name}{'[0]' if repeats else ''}.{field}") for field in fields[:4])
            raise UnreadableSource(
                f"The column {name!r} of {self._source_files.url!r} holds objects, which are neither text nor number; "
                f"name a part of it, such as {parts}."
            )
        return column_type(shapes, repeats)

    def _unreadable(self, file: SourceFile, reason: str) -> UnreadableSource:
        return UnreadableSource(
            f"{self._source_files.display_name(file)} is not read, since {reason}; export it again."
        )


def _batch(values: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(values, schema, strict=True)], schema=schema
    )
