"""Kept objects: what the store holds of one image that keeps a photo's product.

Inputs: a store and digests. Outputs: the photo, its mask, the staged image and its document; `KeptObjectMissing` with a
code where one is gone or is no such object, so that what cannot be shown is told apart from what is wrong.
"""

import io
import json

import numpy as np
from PIL import Image

from catalogs import layout
from catalogs.photos.kept_request import KeptResult, parse_kept_result
from infra.errors import InvalidImage, ObjectMissing, one_line
from infra.imaging.codecs import decode, require_readable_size
from infra.interfaces import ObjectStore, Pixels
from infra.interfaces.cutouts import AlphaMask, Photo
from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.reading import read_photo

_TAG = "tag"
"""A field that signed documents have beside their own."""


class KeptObjectMissing(Exception):
    """An object without which nothing can be recomputed; `code` names it."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code


def read_source_photo(store: ObjectStore, sha256: str) -> Photo:
    """Return a photo by the sha256 of its bytes; its own digest says which bytes were found."""
    key = next((info.key for info in store.list(layout.source_photo_prefix(sha256))), None)
    data = None if key is None else store.find(key)
    if data is None:
        raise KeptObjectMissing("kept.photo-gone", f"the photo {sha256} is not under {layout.SOURCES} any more")
    try:
        return read_photo(data)
    except InvalidPhoto as error:
        raise KeptObjectMissing("kept.photo-unreadable", f"{key}: {error}") from None


def read_mask(store: ObjectStore, key: str) -> AlphaMask:
    """Return the mask under this key."""
    data = store.find(key)
    if data is None:
        raise KeptObjectMissing("kept.mask-gone", f"{key} is not there any more")
    try:
        if require_readable_size(data) != "PNG":
            raise InvalidImage("it is no PNG")
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.mode != "L":
                raise InvalidImage(f"it is no grey PNG of 8 bits but {image.mode}")
            return np.asarray(image, np.uint8)
    except Exception as error:  # Pillow raises whatever a damaged chunk makes of its code
        raise KeptObjectMissing("kept.mask-unreadable", f"{key}: {one_line(error)}") from None


def read_published(store: ObjectStore, key: str) -> bytes:
    """Return a published file."""
    try:
        return store.read(key)
    except (ObjectMissing, ValueError):  # ValueError: another tool wrote a row whose object is no key
        raise KeptObjectMissing("kept.file-gone", f"there is no published file {key!r}") from None


def find_staged_image(store: ObjectStore, image_key: str) -> Pixels | None:
    """Return the staged pixels; None where a sweep has taken them. Raises `InvalidImage` for a damaged file."""
    data = store.find(layout.staged_image(image_key))
    return None if data is None else decode(data)


def find_staged_document(store: ObjectStore, image_key: str) -> KeptResult | None:
    """Return what was written beside the staged image; None where a sweep has taken it. Raises ValueError."""
    data = store.find(layout.kept_document(image_key))
    if data is None:
        return None
    try:
        values = json.loads(data)
        values.pop(_TAG, None)
        return parse_kept_result(json.dumps(values))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(one_line(error)) from None
