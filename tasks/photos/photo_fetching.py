"""Fetching photos: read those that are new or changed, check them, and keep them once in the store.

Inputs: references with what is known of each. Outputs: an answer for each, in order: a row of the photo index, or the
reason for which there is none. A fault of a photo or of its server never raises; one of the store does.
A photo is checked by its header: kind, size, frames, second meanings. It is decoded when it is cut out, by a process
that may die of it; a file that is damaged further in is refused then, as `photo.unreadable`.
Invariants: at most `READERS` files are in memory at once. A place where `MAX_FAILURES` photos in a row could not be
reached is asked no more in this run, so that a server that is down costs minutes and not days.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

from catalogs import layout
from infra.interfaces import ObjectStore
from infra.photos.https_client import FetchedPhoto
from infra.photos.invalid_photo import InvalidPhoto, shown_reference
from infra.photos.photo_files import PhotoReader, keep_source
from infra.photos.photo_references import PhotoReference
from infra.photos.reading import check_photo

READERS: Final = 8
"""Files read side by side: 1 GB in the worst case, since one has 128 MB at most."""
MAX_FAILURES: Final = 20
"""Photos of one place in a row that cannot be reached before it is left alone for the run."""


@dataclass(frozen=True)
class PhotoToFetch:
    """A reference that must be read: the version and the sha256 that the index has for it, if any.

    `anew`: what the store holds of it is gone or damaged, and is written over. Without a version a photo is read whole.
    """

    reference: PhotoReference
    version: str = ""
    earlier: bytes | None = None
    anew: bool = False


@dataclass(frozen=True)
class FetchAnswer:
    """What became of one reference: `row` for the index, or the `error` for which there is none.

    A file that was read and refused has both. `is_kept`: it was read and written in this run.
    """

    reference: str
    row: dict[str, Any] | None = None
    error: InvalidPhoto | None = None
    is_kept: bool = False

    @property
    def digest(self) -> bytes:
        """Return the sha256 of what was read."""
        return bytes(self.row["sha256"]) if self.row else b""


@dataclass
class PhotoFetcher:
    """Reads photos into a store; shared by the batches of a run."""

    store: ObjectStore
    reader: PhotoReader
    now: datetime
    _failures: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def fetch(self, photos: Iterable[PhotoToFetch]) -> Iterator[FetchAnswer]:
        """Yield the answers in order. What is under way is finished where the caller stops; the rest is not begun."""
        with ThreadPoolExecutor(READERS, "photos") as threads:
            yield from threads.map(self._fetch_one, photos)

    def _fetch_one(self, photo: PhotoToFetch) -> FetchAnswer:
        text = photo.reference.text
        try:
            fetched = self._read(photo)
        except InvalidPhoto as error:
            return FetchAnswer(text, error=error)
        if fetched is None:
            return FetchAnswer(text, self._row(text, photo.version, photo.earlier or b""))
        try:
            check_photo(fetched.data)
            kept = keep_source(self.store, fetched.data, layout.source_photo, anew=photo.anew)
            row = self._row(text, fetched.version, bytes.fromhex(kept.sha256))
            return FetchAnswer(text, row, is_kept=kept.is_written)
        except InvalidPhoto as error:
            named = InvalidPhoto(error.reason, f"{shown_reference(text)}: {error}")
            refused = self._row(text, fetched.version, sha256(fetched.data).digest(), named)
            return FetchAnswer(text, refused, named)

    def _read(self, photo: PhotoToFetch) -> FetchedPhoto | None:
        """Read a photo, and count the failures of its place. Raises `InvalidPhoto`."""
        place = place_of(photo.reference)
        with self._lock:
            is_given_up = self._failures[place] >= MAX_FAILURES
        if is_given_up:
            raise unreachable_photo(photo.reference, f"was not asked: {MAX_FAILURES} of its place did not answer")
        is_failure = False
        try:
            return self.reader.read(photo.reference, photo.version if photo.earlier else "")
        except InvalidPhoto as error:
            is_failure = error.reason == "photo.unreachable"
            raise
        finally:
            with self._lock:
                if place and self._failures[place] < MAX_FAILURES:
                    self._failures[place] = self._failures[place] + 1 if is_failure else 0

    def _row(self, text: str, version: str, digest: bytes, error: InvalidPhoto | None = None) -> dict[str, Any]:
        return {
            "reference": text,
            "version": version,
            "sha256": digest,
            "looked_at": self.now,
            "reason": error and error.reason,
            "refusal": error and str(error),
        }


def place_of(reference: PhotoReference) -> str:
    """Return the place whose failures are counted together: a host, a bucket's prefix; "" on a disk, which is quick."""
    if reference.kind == "https":
        return urlsplit(reference.name).netloc
    return "" if reference.root.startswith("file:") else reference.root


def unreachable_photo(reference: PhotoReference, what: str) -> InvalidPhoto:
    """Return the reason of a photo that may be there and cannot be asked for in this run."""
    name = shown_reference(reference.text)
    return InvalidPhoto("photo.unreachable", f"The photo {name} {what}; it is tried again in the next run.")
