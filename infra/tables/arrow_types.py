"""Normalize Arrow types: one spelling of each type for table columns.

Inputs: schemas and batches in a library's variants (large, view, dictionary-encoded). Outputs: `string`, `binary` and
`list<item: …>`. A table read back then equals the schema that it was created with, and joins need no casts.
"""

from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa

from infra.interfaces.tables import Columns


def normalize_type(given: pa.DataType) -> pa.DataType:
    """Return the plain type that holds the same values."""
    if pa.types.is_dictionary(given):
        return normalize_type(given.value_type)
    if pa.types.is_large_string(given) or pa.types.is_string_view(given):
        return pa.string()
    if pa.types.is_large_binary(given) or pa.types.is_binary_view(given) or pa.types.is_fixed_size_binary(given):
        return pa.binary()
    if pa.types.is_list(given) or pa.types.is_large_list(given) or pa.types.is_list_view(given):
        return pa.list_(normalize_type(given.value_type))
    if pa.types.is_timestamp(given):
        return pa.timestamp("us", given.tz)
    return given


def normalize_schema(given: pa.Schema) -> pa.Schema:
    """Return the same columns in plain types, all of them nullable, without metadata."""
    return pa.schema([(field.name, normalize_type(field.type)) for field in given])


def select_columns(
    stored: pa.Schema, columns: Columns | None, read_newest_schema: Callable[[], pa.Schema]
) -> pa.Schema:
    """Return the columns to read with their types: a version's own, those of the newest version, or of a given schema.

    Raises `ValueError` for a name that none of them has.
    """
    if columns is None:
        return stored
    given = normalize_schema(columns) if isinstance(columns, pa.Schema) else pa.schema([])
    names = given.names or list(columns)
    types = {field.name: field.type for field in (*given, *stored)}
    if not set(names) <= types.keys():
        types = {field.name: field.type for field in read_newest_schema()} | types
    if missing := [name for name in names if name not in types]:
        raise ValueError(f"The table has no columns {missing!r}; it has {sorted(types)!r}.")
    return pa.schema([(name, types[name]) for name in names])


def normalize_batches(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the batches with exactly the columns, order and types of `schema`."""
    for batch in batches:
        yield batch.select(schema.names).cast(schema)
