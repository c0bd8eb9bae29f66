"""Item pictures: the bytes of what a page shows, checked against what the store says of them.

Inputs: a store, keys that the index or a release names, the shas that they name with them. Outputs: JPEGs, whole or
small. A picture that is not the judged one is not shown: an answer would be given for other pixels. Recent ones stay in
memory, up to a bound, since the page that needs a picture comes right after the one that measured it.
"""

from collections import OrderedDict
from hashlib import sha256
from threading import Lock

from catalogs.errors import ItemNotFound
from infra.errors import InvalidImage, ObjectMissing
from infra.imaging.codecs import decode, pixel_sha
from infra.imaging.thumbnails import make_thumbnail
from infra.interfaces import ObjectStore

KEPT_BYTES = 48 * 2**20
"""Some 200 pictures of 1024 px, or a grid of 80 and the next ten of 2048 px."""
THUMBNAIL_SIDE = 320

_Name = tuple[str, str, bytes, bytes]
"""Whole or small, the key, and what the bytes were checked by: file's sha, pixels' sha."""


class ItemPictures:
    """Pictures of one store. Safe to call from several threads."""

    def __init__(self, store: ObjectStore, kept_bytes: int = KEPT_BYTES) -> None:
        self._store, self._kept_bytes = store, kept_bytes
        self._kept: OrderedDict[_Name, bytes] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def read(self, key: str, file_sha: bytes = b"", pixels: bytes = b"") -> bytes:
        """Return a picture. Raises `ItemNotFound` where it is gone, or has neither this file's sha nor these pixels."""
        name = ("whole", key, file_sha, pixels)  # checked by these: without them, or by others, it is read anew
        kept = self._find_kept(name)
        if kept is not None:
            return kept
        try:
            data = self._store.read(key)
        except ObjectMissing:
            raise ItemNotFound(f"The picture {key} is not in the store any more.") from None
        if not self._is_judged(data, file_sha, pixels):
            raise ItemNotFound(f"The picture {key} is not the one that was judged; it is not shown.")
        self._keep(name, data)
        return data

    def thumbnail(self, key: str, file_sha: bytes = b"", pixels: bytes = b"") -> bytes:
        """Return a small picture; raises as `read`."""
        name = ("small", key, file_sha, pixels)
        kept = self._find_kept(name)
        if kept is not None:
            return kept
        try:
            data = make_thumbnail(self.read(key, file_sha, pixels), THUMBNAIL_SIDE)
        except InvalidImage as error:
            raise ItemNotFound(f"The picture {key} cannot be shown: {error}") from error
        self._keep(name, data)
        return data

    def _is_judged(self, data: bytes, file_sha: bytes, pixels: bytes) -> bool:
        if not file_sha and not pixels:  # an older version did not index them
            return True
        if file_sha and sha256(data).digest() == file_sha:
            return True
        try:
            return bool(pixels) and pixel_sha(decode(data)) == pixels.hex()
        except InvalidImage:
            return False

    def _find_kept(self, name: _Name) -> bytes | None:
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)

    def _keep(self, name: _Name, data: bytes) -> None:
        with self._lock:
            self._size += len(data) - len(self._kept.pop(name, b""))
            self._kept[name] = data
            while self._size > self._kept_bytes and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest)
