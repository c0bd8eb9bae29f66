"""Tables that fail at a chosen operation, together with the store beside them.

Inputs: real tables and a `FaultInjector`. Outputs: the same tables until the n-th operation of both, `InjectedFault`
after. A merge that fails "after" has committed although its caller received no answer: the case that repeated commits
must survive.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

import pyarrow as pa

from infra.interfaces import Commit, ObjectInfo, TableStore
from infra.interfaces.tables import Columns, Condition
from infra.testing.faulty_store import Interceptor


class FaultyTables:
    """A `TableStore` that fails with its `FaultInjector`, or does what another interceptor does."""

    def __init__(self, tables: TableStore, injector: Interceptor) -> None:
        self.url = tables.url
        self._tables = tables
        self._injector = injector

    def ensure(self, table: str, schema: pa.Schema) -> None:
        """Create the table, or add the columns that it lacks."""
        self._injector.call(f"ensure {table}", lambda: self._tables.ensure(table, schema))

    def missing_features(self, table: str, schema: pa.Schema) -> list[str]:
        """Return what `ensure` would add to the table."""
        look = partial(self._tables.missing_features, table, schema)
        return self._injector.call(f"features of {table}", look)

    def version(self, table: str) -> int | None:
        """Return the newest version, or None where the table does not exist."""
        return self._injector.call(f"version of {table}", lambda: self._tables.version(table))

    def read(self, table: str, columns: Columns | None = None, *, version: int | None = None) -> pa.Table:
        """Return the rows of one version."""
        return self._injector.call(f"read {table}", lambda: self._tables.read(table, columns, version=version))

    def batches(self, table: str, columns: Columns, *, version: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one version."""
        return self._injector.call(f"stream {table}", lambda: self._tables.batches(table, columns, version=version))

    def find_rows(self, table: str, columns: Columns, where: Condition, *, version: int | None = None) -> pa.Table:
        """Return the rows of one version whose column holds one of these values."""
        find = partial(self._tables.find_rows, table, columns, where, version=version)
        return self._injector.call(f"search {table}", find)

    def batches_since(self, table: str, columns: Columns, *, oldest: int) -> Iterator[pa.RecordBatch]:
        """Yield every row that any version from `oldest` on shows."""
        read = partial(self._tables.batches_since, table, columns, oldest=oldest)
        return self._injector.call(f"stream {table} since {oldest}", read)

    def merge(
        self,
        table: str,
        changes: "pa.Table | pa.RecordBatchReader",
        *,
        on: Sequence[str],
        base_version: int,
        metadata: Mapping[str, str],
    ) -> int:
        """Commit `changes` as exactly the version after `base_version`."""
        return self._injector.call(
            f"merge into {table}",
            lambda: self._tables.merge(table, changes, on=on, base_version=base_version, metadata=metadata),
        )

    def changes(self, table: str, version: int) -> pa.Table:
        """Return what one version changed."""
        return self._injector.call(f"changes of {table}", lambda: self._tables.changes(table, version))

    def mark(self, table: str, *, base_version: int, metadata: Mapping[str, str]) -> int:
        """Commit `metadata` alone as exactly the version after `base_version`."""
        return self._injector.call(
            f"mark {table}", lambda: self._tables.mark(table, base_version=base_version, metadata=metadata)
        )

    def compact(self, table: str, *, metadata: Mapping[str, str]) -> bool:
        """Merge the table's small files where there are many."""
        return self._injector.call(f"compact {table}", lambda: self._tables.compact(table, metadata=metadata))

    def clean_log(self, table: str, keep_from_version: int, *, dry_run: bool = False) -> Sequence[ObjectInfo]:
        """Delete the log entries that no version from `keep_from_version` on needs."""
        clean = partial(self._tables.clean_log, table, keep_from_version, dry_run=dry_run)
        return self._injector.call(f"clean log of {table}", clean)

    def history(self, table: str, limit: int | None = None, *, after: int | None = None) -> Sequence[Commit]:
        """Return the live history, newest first."""
        return self._injector.call(f"history of {table}", lambda: self._tables.history(table, limit, after=after))

    def vacuum(self, table: str, *, oldest: int, older_than: datetime, dry_run: bool = False) -> Sequence[ObjectInfo]:
        """Delete data files that no young or kept version needs."""
        vacuum = partial(self._tables.vacuum, table, oldest=oldest, older_than=older_than, dry_run=dry_run)
        return self._injector.call(f"vacuum {table}", vacuum)
