"""Versioned tables with atomic commits.

Inputs: Arrow tables and commit metadata. Outputs: the same, and versions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

import pyarrow as pa

from infra.interfaces.objects import ObjectInfo


@dataclass(frozen=True)
class Commit:
    """One version of a table, the metadata committed with it, and how many rows it changed (None: the log has none).

    `timestamp` is by the clock of the store, which the commit carries; by the writer's where it carries none.
    """

    version: int
    timestamp: datetime
    metadata: Mapping[str, str]
    rows: int | None = None
    changes_data: bool = True
    """False for a version that shows the same rows as the one before: a compaction, a mark, added columns."""

    @property
    def run_id(self) -> str:
        """Return the run that made the commit; empty for a commit by another tool.

        `commit_once` writes `token`, and its callers write the same value as `run_id` for readers outside Packshot.
        """
        return self.metadata.get("token") or self.metadata.get("run_id", "")


Columns: TypeAlias = Sequence[str] | pa.Schema
"""Which columns to read: their names, or a schema whose columns an older table may lack."""

Condition: TypeAlias = tuple[str, Sequence[bytes | str]]
"""A column, and the values of which a row holds one."""


class TableStore(Protocol):
    """Versioned tables under names such as `manifest/shoes`, each changed by one atomic commit at a time."""

    url: str

    def ensure(self, table: str, schema: pa.Schema) -> None:
        """Create the table (version 0, empty, change data feed on), or add the columns that an older one lacks.

        Added columns are one commit without data, and null in every older row. Raises `TableError`, which names the
        columns, for a table with other types, and for one with columns that `schema` lacks: a newer Packshot's.
        """

    def missing_features(self, table: str, schema: pa.Schema) -> list[str]:
        """Return the columns and properties that `ensure` would add to an existing table. Raises as it does."""

    def version(self, table: str) -> int | None:
        """Return the newest version, or None where there is no table."""

    def read(self, table: str, columns: Columns | None = None, *, version: int | None = None) -> pa.Table:
        """Return the rows of one version (the newest by default); an empty table's schema is kept.

        A column that the newest version has and this one lacks is read as nulls; likewise, where `columns` is a schema,
        any column of it. Raises `ValueError` for other columns.
        """

    def batches(self, table: str, columns: Columns, *, version: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one version in bounded memory; columns as in `read`."""

    def find_rows(self, table: str, columns: Columns, where: Condition, *, version: int | None = None) -> pa.Table:
        """Return the rows of one version that hold one of a few values; columns as in `read`.

        Other columns are read only near the rows found: meant for some rows of millions.
        """

    def batches_since(self, table: str, columns: Columns, *, oldest: int) -> Iterator[pa.RecordBatch]:
        """Yield every row that any version from `oldest` on shows, reading each data file once; rows may repeat.

        Columns as in `read`.
        """

    def merge(
        self,
        table: str,
        changes: "pa.Table | pa.RecordBatchReader",
        *,
        on: Sequence[str],
        base_version: int,
        metadata: Mapping[str, str],
    ) -> int:
        """Commit `changes` as exactly the version after `base_version` and return that version.

        `changes` has the table's columns and one more, `_op`: "put" (insert, or replace the row with the same
        `on` values) or "drop" (delete it). Raises `CommitConflict` when another commit has taken that version: nothing
        is written then, and the caller compares its rows again. Raises `ValueError` for empty changes.
        """

    def mark(self, table: str, *, base_version: int, metadata: Mapping[str, str]) -> int:
        """Commit `metadata` alone, without rows, as exactly the version after `base_version`; return that version.

        Raises `CommitConflict` when another commit has taken that version. Every commit that was compared with
        `base_version` loses its race to a mark, and looks again.
        """

    def compact(self, table: str, *, metadata: Mapping[str, str]) -> bool:
        """Merge the table's small files where there are many, as a commit without data; return whether it was made.

        Commits that are under way lose their race to it and are repeated; one that loses its own race is not.
        """

    def clean_log(self, table: str, keep_from_version: int, *, dry_run: bool = False) -> "Sequence[ObjectInfo]":
        """Delete the log entries and checkpoints that no version from `keep_from_version` on needs; return them.

        Older versions cannot be read any more and leave the history. A dry run deletes nothing.
        """

    def changes(self, table: str, version: int) -> pa.Table:
        """Return what one version changed: the table's columns and `_change_type` (insert, delete, update_…)."""

    def history(self, table: str, limit: int | None = None, *, after: int | None = None) -> Sequence[Commit]:
        """Return the live history, newest first (at most `limit`); an empty sequence where there is no table.

        With `after`, only versions above it are read, so the cost does not grow with the number of commits ever made.
        """

    def vacuum(self, table: str, *, oldest: int, older_than: datetime, dry_run: bool = False) -> Sequence[ObjectInfo]:
        """Delete files written before `older_than` that no version from `oldest` on needs; return them.

        A dry run only returns them.
        """
