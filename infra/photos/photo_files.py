"""Photo files: read the file that a photo reference names, and keep its bytes once in the store.

Inputs: a `PhotoReference`; bytes. Outputs: a `FetchedPhoto` (bytes and the version that a listing names for them), and
the key under which a file is kept. `InvalidPhoto` says why a file cannot be read.
Invariants:
- Links are not followed, neither out of an allowed folder nor within it; a pipe or a device is not waited for.
- The version is the one of these bytes: it is asked before and after they are read. A file that was written a moment
  ago has none, since a second change within its clock's tick would not move it; it is read again in the next run.
- A file is kept under the sha256 of its bytes, written once, and never changed. One that lies there for long is written
  again, the same bytes: a sweep deletes what is old and not named yet, and looks at its age just before. So is one that
  is known to be damaged there.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from infra.errors import ObjectMissing, StoreError, one_line
from infra.interfaces.objects import ObjectInfo, ObjectStore
from infra.photos.file_kinds import EXTENSIONS, MAX_PHOTO_BYTES, PhotoKind, recognise_kind
from infra.photos.https_client import FetchedPhoto, PhotoClient
from infra.photos.invalid_photo import InvalidPhoto, PhotoReason, shown_reference
from infra.photos.photo_references import PhotoReference
from infra.stores import open_store
from infra.stores.addresses import parse_address

SETTLING_TIME = timedelta(seconds=5)
"""How old a file without an etag must be for its date to name its content. FAT has the longest tick, of 2 s."""

KEPT_ANEW_AFTER = timedelta(hours=12)
"""How old a kept file may be when it is kept again without being written again: half of what a sweep calls young."""

_TRIES = 3
_CONTENT_TYPES: Final[dict[PhotoKind, str]] = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
}

SourceKey = Callable[[str, str], str]
"""The key of a kept file, by its sha256 (hex) and extension."""


@dataclass(frozen=True)
class KeptSource:
    """A file in the store: its key, and the sha256 of its bytes in hex. `is_written`: none lay there, or it was old."""

    key: str
    sha256: str
    is_written: bool = field(compare=False)


def keep_source(store: ObjectStore, data: bytes, key_of: SourceKey, *, anew: bool = False) -> KeptSource:
    """Keep a photo's bytes once; with `anew` also over what lies there. Raises `StoreError`.

    Raises `InvalidPhoto` for what is no photo by its first bytes.
    """
    kind = recognise_kind(data)
    sha256 = hashlib.sha256(data).hexdigest()
    key = key_of(sha256, EXTENSIONS[kind])
    is_written = store.write_once(key, data, content_type=_CONTENT_TYPES[kind])
    if not is_written and (anew or _is_old(store, key)):
        store.write(key, data, content_type=_CONTENT_TYPES[kind])
        is_written = True
    return KeptSource(key, sha256, is_written)


def _is_old(store: ObjectStore, key: str) -> bool:
    try:
        return store.info(key).modified < store.now() - KEPT_ANEW_AFTER
    except ObjectMissing:  # a sweep deleted it since
        return True


class PhotoReader:
    """Reads the files of references. Without a client no https reference is read. Safe to call from several threads."""

    def __init__(
        self,
        client: PhotoClient | None = None,
        max_bytes: int = MAX_PHOTO_BYTES,
        *,
        open_root: Callable[[str], ObjectStore] = open_store,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client, self._max_bytes = client, max_bytes
        self._open_root, self._clock = open_root, clock
        self._stores: dict[str, ObjectStore] = {}

    def read(self, reference: PhotoReference, known_version: str = "") -> FetchedPhoto | None:
        """Return the file; None where it still is of the known version. Raises `InvalidPhoto`."""
        name = shown_reference(reference.text)
        if reference.kind == "https":
            if self._client is None:
                raise _refusal("photo.reference", name, "is on the web, which is not read here; allow its host")
            return self._client.fetch(reference.name, known_version)
        if _is_behind_link(reference):
            raise _behind_link(name)
        store = self._stores.get(reference.root) or self._stores.setdefault(
            reference.root, self._open_root(reference.root)
        )
        try:
            return self._read_object(store, reference.name, name, known_version)
        except ObjectMissing:
            raise missing_photo(reference) from None
        except StoreError as error:
            what = f"could not be read ({one_line(error, 100)}); it is tried again in the next run"
            raise _refusal("photo.unreachable", name, what) from None

    def _read_object(self, store: ObjectStore, key: str, name: str, known_version: str) -> FetchedPhoto | None:
        info = store.info(key)
        for _ in range(_TRIES):
            if known_version and info.version == known_version:
                return None
            self._check_size(info.size, name)
            data = store.read(key)
            self._check_size(len(data), name)
            before, info = info, store.info(key)
            if before.version == info.version:
                return FetchedPhoto(data, self._settled_version(info))
        raise _refusal("photo.unreachable", name, "changes while it is read; it is tried again in the next run")

    def _settled_version(self, info: ObjectInfo) -> str:
        is_settled = bool(info.etag) or info.dated <= self._clock() - SETTLING_TIME
        return info.version if is_settled else ""

    def _check_size(self, size: int, name: str) -> None:
        if not size:
            raise _refusal("photo.unreadable", name, "is empty, or no file; export it again")
        if size > self._max_bytes:
            what = f"has {size:,} bytes, more than the limit of {self._max_bytes:,}; save it smaller"
            raise _refusal("photo.too-many-bytes", name, what)


def missing_photo(reference: PhotoReference) -> InvalidPhoto:
    """Return the reason of a reference that no listing names, without reading it."""
    name = shown_reference(reference.text)
    if _is_behind_link(reference):
        return _behind_link(name)
    return _refusal("photo.missing", name, "is not there; check its path")


def _is_behind_link(reference: PhotoReference) -> bool:
    address = parse_address(reference.root) if reference.root else None
    if address is None or address.scheme != "file":
        return False
    path = Path(address.location)
    return any((path := path / part).is_symlink() for part in reference.name.split("/"))


def _behind_link(name: str) -> InvalidPhoto:
    what = "lies behind a symbolic link, and links are not followed; allow the folder that it leads to, and name that"
    return _refusal("photo.reference", name, what)


def _refusal(reason: PhotoReason, name: str, what: str) -> InvalidPhoto:
    return InvalidPhoto(reason, f"The photo {name} {what}.")
