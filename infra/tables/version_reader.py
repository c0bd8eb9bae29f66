"""Read one version of a table: from its snapshot and its data files, or through delta-rs where only that can.

Inputs: a client, a table's name, columns, a version. Outputs: a `TableScan`. Files are read by the object store, which
repeats what a bucket answers incompletely; delta-rs's scans are repeated as a whole, from a temporary file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pyarrow as pa
from deltalake import DeltaTable

from infra.errors import ObjectMissing, TableError
from infra.interfaces import ObjectStore
from infra.interfaces.tables import Columns, Condition
from infra.stores.key_validation import check_key
from infra.tables.arrow_types import normalize_batches, select_columns
from infra.tables.data_files import pad_columns, read_data_files
from infra.tables.delta_client import DeltaClient, translate_errors
from infra.tables.row_search import filter_batches, search_data_files
from infra.tables.snapshots import Snapshot, SnapshotCache
from infra.tables.spill import read_spilled, spill


class TableScan(NamedTuple):
    """The rows of one version of a table, read as they are consumed."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


class VersionReader:
    """Reads versions of tables, and remembers their snapshots and small files. Threads may share it."""

    def __init__(self, client: DeltaClient, store: ObjectStore) -> None:
        self._client = client
        self._store = store
        self._cache = SnapshotCache()

    def snapshot(self, table: str, version: int | None = None) -> Snapshot:
        """Return one version of a table, the newest by default; raise `TableError` where there is none."""
        check_key(table)
        known = None if version is None else self._cache.find(table, version)
        return known or self._client.retry(lambda: self._open_snapshot(table, version))

    def scan(self, table: str, columns: Columns | None, version: int | None) -> TableScan:
        """Begin to read one version of a table; raise `ValueError` for a column that no version has.

        A column that came later than this version, or that only the given schema has, is read as nulls.
        """
        snapshot = self.snapshot(table, version)
        wanted = select_columns(snapshot.schema, columns, lambda: self.snapshot(table).schema)
        if snapshot.files is None:
            return TableScan(wanted, self._scan_by_delta(table, snapshot, wanted))
        return TableScan(wanted, self._read_files(table, snapshot, wanted))

    def search(self, table: str, columns: Columns, version: int | None, where: Condition) -> TableScan:
        """Begin to search one version of a table for the rows that hold a value; columns as in `scan`."""
        snapshot = self.snapshot(table, version)
        wanted = select_columns(snapshot.schema, columns, lambda: self.snapshot(table).schema)
        if snapshot.files is None:
            searched = [snapshot.schema.field(where[0])] if where[0] not in wanted.names else []
            batches = self._scan_by_delta(table, snapshot, pa.schema([*wanted, *searched]))
            return TableScan(wanted, filter_batches(batches, where, wanted))
        return TableScan(wanted, self._search_files(table, snapshot, wanted, where))

    def forget(self) -> None:
        """Read everything anew: files were deleted."""
        self._cache.clear()

    def _open_snapshot(self, table: str, version: int | None) -> Snapshot:
        with self._client.newest(table) as target:
            if target is not None and version in (None, target.version()):
                return self._cache.add(table, Snapshot.of_table(table, target))
        return self._cache.add(table, Snapshot.of_table(table, self._client.open(table, version)))

    def _read_files(self, table: str, snapshot: Snapshot, wanted: pa.Schema) -> Iterator[pa.RecordBatch]:
        files = snapshot.files or ()
        with _translate_missing(table, snapshot.version), translate_errors(table):
            yield from read_data_files(self._store, files, wanted, self._cache)

    def _search_files(
        self, table: str, snapshot: Snapshot, wanted: pa.Schema, where: Condition
    ) -> Iterator[pa.RecordBatch]:
        with _translate_missing(table, snapshot.version), translate_errors(table):
            yield from search_data_files(self._store, snapshot.files or (), wanted, where)

    def _scan_by_delta(self, table: str, snapshot: Snapshot, wanted: pa.Schema) -> Iterator[pa.RecordBatch]:
        # A scan needs a column to know how many rows there are.
        stored = [field for field in wanted if field.name in snapshot.schema.names] or [snapshot.schema.field(0)]

        def scan() -> Iterator[pa.RecordBatch]:
            target: DeltaTable = self._client.open(table, snapshot.version)
            with translate_errors(table):
                reader = pa.RecordBatchReader.from_stream(target.scan(columns=[field.name for field in stored]))
                yield from pad_columns(normalize_batches(reader, pa.schema(stored)), wanted)

        if self._client.retry_policy is None:
            return scan()
        return read_spilled(self._client.retry(lambda: spill(wanted, scan())))


@contextmanager
def _translate_missing(table: str, version: int) -> Iterator[None]:
    try:
        yield
    except ObjectMissing as error:
        raise TableError(f"Table {table!r} could not be served: a file of its version {version} is gone.") from error
