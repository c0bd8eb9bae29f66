"""Table upgrade: the columns and properties that an older table lacks, and the tables that must be left alone.

Inputs: an open table and the wanted columns. Outputs: commits without data, or `TableError` with the columns' names.
Columns are only ever appended, and are null in older rows, so every version stays readable and an upgrade moves no row.
"""

from datetime import datetime

import pyarrow as pa
from deltalake import DeltaTable, Schema

from infra.errors import TableError
from infra.tables.arrow_types import normalize_schema
from infra.tables.commits import COMMIT_HOOKS
from infra.tables.delta_log import new_commit_properties

SCHEMA_UPGRADE_KIND = "schema-upgrade"
"""The commit kind, in the metadata, of a commit that only adds columns or sets properties."""
TABLE_PROPERTIES = {
    "delta.enableChangeDataFeed": "true",
    "delta.checkpointInterval": "10",  # opening a table reads the entries since the last checkpoint, each twice
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
}
"""Properties of every table. The log is cleaned by `infra.tables.log_cleanup` alone."""


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


def find_missing_features(target: DeltaTable, table: str, schema: pa.Schema) -> list[str]:
    """Return the names of the columns and properties that a table lacks. Raises as `find_missing_columns` does."""
    missing = find_missing_columns(table, normalize_schema(pa.schema(target.schema().to_arrow())), schema)
    return [*(field.name for field in missing), *_missing_properties(target)]


def upgrade_table(target: DeltaTable, table: str, schema: pa.Schema, now: datetime) -> bool:
    """Make the next commit that a table needs, as exactly the version after `target`'s; return False if it needs none.

    Raises `TableError` as `find_missing_columns` does.
    """
    missing = find_missing_columns(table, normalize_schema(pa.schema(target.schema().to_arrow())), schema)
    properties = _missing_properties(target)
    commit = new_commit_properties({"kind": SCHEMA_UPGRADE_KIND}, now)
    if missing:
        columns = list(Schema.from_arrow(pa.schema(missing)).fields)
        target.alter.add_columns(columns, commit_properties=commit, post_commithook_properties=COMMIT_HOOKS)
    elif properties:
        target.alter.set_table_properties(properties, commit_properties=commit, post_commithook_properties=COMMIT_HOOKS)
    return bool(missing or properties)


def _missing_properties(target: DeltaTable) -> dict[str, str]:
    configuration = target.metadata().configuration
    return {name: value for name, value in TABLE_PROPERTIES.items() if configuration.get(name) != value}
