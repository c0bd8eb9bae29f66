"""Delta tables whose every commit builds on exactly the version that its rows were compared with.

Comes in: Arrow rows marked "put" or "drop", the version they were compared at, and words to commit with them. Goes out:
one new version, or `CommitConflict`.
Why it holds: with `max_commit_retries=0` delta-rs neither rebases nor tries again. It writes log entry `base + 1` by a
conditional put, so a second writer fails even when it touches other rows. Retries (the default) would rebase silently.
A MERGE that moves no row commits nothing; an empty commit then carries the words, since they say that a run was here.
In a bucket, the client below deltalake sits out refusals and outages, but gives up on an answer that is cut off in its
middle, or on a log entry that is not seen yet; whole operations are therefore repeated here. A merge may be: where the
lost one had landed, the next is told that the race is lost, and finds its own words in the history.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from infra.errors import CommitConflict, TableError
from infra.interfaces import Commit
from infra.stores import open_store
from infra.stores.addresses import StoreAddress, parse_address
from infra.stores.key_validation import check_key
from infra.stores.retry import RetryPolicy
from infra.stores.s3_client import S3Access, open_client
from infra.stores.s3_errors import RETRY_ADVICE
from infra.tables.arrow_types import normalize_batches, normalize_schema
from infra.tables.commits import commit_changes, validated_changes
from infra.tables.delta_log import read_history, to_commit_metadata
from infra.tables.spill import read_spilled, spill

T = TypeVar("T")

_ANSI_CODES = re.compile(r"\x1b\[[0-9;]*m")  # deltalake paints its messages
_MAX_ATTEMPTS = 6  # of an operation that is answered by halves; outages are sat out below
_TABLE_CONFIGURATION = {"delta.enableChangeDataFeed": "true"}


class DeltaTables:
    """A `TableStore` of Delta tables below a store's URL. Every call opens its table anew; threads are fine."""

    def __init__(self, address: StoreAddress) -> None:
        self._address = address
        self.url = address.url

    def __reduce__(self) -> tuple[object, ...]:
        return (_from_url, (self.url,))

    def __repr__(self) -> str:
        return f"DeltaTables({self.url!r})"

    def ensure(self, table: str, schema: pa.Schema) -> None:
        """Make the table (version 0, empty, change data feed on) unless it is there.

        Raises `TableError` where it is there with other columns.
        """
        wanted = normalize_schema(schema)
        found = self._retry(lambda: _schema(self._open(table) or self._create(table, wanted)))
        if not found.equals(wanted):
            different = sorted({field.name for field in set(found) ^ set(wanted)}) or wanted.names
            raise TableError(
                f"Table {table!r} was made with other columns or types ({', '.join(different)}); "
                "use a store of its own for this version."
            )

    def version(self, table: str) -> int | None:
        """Return the newest version, or None where the table has not been made."""
        target = self._retry(lambda: self._open(table))
        return None if target is None else int(target.version())

    def read(self, table: str, columns: Sequence[str] | None = None, *, version: int | None = None) -> pa.Table:
        """Return the rows of one version (the newest by default), in no promised order."""

        def read() -> pa.Table:
            schema, rows = self._scan(table, columns, version)
            return pa.Table.from_batches(rows, schema)

        return self._retry(read)

    def batches(self, table: str, columns: Sequence[str], *, version: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one version in bounded memory, in no promised order.

        From a bucket they come by way of a temporary file: a scan that breaks in its middle cannot be taken up there.
        """
        if self._retry_policy is None:
            return self._scan(table, columns, version)[1]
        return read_spilled(self._retry(lambda: spill(*self._scan(table, columns, version))))

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

        Raises `CommitConflict` when another commit has taken the place, and `ValueError` for changes that are empty,
        have other columns, an unknown `_op`, or a null or repeated `on`. A reader is taken at its word about the last
        two, and is read only once.
        """

        def commit_rows() -> int:
            return self._merge(table, changes, on, base_version, metadata)

        return self._retry(commit_rows) if isinstance(changes, pa.Table) else commit_rows()

    def _merge(
        self,
        table: str,
        changes: "pa.Table | pa.RecordBatchReader",
        on: Sequence[str],
        base_version: int,
        metadata: Mapping[str, str],
    ) -> int:
        target = self._open_existing(table)
        if target.version() > base_version:
            raise CommitConflict(_conflict_message(table, base_version, int(target.version())))
        if target.version() < base_version:
            raise ValueError(f"Table {table!r} has no version {base_version}; the newest is {target.version()}.")
        schema = _schema(target)
        rows = validated_changes(changes, schema, on)
        properties = CommitProperties(custom_metadata=to_commit_metadata(metadata), max_commit_retries=0)
        try:
            with _translate_errors(table):
                commit_changes(target, rows, on, properties)
        except TableError as error:
            newest = self.version(table)
            if isinstance(error.__cause__, CommitFailedError) and newest is not None and newest > base_version:
                raise CommitConflict(_conflict_message(table, base_version, newest)) from error
            raise
        if target.version() != base_version + 1:
            raise TableError(
                f"Table {table!r} took the commit as version {target.version()} instead of {base_version + 1}: "
                "this deltalake rebases commits, which Packshot cannot allow."
            )
        return int(target.version())

    def changes(self, table: str, version: int) -> pa.Table:
        """Return what one version changed: the table's columns and `_change_type`.

        That is "insert", "delete", "update_preimage" or "update_postimage". Raises `TableError` where the version's
        feed has been vacuumed.
        """

        def read() -> pa.Table:
            target = self._open_existing(table, version)
            schema = _schema(target).append(pa.field("_change_type", pa.string()))
            with _translate_errors(table):
                feed = pa.RecordBatchReader.from_stream(target.load_cdf(version, version))
                return pa.Table.from_batches(normalize_batches(feed, schema), schema)

        return self._retry(read)

    def history(self, table: str, limit: int | None = None) -> Sequence[Commit]:
        """Return the live history, newest first (at most `limit` commits); empty where there is no table."""
        return read_history(open_store(self.url), check_key(table), limit)

    def vacuum(self, table: str, *, keep_hours: int, keep_versions: Sequence[int] = (), dry_run: bool = False) -> int:
        """Delete what no version younger than `keep_hours` needs, and what lost races left; return how many files.

        Delta's own vacuum commits twice to the log, which would make a running release lose its race; so it only lists.
        `keep_hours` must be longer than a commit takes. An old version is only safe in `keep_versions`: a checkpoint
        forgets which files were removed lately. Change feeds are kept by their age alone.
        """

        def unneeded_files() -> list[str]:
            target, kept = self._open_existing(table), list(keep_versions) or None
            with _translate_errors(table):
                names: list[str] = target.vacuum(
                    keep_hours, dry_run=True, enforce_retention_duration=False, full=True, keep_versions=kept
                )
                return names

        names = self._retry(unneeded_files)
        # Without a commit the log goes on naming what an earlier vacuum has deleted.
        store = open_store(self.url)
        there = {info.key for info in store.list(f"{table}/")}
        unneeded = [key for key in (f"{table}/{name}" for name in names) if key in there]
        return len(unneeded) if dry_run else store.delete(unneeded)

    @property
    def _retry_policy(self) -> RetryPolicy | None:
        return open_client(S3Access.from_environment()).retry_policy if self._address.scheme == "s3" else None

    def _retry(self, operation: Callable[[], T]) -> T:
        """Do a whole operation, and do it again where a bucket answered by halves; a folder answers or does not."""
        patience = self._retry_policy
        if patience is None:
            return operation()
        left = iter(range(_MAX_ATTEMPTS - 1))
        try:
            return patience.call(operation, lambda error: _is_transient(error) and next(left, None) is not None)
        except TableError as error:
            if not _is_transient(error):
                raise
            raise TableError(f"{str(error).rstrip('.')}; {RETRY_ADVICE}.") from error.__cause__

    def _scan(
        self, table: str, columns: Sequence[str] | None, version: int | None
    ) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        target = self._open_existing(table, version)
        schema = _select_columns(_schema(target), columns)
        return schema, _read_batches(table, target, schema)

    def _open(self, table: str, version: int | None = None) -> DeltaTable | None:
        with _translate_errors(table):
            try:
                return DeltaTable(self._table_uri(table), version=version, storage_options=self._storage_options())
            except TableNotFoundError:
                return None

    def _open_existing(self, table: str, version: int | None = None) -> DeltaTable:
        target = self._open(table, version)
        if target is None:
            raise TableError(f"There is no table {table!r} in {self.url}; the first refresh makes it.")
        return target

    def _create(self, table: str, schema: pa.Schema) -> DeltaTable:
        # mode="ignore" was seen to commit a second, empty version 1 when two processes race.
        try:
            with _translate_errors(table):
                DeltaTable.create(
                    self._table_uri(table),
                    schema,
                    mode="error",
                    configuration=_TABLE_CONFIGURATION,
                    storage_options=self._storage_options(),
                    commit_properties=CommitProperties(max_commit_retries=0),
                )
        except TableError:
            if self._open(table) is None:
                raise
        return self._open_existing(table)

    def _table_uri(self, table: str) -> str:
        return self._address.join(check_key(table))

    def _storage_options(self) -> dict[str, str]:
        return S3Access.from_environment().for_deltalake() if self._address.scheme == "s3" else {}


def _from_url(url: str) -> DeltaTables:
    return DeltaTables(parse_address(url))


def _schema(target: DeltaTable) -> pa.Schema:
    return normalize_schema(pa.schema(target.schema().to_arrow()))


def _select_columns(schema: pa.Schema, columns: Sequence[str] | None) -> pa.Schema:
    if columns is None:
        return schema
    if missing := [name for name in columns if name not in schema.names]:
        raise ValueError(f"The table has no columns {missing!r}; it has {schema.names!r}.")
    return pa.schema([schema.field(name) for name in columns])


def _conflict_message(table: str, base_version: int, newest: int) -> str:
    return f"Table {table!r} is at version {newest}, past {base_version}, which the changes were compared with."


@contextmanager
def _translate_errors(table: str) -> Iterator[None]:
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        # A server's XML may name an access key; what stands before it says enough.
        said = " ".join(_ANSI_CODES.sub("", str(error)).split("<")[0].split())[:300].rstrip(".")
        raise TableError(f"Table {table!r} could not be served: {said or type(error).__name__}.") from error


def _read_batches(table: str, target: DeltaTable, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    with _translate_errors(table):
        yield from normalize_batches(pa.RecordBatchReader.from_stream(target.scan(columns=schema.names)), schema)


def _is_transient(error: Exception) -> bool:
    """Tell whether deltalake gave up, apart from lost races; our own refusals have no cause."""
    return isinstance(error, TableError) and error.__cause__ is not None and not isinstance(error, CommitConflict)
