"""Delta tables whose every commit builds on exactly the version that its rows were compared with.

Inputs: Arrow rows marked "put" or "drop", the version that they were compared with, and commit metadata. Outputs: one
new version, or `CommitConflict`.
Invariant: with `max_commit_retries=0` delta-rs neither rebases nor retries. It writes log entry `base + 1` by a
conditional put, so a second writer fails even when it touches other rows. Retries (delta-rs's default) would rebase
silently. A MERGE that moves no row commits nothing; an empty commit then carries the metadata, which records the run.
A merge may be repeated where its response was lost (see `infra.tables.delta_client`): if the lost one had been written,
the repeated one raises `CommitConflict`, and the caller finds its own metadata in the history.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError

from infra.errors import CommitConflict, TableError
from infra.interfaces import Commit, ObjectInfo
from infra.interfaces.tables import Columns, Condition
from infra.stores import open_store
from infra.stores.addresses import StoreAddress, parse_address
from infra.stores.key_validation import check_key
from infra.tables.arrow_types import normalize_batches, normalize_schema
from infra.tables.commits import commit_changes, commit_mark, validated_changes
from infra.tables.compaction import compact_files, plan_compaction
from infra.tables.delta_client import DeltaClient, read_schema, translate_errors
from infra.tables.delta_log import new_commit_properties, read_history
from infra.tables.log_cleanup import find_expired_log_objects
from infra.tables.schema_upgrade import find_missing_features, upgrade_table
from infra.tables.version_range import list_unneeded_files, read_version_range, require_own_feed
from infra.tables.version_reader import VersionReader

_ENSURE_ATTEMPTS = 50  # each means that another process committed in between


class DeltaTables:
    """A `TableStore` of Delta tables below a store's URL. Safe to call from several threads."""

    def __init__(self, address: StoreAddress) -> None:
        self._client = DeltaClient(address)
        self._reader = VersionReader(self._client, open_store(address.url))
        self.url = address.url

    def __reduce__(self) -> tuple[object, ...]:
        return (_from_url, (self.url,))

    def __repr__(self) -> str:
        return f"DeltaTables({self.url!r})"

    def ensure(self, table: str, schema: pa.Schema) -> None:
        """Create the table (version 0, empty, change data feed on), or add the columns that an older one lacks.

        Raises `TableError`, which names the columns, for other types, and for columns that `schema` lacks.
        """
        normalized = normalize_schema(schema)
        for _ in range(_ENSURE_ATTEMPTS):
            if self._client.retry(lambda: self._ensure(table, normalized)):
                return
        raise TableError(f"{table}: other commits came first, one after another; run the same command again")

    def _ensure(self, table: str, schema: pa.Schema) -> bool:
        """Make one commit at most; return whether the table is as it shall be."""
        with self._client.newest(table) as found:
            target = found or self._client.create(table, schema)
            base = int(target.version())
            try:
                with translate_errors(table):
                    return not upgrade_table(target, table, schema, open_store(self.url).now())
            except TableError as error:
                if self._lost_race(table, base, error):
                    return False
                raise

    def missing_features(self, table: str, schema: pa.Schema) -> list[str]:
        """Return the columns and properties that `ensure` would add to the table; none where there is no table."""

        def find() -> list[str]:
            with self._client.newest(check_key(table)) as target:
                return [] if target is None else find_missing_features(target, table, normalize_schema(schema))

        return self._client.retry(find)

    def version(self, table: str) -> int | None:
        """Return the newest version, or None where there is no table."""

        def read_version() -> int | None:
            with self._client.newest(check_key(table)) as target:
                return None if target is None else int(target.version())

        return self._client.retry(read_version)

    def read(self, table: str, columns: Columns | None = None, *, version: int | None = None) -> pa.Table:
        """Return the rows of one version (the newest by default), in no guaranteed order.

        A column that came later than this version, or that only the given schema has, is read as nulls.
        """
        scan = self._reader.scan(table, columns, version)
        return pa.Table.from_batches(scan.batches, scan.schema)

    def batches(self, table: str, columns: Columns, *, version: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one version in bounded memory, in no guaranteed order; columns as in `read`."""
        return self._reader.scan(table, columns, version).batches

    def find_rows(self, table: str, columns: Columns, where: Condition, *, version: int | None = None) -> pa.Table:
        """Return the rows of one version whose column holds one of these values, in no guaranteed order."""
        scan = self._reader.search(table, columns, version, where)
        return pa.Table.from_batches(scan.batches, scan.schema)

    def batches_since(self, table: str, columns: Columns, *, oldest: int) -> Iterator[pa.RecordBatch]:
        """Yield every row that any version from `oldest` on shows, reading each data file once; rows may repeat.

        Raises `TableError` where a version of that range cannot be read any more.
        """
        target = self._client.retry(lambda: self._client.open(table, oldest))
        known = self._reader.snapshot(table).schema
        wanted = columns if isinstance(columns, pa.Schema) else pa.schema([known.field(name) for name in columns])
        schema = pa.schema([known.field(field.name) if field.name in known.names else field for field in wanted])
        with translate_errors(table):
            yield from read_version_range(open_store(self.url), check_key(table), target, schema)

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

        Raises `CommitConflict` when another commit has taken that version, and `ValueError` for changes that are
        empty, have other columns, an unknown `_op`, or a null or repeated `on`. The last two are not checked in a
        reader, which can be read only once.
        """

        def commit_rows() -> int:
            return self._merge(table, changes, on, base_version, metadata)

        return self._client.retry(commit_rows) if isinstance(changes, pa.Table) else commit_rows()

    def mark(self, table: str, *, base_version: int, metadata: Mapping[str, str]) -> int:
        """Commit `metadata` alone, without rows, as exactly the version after `base_version`; return that version.

        Raises `CommitConflict` when another commit has taken that version.
        """
        return self._client.retry(lambda: self._commit(table, base_version, metadata, commit_mark))

    def _merge(
        self,
        table: str,
        changes: "pa.Table | pa.RecordBatchReader",
        on: Sequence[str],
        base_version: int,
        metadata: Mapping[str, str],
    ) -> int:
        def commit(target: DeltaTable, properties: CommitProperties) -> None:
            commit_changes(target, validated_changes(changes, read_schema(target), on), on, properties)

        return self._commit(table, base_version, metadata, commit)

    def _commit(
        self,
        table: str,
        base_version: int,
        metadata: Mapping[str, str],
        commit: Callable[[DeltaTable, CommitProperties], None],
    ) -> int:
        """Let `commit` write the version after `base_version`, or raise `CommitConflict`."""
        with self._client.newest(table) as target:
            if target is None:
                raise TableError(f"There is no table {table!r} in {self.url}; the first refresh creates it.")
            if target.version() > base_version:
                raise CommitConflict(_conflict_message(table, base_version, int(target.version())))
            if target.version() < base_version:
                raise ValueError(f"Table {table!r} has no version {base_version}; the newest is {target.version()}.")
            properties = new_commit_properties(metadata, open_store(self.url).now())
            try:
                with translate_errors(table):
                    commit(target, properties)
            except TableError as error:
                if newest := self._lost_race(table, base_version, error):
                    raise CommitConflict(_conflict_message(table, base_version, newest)) from error
                raise
            if target.version() != base_version + 1:
                raise TableError(
                    f"Table {table!r} took the commit as version {target.version()} instead of {base_version + 1}: "
                    "this deltalake rebases commits, which Packshot cannot allow."
                )
            return int(target.version())

    def _lost_race(self, table: str, base_version: int, error: TableError) -> int | None:
        """Return the newest version where a commit failed because another one came first; else None."""
        newest = self.version(table)
        conflicted = isinstance(error.__cause__, CommitFailedError) and newest is not None and newest > base_version
        return newest if conflicted else None

    def compact(self, table: str, *, metadata: Mapping[str, str]) -> bool:
        """Merge the table's small files where there are many, as a commit without data; return whether it was made.

        A lost race is left to a later call.
        """

        def commit_compaction() -> bool:
            snapshot = None if self.version(table) is None else self._reader.snapshot(table)
            groups = plan_compaction((snapshot and snapshot.files) or ())
            if snapshot is None or not groups:
                return False
            merge_files = partial(compact_files, open_store(self.url), table, groups)
            self._commit(table, snapshot.version, metadata, merge_files)
            return True

        try:
            return self._client.retry(commit_compaction)
        except CommitConflict:
            return False

    def clean_log(self, table: str, keep_from_version: int, *, dry_run: bool = False) -> list[ObjectInfo]:
        """Delete the log entries and checkpoints that no version from `keep_from_version` on needs; return them."""
        store = open_store(self.url)
        expired = find_expired_log_objects(store.list(f"{check_key(table)}/_delta_log/"), keep_from_version)
        if not dry_run:
            store.delete(info.key for info in expired)
            self._reader.forget()
        return expired

    def changes(self, table: str, version: int) -> pa.Table:
        """Return what one version changed: the newest version's columns and `_change_type`.

        That is "insert", "delete", "update_preimage" or "update_postimage". Raises `TableError` where the version's
        feed has been vacuumed.
        """

        def read() -> pa.Table:
            with self._client.newest(table) as target:
                if target is None:
                    raise TableError(f"There is no table {table!r} in {self.url}.")
                require_own_feed(open_store(self.url), table, version)
                schema = read_schema(target).append(pa.field("_change_type", pa.string()))
                with translate_errors(table):
                    feed = pa.RecordBatchReader.from_stream(target.load_cdf(version, version))
                    return pa.Table.from_batches(normalize_batches(feed, schema), schema)

        return self._client.retry(read)

    def history(self, table: str, limit: int | None = None, *, after: int | None = None) -> Sequence[Commit]:
        """Return the live history, newest first (at most `limit` commits); empty where there is no table.

        With `after`, only the log entries of later versions are read.
        """
        return read_history(open_store(self.url), check_key(table), limit, after=after)

    def vacuum(self, table: str, *, oldest: int, older_than: datetime, dry_run: bool = False) -> Sequence[ObjectInfo]:
        """Delete files that no version from `oldest` on needs, or that lost races left; return them.

        Files written since `older_than` stay: a commit may be about to name them. Delta's own vacuum goes by this
        machine's clock, and commits twice to the log, so that a running release would lose its race. Change feeds are
        kept of the same versions.
        """
        target = self._client.retry(lambda: self._client.open(table, oldest))
        store = open_store(self.url)
        with translate_errors(table):
            unneeded = list_unneeded_files(store, check_key(table), target)
        unneeded = [info for info in unneeded if info.modified < older_than]
        if not dry_run:
            store.delete(info.key for info in unneeded)
            self._reader.forget()
        return unneeded


def _from_url(url: str) -> DeltaTables:
    return DeltaTables(parse_address(url))


def _conflict_message(table: str, base_version: int, newest: int) -> str:
    return f"Table {table!r} is at version {newest}, past {base_version}, which the changes were compared with."
