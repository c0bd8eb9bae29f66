"""Photo copies: small pictures of the photos that a store keeps, for pages that show a product beside its photo.

Inputs: a store; the sha256 of a photo, as a row says it or a stranger asks for it. Outputs: a `ShownPhoto`: a JPEG of
at most `COPY_SIDE` pixels, or words why there is none. Nothing raises: a photo that is gone, damaged or hostile costs a
page its picture and nothing else.

A photo is private and may be large or hostile, so its own bytes never leave: `infra.photos` reads it within its limits,
once for all who ask, and what was read is encoded anew. A JPEG is decoded as small as it is shown; several photos are
decoded at once as far as `DECODING_BYTES` go. Copies and refusals are kept up to a bound.
"""

import re
from collections import OrderedDict
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from threading import BoundedSemaphore, Lock

from catalogs import layout
from infra.errors import StoreError
from infra.interfaces import ObjectInfo, ObjectStore
from infra.photos.file_kinds import MAX_PHOTO_BYTES
from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.photo_copy import copy_photo
from infra.photos.reading import DEFAULT_LIMITS, MEMORY_BYTES_A_PIXEL, check_photo, reduced_memory
from tasks.reporting.decoding_budget import DecodingBudget

COPY_SIDE = 640
KEPT_BYTES = 24 * 2**20
"""Some 500 copies."""
DECODING_BYTES = DEFAULT_LIMITS.max_pixels * MEMORY_BYTES_A_PIXEL
"""1.6 GB: what the largest photo takes by itself."""
FILES_AT_ONCE = 4
"""Files in memory that wait to be decoded: 512 MB in the worst case."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REFUSAL_BYTES = 512

NOT_SHOWN = "The shop's photo cannot be shown."
GONE = "The shop's photo is not in the store any more."
OTHER_BYTES = "The kept photo is not the one that the image names; it is not shown."
NOT_ANSWERED = "The store did not hand the shop's photo out just now."
NO_NAME = "Which photo it was made from cannot be read."


@dataclass(frozen=True)
class ShownPhoto:
    """A photo as a page shows it: a small JPEG and the photo's own size, or words why it cannot be shown."""

    jpeg: bytes = b""
    width: int = 0
    height: int = 0
    words: str = ""


class PhotoCopies:
    """The small copies of one store's photos. Safe to call from several threads."""

    def __init__(self, store: ObjectStore, kept_bytes: int = KEPT_BYTES) -> None:
        self._store, self._kept_bytes = store, kept_bytes
        self._kept: OrderedDict[str, ShownPhoto] = OrderedDict()
        self._size = 0
        self._lock, self._reading = Lock(), BoundedSemaphore(FILES_AT_ONCE)
        self._decoding = DecodingBudget(DECODING_BYTES)
        self._under_way: dict[str, Lock] = {}

    def find(self, photo_sha: str) -> ShownPhoto:
        """Return the copy of a photo, or why there is none."""
        if not _SHA256.fullmatch(photo_sha):
            return ShownPhoto(words=NO_NAME)
        found = self._find_kept(photo_sha)
        if found is not None:
            return found
        with self._lock:
            first = self._under_way.setdefault(photo_sha, Lock())
        with first:
            found = self._find_kept(photo_sha)
            found = found if found is not None else self._read(photo_sha)
        with self._lock:
            self._under_way.pop(photo_sha, None)
        return found

    def _read(self, photo_sha: str) -> ShownPhoto:
        try:
            objects = list(self._store.list(layout.source_photo_prefix(photo_sha)))
            shown = [self._copy(info, photo_sha) for info in objects]
        except StoreError:
            return ShownPhoto(words=NOT_ANSWERED)
        if not shown:
            return ShownPhoto(words=GONE)
        best = next((each for each in shown if each.jpeg), shown[0])
        self._keep(photo_sha, best)
        return best

    def _copy(self, info: ObjectInfo, photo_sha: str) -> ShownPhoto:
        if info.size > MAX_PHOTO_BYTES:  # nothing of that size was ever kept
            return ShownPhoto(words=OTHER_BYTES)
        with ExitStack() as decoding:
            with self._reading:
                data = self._store.read(info.key)
                if sha256(data).hexdigest() != photo_sha:
                    return ShownPhoto(words=OTHER_BYTES)
                try:
                    needed = reduced_memory(check_photo(data), COPY_SIDE)
                except InvalidPhoto as error:
                    return ShownPhoto(words=f"{NOT_SHOWN} {error}")
                decoding.enter_context(self._decoding.take(needed + len(data)))
            try:
                return ShownPhoto(*copy_photo(data, COPY_SIDE))
            except InvalidPhoto as error:
                return ShownPhoto(words=f"{NOT_SHOWN} {error}")

    def _find_kept(self, photo_sha: str) -> ShownPhoto | None:
        with self._lock:
            if photo_sha in self._kept:
                self._kept.move_to_end(photo_sha)
            return self._kept.get(photo_sha)

    def _keep(self, photo_sha: str, shown: ShownPhoto) -> None:
        with self._lock:
            self._kept[photo_sha] = shown
            self._size += len(shown.jpeg) + _REFUSAL_BYTES
            while self._size > self._kept_bytes and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest.jpeg) + _REFUSAL_BYTES
