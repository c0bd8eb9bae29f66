"""Schema upgrade: the columns that an older table lacks, and the tables that must be left alone.

Inputs: a table's columns and the wanted ones. Outputs: the fields to add, or `TableError` with the columns' names.
Columns are only ever appended, and are null in older rows, so every version stays readable and an upgrade moves no row.
"""

from datetime import datetime

import pyarrow as pa
from deltalake import DeltaTable, Schema

from infra.errors import TableError
from infra.tables.delta_log import new_commit_properties

SCHEMA_UPGRADE_KIND = "schema-upgrade"
"""The commit kind, in the metadata, of a commit that only adds columns."""


def find_missing_columns(table: str, existing: pa.Schema, wanted: pa.Schema) -> list[pa.Field]:
    """Return the wanted columns that the table lacks.

    Raises `TableError` for a column of another type, and for one that is not wanted: it is a newer version's.
    """
    both = set(existing.names) & set(wanted.names)
    if changed := sorted(name for name in both if existing.field(name).type != wanted.field(name).type):
        differences = ", ".join(
            f"{name}: {existing.field(name).type}, not {wanted.field(name).type}" for name in changed
        )
        raise TableError(
            f"Table {table!r} was created with other column types ({differences}); use a separate store for this"
            " version."
        )
    if unknown := [name for name in existing.names if name not in both]:
        raise TableError(
            f"Table {table!r} was written by a newer Packshot: this version does not know its columns"
            f" {', '.join(unknown)}. Upgrade Packshot, or use a separate store."
        )
    return [field for field in wanted if field.name not in both]


def add_columns(target: DeltaTable, columns: list[pa.Field], now: datetime) -> None:
    """Add nullable columns by one commit that moves no row, as exactly the version after `target`'s."""
    properties = new_commit_properties({"kind": SCHEMA_UPGRADE_KIND}, now)
    target.alter.add_columns(list(Schema.from_arrow(pa.schema(columns)).fields), commit_properties=properties)
