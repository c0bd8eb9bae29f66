"""Object storage: bytes under keys.

Inputs: keys (slash-separated text, relative to a store) and bytes. Outputs: the same.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Protocol


@dataclass(frozen=True)
class ObjectInfo:
    """One object in a listing: its key, its size in bytes, when it was last written (UTC)."""

    key: str
    size: int
    modified: datetime
    changed: datetime | None = None
    """Where a writer can choose `modified`, as in a folder: when its inode was changed, which nobody can set."""
    etag: str = ""
    """The version that a bucket names: other bytes have another. Empty where a store names none."""

    @property
    def version(self) -> str:
        """Return what differs between two contents of one key: the etag, else size and dates to the microsecond."""
        if self.etag:
            return f"{self.size} {self.etag}"
        dates = (self.modified, self.changed or self.modified)
        return " ".join((str(self.size), *(str(round(date.timestamp() * 1e6)) for date in dates)))

    @property
    def dated(self) -> datetime:
        """Return when the object was last written, by a date that its writer could not choose."""
        return self.changed or self.modified


class ObjectStore(Protocol):
    """Bytes under keys. A write is complete or absent. Safe to call from several threads."""

    url: str
    max_concurrency: int
    """How many operations are worth running at once: one on a disk, many where each waits for a network."""

    def now(self) -> datetime:
        """Return the current time (UTC) by the clock that dates this store's objects.

        Machines' clocks differ; what several of them compare is dated by the store that they share.
        """

    def read(self, key: str) -> bytes:
        """Return the object's bytes, or raise `ObjectMissing`."""

    def find(self, key: str) -> bytes | None:
        """Return the object's bytes, or None, by one request.

        For objects that are usually absent and can be made again: a bucket may be a moment behind its own writes, so
        `read` and `exists` ask twice before they report an absence, which takes time.
        """

    def write(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> None:
        """Store `data`, replacing an earlier object. The headers are kept where the store serves over HTTP."""

    def write_once(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> bool:
        """Store `data` only if the key is free; True if this call created the object. The first write wins."""

    def exists(self, key: str) -> bool:
        """Tell whether an object exists under `key`."""

    def info(self, key: str) -> ObjectInfo:
        """Return what a listing says of the object, by one request, or raise `ObjectMissing`."""

    def size(self, key: str) -> int:
        """Return the object's size in bytes, or raise `ObjectMissing`."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`, at any depth, in key order within a folder."""

    def delete(self, keys: Iterable[str]) -> int:
        """Delete the objects (missing ones are fine) and return the number of keys given."""

    def open_input(self, key: str) -> AbstractContextManager[IO[bytes]]:
        """Open an object for seeking reads (Parquet), or raise `ObjectMissing`."""

    def open_output(self, key: str) -> AbstractContextManager[IO[bytes]]:
        """Open an object for streamed writing: it appears complete on a clean exit, and never on an exception."""

    def remove_leftovers(self, older_than: datetime) -> int:
        """Delete unfinished writes of killed processes before `older_than` (no listing shows them); return how many."""
