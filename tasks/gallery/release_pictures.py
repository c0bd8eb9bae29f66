"""Release pictures: the bytes of what a release shows, whole or as a thumbnail.

Inputs: an image of a release, found by its slot; never a key of a request. Outputs: JPEG bytes, or None where the
object is gone or is not the file that the release names. An object's key follows from the slot and its file; where a
slot was renamed since, the manifest's row says the key. Thumbnails are kept in at most `KEPT_BYTES`.
"""

from collections import OrderedDict
from hashlib import sha256
from threading import Lock

from catalogs import layout
from catalogs.gallery.release_index import ReleaseItem
from infra.errors import InvalidImage
from infra.imaging.thumbnails import make_thumbnail
from infra.interfaces import ObjectStore, TableStore
from tasks.reporting.photo_copies import PhotoCopies

KEPT_BYTES = 48 * 2**20
THUMBNAIL_SIDE = 320


class ReleasePictures:
    """The pictures of one catalogue's releases. Safe to call from several threads."""

    def __init__(self, store: ObjectStore, tables: TableStore, catalogue: str) -> None:
        self._store, self._tables, self._catalogue = store, tables, catalogue
        self.photos = PhotoCopies(store)
        """Small copies of the shop's own photos."""
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self.kept_bytes = 0
        """Of thumbnails."""
        self._lock = Lock()

    def read(self, item: ReleaseItem, version: int) -> bytes | None:
        """Return the file that a release shows in a slot, checked by its sha256."""
        data = self._read_checked(self._usual_key(item), item)
        if data is not None:
            return data
        key = self.key_of(item, version)
        return None if key is None or key == self._usual_key(item) else self._read_checked(key, item)

    def thumbnail(self, item: ReleaseItem, version: int) -> bytes | None:
        """Return a small JPEG of what a release shows in a slot; None as `read`, and where it cannot be decoded."""
        with self._lock:
            if item.file_sha_prefix in self._kept:
                self._kept.move_to_end(item.file_sha_prefix)
                return self._kept[item.file_sha_prefix]
        data = self.read(item, version)
        try:
            return None if data is None else self._keep(item.file_sha_prefix, make_thumbnail(data, THUMBNAIL_SIDE))
        except InvalidImage:
            return None

    def key_of(self, item: ReleaseItem, version: int) -> str | None:
        """Return the key of a slot's object as the manifest names it."""
        where = "slot_id", [item.slot_id]
        rows = self._tables.find_rows(layout.manifest_table(self._catalogue), ["object"], where, version=version)
        return str(rows["object"][0]) if len(rows) else None

    def _usual_key(self, item: ReleaseItem) -> str:
        return layout.published_image(
            self._catalogue, item.sku, item.view, item.variant, item.index, item.file_sha_prefix
        )

    def _read_checked(self, key: str, item: ReleaseItem) -> bytes | None:
        data = self._store.find(key)
        matches = data is not None and sha256(data).hexdigest().startswith(item.file_sha_prefix)
        return data if matches else None

    def _keep(self, name: str, thumbnail: bytes) -> bytes:
        with self._lock:
            if name not in self._kept:
                self._kept[name] = thumbnail
                self.kept_bytes += len(thumbnail)
            while self.kept_bytes > KEPT_BYTES:
                self.kept_bytes -= len(self._kept.popitem(last=False)[1])
        return thumbnail
