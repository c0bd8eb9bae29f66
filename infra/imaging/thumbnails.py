"""Thumbnails: small images for people to look at.

Inputs: the bytes of a whole PNG or JPEG. Outputs: a small JPEG without metadata. Shrinking averages the pixels that
fall together, so fine patterns turn grey instead of moiré.
"""

import cv2
import numpy as np

from infra.errors import InvalidImage
from infra.imaging.codecs import decode
from infra.interfaces import Pixels

JPEG_QUALITY = 82
"""JPEG quality: at 256 px a product card is 4 to 10 KB, so a sheet of a hundred stays under two megabytes."""


def make_thumbnail(data: bytes, max_side: int) -> bytes:
    """Return the image as a JPEG of at most `max_side` pixels per side; the ratio is kept, and nothing is enlarged.

    Raises `InvalidImage` for bytes that are not a whole PNG or JPEG.
    """
    pixels = decode(data)
    height, width = pixels.shape[:2]
    scale = min(1.0, max_side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if scale < 1.0 else pixels
    return encode_thumbnail(np.asarray(small, np.uint8))


def encode_thumbnail(pixels: Pixels) -> bytes:
    """Return small pixels as a JPEG without metadata."""
    height, width = pixels.shape[:2]
    succeeded, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)
    )
    if not succeeded:
        raise InvalidImage(f"A thumbnail of an image of {width}x{height} could not be encoded.")
    return bytes(encoded.tobytes())
