"""Snapshots: the columns and data files of one version of a table, and the small files that were read already.

Inputs: an open table. Outputs: a `Snapshot`, which is read without its table's log. Invariant: a version and a data
file never change, so both may be kept for as long as the process lives. A run reads one version several times (to plan,
to compare, to count); what it has read once costs no request again.
"""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

import pyarrow as pa
from deltalake import DeltaTable

from infra.tables.arrow_types import normalize_schema
from infra.tables.data_files import DataFile, list_data_files

_PLAIN_READER_VERSION = 1  # of Delta's protocol: above it are deletion vectors and renamed columns
_KEPT_SNAPSHOTS = 32
_KEPT_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Snapshot:
    """One version of a table. `files` is None where only delta-rs can read them: another tool has changed the table."""

    version: int
    schema: pa.Schema
    files: tuple[DataFile, ...] | None

    @classmethod
    def of_table(cls, table: str, target: DeltaTable) -> "Snapshot":
        """Return the version that `target` is opened at."""
        schema = normalize_schema(pa.schema(target.schema().to_arrow()))
        is_plain = target.protocol().min_reader_version <= _PLAIN_READER_VERSION
        has_partitions = bool(target.metadata().partition_columns)
        files = tuple(list_data_files(table, target)) if is_plain and not has_partitions else None
        return cls(int(target.version()), schema, files)


class SnapshotCache:
    """Snapshots and small data files by name, the most recent ones. Threads may share it."""

    def __init__(self, kept_bytes: int = _KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._snapshots: OrderedDict[tuple[str, int], Snapshot] = OrderedDict()
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def add(self, table: str, snapshot: Snapshot) -> Snapshot:
        """Keep a snapshot, and return it."""
        with self._lock:
            self._snapshots[table, snapshot.version] = snapshot
            while len(self._snapshots) > _KEPT_SNAPSHOTS:
                self._snapshots.popitem(last=False)
        return snapshot

    def find(self, table: str, version: int) -> Snapshot | None:
        """Return a kept snapshot."""
        with self._lock:
            return self._snapshots.get((table, version))

    def add_file(self, key: str, data: bytes) -> None:
        """Keep a data file, in place of the oldest ones where there is no room."""
        with self._lock:
            if key in self._files or len(data) > self._kept_bytes:
                return
            self._files[key] = data
            self._size += len(data)
            while self._size > self._kept_bytes:
                self._size -= len(self._files.popitem(last=False)[1])

    def find_file(self, key: str) -> bytes | None:
        """Return a kept data file."""
        with self._lock:
            return self._files.get(key)

    def clear(self) -> None:
        """Forget everything: files were deleted."""
        with self._lock:
            self._snapshots.clear()
            self._files.clear()
            self._size = 0
