"""Tables in this process's memory, for tests of many nights: the commits and races of Delta tables, without files.

Inputs: Arrow rows marked "put" or "drop", as every `TableStore` takes them. Outputs: versions, changes and history.
Tables of one URL are shared within a process, so that several simulated processes race for the same versions. The
contract of tables is asked of this double too. It has no files, so nothing is ever vacuumed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

import pyarrow as pa
import pyarrow.compute as pc

from infra.errors import CommitConflict, TableError
from infra.interfaces import Commit, ObjectInfo
from infra.interfaces.tables import Columns, Condition
from infra.stores.key_validation import check_key
from infra.tables.arrow_types import normalize_schema, select_columns
from infra.tables.commits import OPERATION_COLUMN, PUT, validated_changes
from infra.tables.compaction import MAX_SMALL_FILES
from infra.tables.schema_upgrade import SCHEMA_UPGRADE_KIND, find_missing_columns

_BATCH_ROWS = 8192

_lock = Lock()
_tables_by_url: dict[str, dict[str, "_Table"]] = {}


@dataclass(frozen=True)
class _Version:
    commit: Commit
    rows: pa.Table
    changes: pa.Table


@dataclass
class _Table:
    schema: pa.Schema
    versions: list[_Version] = field(default_factory=list)


class MemoryTables:
    """A `TableStore` in a dictionary, shared by URL. `clock` dates its commits; by default the machine's."""

    def __init__(self, url: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.url = url
        self._clock = clock
        with _lock:
            self._tables = _tables_by_url.setdefault(url, {})

    def __reduce__(self) -> tuple[object, ...]:
        return (MemoryTables, (self.url,))

    def ensure(self, table: str, schema: pa.Schema) -> None:
        """Create the table (version 0, empty), or add the columns that it lacks as a version without data."""
        normalized = normalize_schema(schema)
        with _lock:
            existing = self._tables.get(check_key(table))
            if existing is None:
                created = Commit(0, self._clock(), {}, changes_data=False)
                empty = normalized.empty_table()
                version = _Version(created, empty, _with_change_type(empty, ""))
                self._tables[table] = _Table(normalized, [version])
            elif missing := find_missing_columns(table, existing.schema, normalized):
                for column in missing:
                    existing.schema = existing.schema.append(column)
                newest = existing.versions[-1]
                metadata = {"kind": SCHEMA_UPGRADE_KIND}
                added = Commit(newest.commit.version + 1, self._clock(), metadata, changes_data=False)
                no_changes = _with_change_type(existing.schema.empty_table(), "")
                existing.versions.append(_Version(added, _in_columns(newest.rows, existing.schema), no_changes))

    def missing_features(self, table: str, schema: pa.Schema) -> list[str]:
        """Return the columns that `ensure` would add to the table; none where there is no table."""
        with _lock:
            existing = self._tables.get(check_key(table))
        if existing is None:
            return []
        return [field.name for field in find_missing_columns(table, existing.schema, normalize_schema(schema))]

    def version(self, table: str) -> int | None:
        """Return the newest version, or None where there is no table."""
        with _lock:
            found = self._tables.get(check_key(table))
            return None if found is None else found.versions[-1].commit.version

    def read(self, table: str, columns: Columns | None = None, *, version: int | None = None) -> pa.Table:
        """Return the rows of one version, the newest by default; columns that it lacks as nulls."""
        found, rows = self._open(table), self._version(table, version).rows
        if columns is None:
            return rows
        schema = select_columns(rows.schema, columns, lambda: found.schema)
        return _in_columns(rows, schema)

    def batches(self, table: str, columns: Columns, *, version: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one version."""
        return iter(self.read(table, columns, version=version).to_batches(max_chunksize=_BATCH_ROWS))

    def find_rows(self, table: str, columns: Columns, where: Condition, *, version: int | None = None) -> pa.Table:
        """Return the rows of one version whose column holds one of these values."""
        column = self.read(table, [where[0]], version=version)[where[0]]
        return self.read(table, columns, version=version).filter(pc.is_in(column, pa.array(where[1], column.type)))

    def batches_since(self, table: str, columns: Columns, *, oldest: int) -> Iterator[pa.RecordBatch]:
        """Yield every row that any version from `oldest` on shows; rows repeat."""
        for version in range(self._version(table, oldest).commit.version, len(self._open(table).versions)):
            yield from self.batches(table, columns, version=version)

    def merge(
        self,
        table: str,
        changes: "pa.Table | pa.RecordBatchReader",
        *,
        on: Sequence[str],
        base_version: int,
        metadata: Mapping[str, str],
    ) -> int:
        """Commit `changes` as exactly the version after `base_version` and return that version."""
        found = self._open(table)
        rows = validated_changes(changes, found.schema, on).read_all()
        return self._commit(found, table, rows, on, base_version, metadata)

    def mark(self, table: str, *, base_version: int, metadata: Mapping[str, str]) -> int:
        """Commit metadata alone as exactly the version after `base_version`."""
        found = self._open(table)
        rows = found.schema.append(pa.field(OPERATION_COLUMN, pa.string())).empty_table()
        return self._commit(found, table, rows, (), base_version, metadata)

    def compact(self, table: str, *, metadata: Mapping[str, str]) -> bool:
        """Commit metadata alone where many commits with rows have come since the last time: as Delta's files would."""
        with _lock:
            found = self._tables.get(check_key(table))
            commits = [version.commit for version in found.versions] if found else []
        last = max((commit.version for commit in commits if commit.metadata == dict(metadata)), default=-1)
        if sum(commit.changes_data for commit in commits if commit.version > last) <= MAX_SMALL_FILES:
            return False
        try:
            self.mark(table, base_version=commits[-1].version, metadata=metadata)
        except CommitConflict:
            return False
        return True

    def clean_log(self, table: str, keep_from_version: int, *, dry_run: bool = False) -> Sequence[ObjectInfo]:
        """Return nothing: there is no log."""
        del dry_run
        self._version(table, keep_from_version)
        return []

    def changes(self, table: str, version: int) -> pa.Table:
        """Return what one version changed, with the column `_change_type`."""
        return self._version(table, version).changes

    def history(self, table: str, limit: int | None = None, *, after: int | None = None) -> Sequence[Commit]:
        """Return the history after a version, newest first, at most `limit`; empty where there is no table."""
        with _lock:
            found = self._tables.get(check_key(table))
            commits = [version.commit for version in reversed(found.versions)] if found else []
        return [commit for commit in commits if after is None or commit.version > after][:limit]

    def vacuum(self, table: str, *, oldest: int, older_than: datetime, dry_run: bool = False) -> Sequence[ObjectInfo]:
        """Return nothing: there are no files."""
        del older_than, dry_run
        self._version(table, oldest)
        return []

    def _commit(
        self,
        found: _Table,
        table: str,
        rows: pa.Table,
        on: Sequence[str],
        base_version: int,
        metadata: Mapping[str, str],
    ) -> int:
        with _lock:
            newest = found.versions[-1]
            if base_version > newest.commit.version:
                raise ValueError(f"Table {table!r} has no version {base_version}.")
            if newest.commit.version > base_version:
                raise CommitConflict(f"Table {table!r} is at version {newest.commit.version}, past {base_version}.")
            no_changes = _with_change_type(found.schema.empty_table(), "")
            merged, told, moved = _merge(newest.rows, rows, on) if rows.num_rows else (newest.rows, no_changes, 0)
            commit = Commit(base_version + 1, self._clock(), dict(metadata), moved, moved > 0)
            found.versions.append(_Version(commit, merged, told))
        return commit.version

    def _open(self, table: str) -> _Table:
        with _lock:
            found = self._tables.get(check_key(table))
        if found is None:
            raise TableError(f"There is no table {table!r} in {self.url}; the first refresh creates it.")
        return found

    def _version(self, table: str, version: int | None) -> _Version:
        versions = self._open(table).versions
        if version is None:
            return versions[-1]
        if not 0 <= version < len(versions):
            raise TableError(
                f"Table {table!r} could not be served: no version {version}; newest is {len(versions) - 1}."
            )
        return versions[version]


def _merge(live: pa.Table, changes: pa.Table, on: Sequence[str]) -> tuple[pa.Table, pa.Table, int]:
    """Return the rows after the changes, what changed by kind, and how many rows moved."""
    keys = {key: position for position, key in enumerate(_keys(live, on))}
    positions = [keys.get(key) for key in _keys(changes, on)]  # of the live row that each change replaces or deletes
    is_put = [operation == PUT for operation in changes[OPERATION_COLUMN].to_pylist()]
    matched = list(zip(positions, is_put, strict=True))
    rows = changes.drop_columns([OPERATION_COLUMN])
    inserted = rows.filter(pa.array([put and here is None for here, put in matched], pa.bool_()))
    updated = rows.filter(pa.array([put and here is not None for here, put in matched], pa.bool_()))
    replaced = live.take(pa.array([here for here, put in matched if put and here is not None], pa.int64()))
    deleted = live.take(pa.array([here for here, put in matched if not put and here is not None], pa.int64()))
    gone = set(positions)
    kept = live.filter(pa.array([position not in gone for position in range(live.num_rows)], pa.bool_()))
    kinds = (inserted, "insert"), (replaced, "update_preimage"), (updated, "update_postimage"), (deleted, "delete")
    told = pa.concat_tables([_with_change_type(part, kind) for part, kind in kinds])
    moved = inserted.num_rows + updated.num_rows + deleted.num_rows
    return pa.concat_tables([kept, updated, inserted]), told, moved


def _in_columns(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the rows in the columns of `schema`; those that they lack are null."""
    columns = [
        rows[field.name] if field.name in rows.schema.names else pa.nulls(rows.num_rows, field.type) for field in schema
    ]
    return pa.table(columns, schema=schema)


def _keys(rows: pa.Table, on: Sequence[str]) -> list[tuple[object, ...]]:
    return list(zip(*(rows[name].to_pylist() for name in on), strict=True))


def _with_change_type(rows: pa.Table, kind: str) -> pa.Table:
    return rows.append_column(pa.field("_change_type", pa.string()), pa.array([kind] * rows.num_rows, pa.string()))
