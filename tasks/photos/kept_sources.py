"""Kept sources: which of some photos a store has lost, though the index of a catalogue knows them.

Inputs: a store; sha256 digests of photos that images are planned of. Outputs: those of which no whole file lies under
`sources/`. A sweep, a person or a disk may have taken it, and a run looks no earlier than it needs the photo.
Invariant: what one run asks is bounded. The first `MAX_READ` photos are read and compared with their names. Where there
are more it is enough that a file is there, which one listing of all of them says: a damaged one fails as `photo.lost`,
and is among the few of a later run.
"""

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Final

from catalogs import layout
from catalogs.indexes.digest_index import DIGEST_BYTES
from catalogs.indexes.digest_set import DigestSet
from infra.errors import ObjectMissing
from infra.interfaces import ObjectInfo, ObjectStore
from infra.photos.file_kinds import MAX_PHOTO_BYTES

MAX_READ: Final = 200
"""Photos that are read in one run."""
READERS: Final = 8
"""Files read side by side: 1 GB in the worst case."""


class KeptSources:
    """The photos of one store, as one run looks for them. Used by one thread."""

    def __init__(self, store: ObjectStore, max_read: int = MAX_READ) -> None:
        self._store, self._left_to_read = store, max_read
        self._whole = DigestSet()
        self._listed: DigestSet | None = None

    def add(self, photos: Iterable[bytes]) -> None:
        """Note photos that this run has kept."""
        self._whole.add(_halves(photos))

    def find_lost(self, photos: Collection[bytes]) -> list[bytes]:
        """Return the photos that the store does not hold, in order. Raises `StoreError`."""
        wanted = sorted(set(photos))
        known = self._whole.contains(_halves(wanted)).tolist()
        doubted = [photo for photo, is_known in zip(wanted, known, strict=True) if not is_known]
        if len(doubted) <= self._left_to_read:
            self._left_to_read -= len(doubted)
            with ThreadPoolExecutor(READERS, "photos") as threads:
                is_there = list(threads.map(self._holds, doubted))
        else:
            is_there = self._list().contains(_halves(doubted)).tolist()
        found = list(zip(doubted, is_there, strict=True))
        self.add(photo for photo, is_held in found if is_held)
        return [photo for photo, is_held in found if not is_held]

    def _holds(self, photo: bytes) -> bool:
        """Tell whether a file of this name has these bytes."""
        return any(self._is_whole(info, photo) for info in self._store.list(layout.source_photo_prefix(photo.hex())))

    def _is_whole(self, info: ObjectInfo, photo: bytes) -> bool:
        if info.size > MAX_PHOTO_BYTES:  # nothing of that size was ever kept
            return False
        try:
            return sha256(self._store.read(info.key)).digest() == photo
        except ObjectMissing:
            return False

    def _list(self) -> DigestSet:
        if self._listed is None:
            self._listed = DigestSet()
            self._listed.add(_halves(_photo_of(info.key) for info in self._store.list(layout.SOURCES)))
        return self._listed


def _photo_of(key: str) -> bytes:
    """Return the sha256 in the name of a kept photo; zeros for an object of another origin."""
    try:
        return bytes.fromhex(key.rpartition("/")[2].partition(".")[0]).ljust(DIGEST_BYTES, b"\0")
    except ValueError:
        return bytes(DIGEST_BYTES)


def _halves(photos: Iterable[bytes]) -> bytes:
    return b"".join(photo[:DIGEST_BYTES] for photo in photos)
