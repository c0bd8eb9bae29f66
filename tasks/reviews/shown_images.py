"""Shown images: what the shop shows of the SKUs that wait, found by one pass over the release.

Inputs: the tables, the SKUs and pictures in question. Outputs: live images by SKU and by their pixels. A release may
have millions of rows, and a table has no index by SKU; one pass for all that waits costs less than a look-up for each
item, and what is kept is bounded by the queue.
"""

import time
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from threading import Lock

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.table_schemas import MANIFEST
from infra.interfaces import TableStore

READ_AGAIN_SECONDS = 60.0
"""How old what the shop shows may be on a page: a publication looks again itself."""


@dataclass(frozen=True, slots=True)
class ShownImage:
    """One live image."""

    slot_id: bytes
    sku: str
    view: str
    variant: str
    index: int
    object: str
    file_sha: bytes
    pixel_sha: bytes


_SCHEMA = pa.schema([MANIFEST.field(each.name) for each in fields(ShownImage)])


@dataclass(frozen=True)
class ShownImages:
    """The live images of some SKUs, and of some pictures; in Arrow, since there may be some for all that waits."""

    rows: pa.Table

    @classmethod
    def read(
        cls, tables: TableStore, catalogue: str, skus: Collection[str], pixel_shas: Collection[bytes]
    ) -> "ShownImages":
        """Read them from the newest release."""
        table = layout.manifest_table(catalogue)
        version = tables.version(table)
        if version is None:
            return NOTHING_SHOWN
        wanted, neighbours = pa.array(sorted(skus), pa.string()), pa.array(sorted(pixel_shas), pa.binary())
        chosen = [_SCHEMA.empty_table()]
        for batch in tables.batches(table, _SCHEMA, version=version):
            of_skus = pc.is_in(batch.column("sku"), wanted)
            rows = batch.filter(pc.or_(of_skus, pc.is_in(batch.column("pixel_sha"), neighbours)))
            chosen.append(pa.table(rows))
        return cls(pa.concat_tables(chosen).combine_chunks())

    def of_sku(self, sku: str) -> list[ShownImage]:
        """Return the live images of a SKU."""
        return self._find("sku", sku)

    def of_pixels(self, pixel_sha: bytes) -> ShownImage | None:
        """Return a live image of these pixels."""
        return next(iter(self._find("pixel_sha", pixel_sha)), None)

    def _find(self, column: str, value: str | bytes) -> list[ShownImage]:
        found = self.rows.filter(pc.equal(self.rows[column], value))
        return list(map(ShownImage, *(found[name].to_pylist() for name in _SCHEMA.names)))


NOTHING_SHOWN = ShownImages(_SCHEMA.empty_table())


class ShownImagesReader:
    """Keeps the shown images of what waits, read beside the requests of people. Safe to call from several threads."""

    def __init__(self, tables: TableStore, catalogue: str) -> None:
        self._tables, self._catalogue = tables, catalogue
        self._lock = Lock()
        self._threads = ThreadPoolExecutor(1, "shown-images")
        self._current: Future[ShownImages] | None = None
        self._asked: frozenset[str] = frozenset()
        self._read_at = 0.0

    def prepare(self, skus: Collection[str], pixel_shas: Collection[bytes]) -> None:
        """Begin to read, where other SKUs wait than were asked for before."""
        with self._lock:
            if self._current is None or not self._asked.issuperset(skus):
                self._asked, self._read_at = frozenset(skus), time.monotonic()
                self._current = self._threads.submit(
                    ShownImages.read, self._tables, self._catalogue, self._asked, frozenset(pixel_shas)
                )

    def follow(self) -> None:
        """Have it read anew at the next request, where it was read some time ago."""
        with self._lock:
            if self._current is not None and time.monotonic() - self._read_at > READ_AGAIN_SECONDS:
                self._current = None

    def get(self, skus: Collection[str], pixel_shas: Collection[bytes]) -> ShownImages:
        """Return them, once they are read."""
        self.prepare(skus, pixel_shas)
        with self._lock:
            current = self._current
        return current.result() if current is not None else NOTHING_SHOWN
