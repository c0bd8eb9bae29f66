"""Stored photos: a shop's photo, read again from the store by the sha256 of its bytes.

Inputs: a store, what the photo's key begins with, and its sha256. Outputs: a `Photo`; `PhotoLost` where the store holds
no such bytes, and `InvalidPhoto` where they are no photo that can be used.
"""

import hashlib

from infra.errors import ExternalError, ObjectMissing
from infra.interfaces import ObjectStore, Photo
from infra.photos.reading import read_photo


class PhotoLost(ExternalError):
    """The store does not hold a photo any more, or holds other bytes under its name."""


def read_stored_photo(store: ObjectStore, prefix: str, sha256: str) -> Photo:
    """Return the photo. Raises `PhotoLost`, `InvalidPhoto`, and `StoreError` where the store does not answer."""
    key = ""
    for info in store.list(prefix):
        key = info.key
        try:
            data = store.read(key)
        except ObjectMissing:  # it was deleted since
            continue
        if hashlib.sha256(data).hexdigest() == sha256:
            return read_photo(data)
    what = f"{key} holds other bytes than its name says" if key else f"The photo {sha256} is not in the store"
    raise PhotoLost(f"{what}; the next run that reads the catalogue fetches it again.")
