"""Release indexes: the index of each release that people look at, made once and kept while there is room.

Inputs: the tables, a catalogue, versions of its manifest. Outputs: a `ReleaseIndex`. At most `KEPT_BYTES` are kept, or
the newest two: 2,000,000 images take 88 MB. Requests for a version that is being read wait for it instead of reading it
again.
"""

from collections import OrderedDict
from threading import Lock

import pyarrow as pa

from catalogs import layout
from catalogs.gallery.release_index import ReleaseIndex
from catalogs.gallery.release_index_builder import COLUMNS, ReleaseIndexBuilder
from catalogs.table_schemas import MANIFEST
from infra.interfaces import TableStore

KEPT_BYTES = 128 * 2**20
_SCHEMA = pa.schema([MANIFEST.field(name) for name in COLUMNS])
_MIN_KEPT = 2  # two releases are compared


class ReleaseIndexes:
    """The indexes of one catalogue's releases. Safe to call from several threads."""

    def __init__(self, tables: TableStore, catalogue: str) -> None:
        self._tables, self._table = tables, layout.manifest_table(catalogue)
        self._kept: OrderedDict[int, ReleaseIndex] = OrderedDict()
        self._lock = Lock()
        self._reading = Lock()

    def open(self, version: int) -> ReleaseIndex:
        """Return the index of a version. Raises `TableError` where a file of the version is gone."""
        found = self._find(version)
        if found is not None:
            return found
        with self._reading:  # one at a time, so that memory holds one release's rows at most
            return self._find(version) or self._keep(version, self._read(version))

    def _find(self, version: int) -> ReleaseIndex | None:
        with self._lock:
            if version in self._kept:
                self._kept.move_to_end(version)
            return self._kept.get(version)

    def _keep(self, version: int, index: ReleaseIndex) -> ReleaseIndex:
        with self._lock:
            self._kept[version] = index
            while len(self._kept) > _MIN_KEPT and sum(each.nbytes for each in self._kept.values()) > KEPT_BYTES:
                self._kept.popitem(last=False)
        return index

    def _read(self, version: int) -> ReleaseIndex:
        builder = ReleaseIndexBuilder()
        for batch in self._tables.batches(self._table, _SCHEMA, version=version):
            builder.add(batch)
        return builder.build()
