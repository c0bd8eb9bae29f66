"""Photo copy: a small JPEG of a shop's photo for people to look at, without anything else of the file.

Inputs: the bytes of a photo, of any origin; a longest side. Outputs: a JPEG without metadata, and the photo's upright
size; `InvalidPhoto` for what cannot be read. The original bytes are never passed on: what a decoder made of them is
encoded anew. Where a photo is transparent it is shown on white.
"""

from typing import NamedTuple

import cv2
import numpy as np

from infra.imaging.thumbnails import encode_thumbnail
from infra.photos.reading import DEFAULT_LIMITS, PhotoLimits, read_reduced


class PhotoCopy(NamedTuple):
    """A small copy of a photo, and the size of the photo itself."""

    jpeg: bytes
    width: int
    height: int


def copy_photo(data: bytes, max_side: int, limits: PhotoLimits = DEFAULT_LIMITS) -> PhotoCopy:
    """Return a copy of at most `max_side` pixels a side; nothing is enlarged. Raises `InvalidPhoto`."""
    photo = read_reduced(data, max_side, limits)
    scale = min(1.0, max_side / max(photo.height, photo.width))
    size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    small = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA) if scale < 1 else photo.pixels
    if photo.alpha is not None:
        alpha = cv2.resize(photo.alpha, size, interpolation=cv2.INTER_AREA) if scale < 1 else photo.alpha
        share = np.asarray(alpha, np.float32)[..., None] / 255
        small = np.asarray(np.rint(small * share + 255 * (1 - share)), np.uint8)
    return PhotoCopy(encode_thumbnail(np.asarray(small, np.uint8)), photo.width, photo.height)
