"""Shop photos: read a picture as a shop holds it, into upright sRGB pixels and its transparency.

Inputs: the bytes of a JPEG or PNG of any colour model (grey, palette, CMYK, 16 bit), with an ICC profile, an EXIF
orientation, transparency, or bytes after its end, as phones and image editors write them. Outputs: a `ShopPhoto`.
`infra.photos.reading` reads them, as it reads every photo, but of any length and from one pixel on. Images that
Packshot made are read by `infra.imaging.codecs`, which is stricter.
"""

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from infra.errors import InvalidImage
from infra.imaging.codecs import require_readable_size
from infra.interfaces import Pixels
from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.reading import PhotoLimits, read_photo

_LIMITS = PhotoLimits(max_bytes=sys.maxsize, max_side=sys.maxsize, min_side=1)
_WHITE = 255


@dataclass(frozen=True)
class ShopPhoto:
    """A photo's pixels (height x width x 3, uint8, sRGB, upright) and its opacity (height x width, uint8), if any."""

    pixels: Pixels
    alpha: npt.NDArray[np.uint8] | None

    def over_white(self) -> Pixels:
        """Return the pixels as a shop's page shows them: on white, where the photo is transparent."""
        if self.alpha is None:
            return self.pixels
        opacity = self.alpha[..., None].astype(np.uint16)
        blended = (self.pixels * opacity + _WHITE * (_WHITE - opacity) + _WHITE // 2) // _WHITE
        return np.asarray(blended, np.uint8)


def read_shop_photo(data: bytes) -> ShopPhoto:
    """Return a photo.

    Raises `InvalidImage` for another format, for a file that is cut short, damaged or made to harm, and for more pixels
    than are ever read.
    """
    require_readable_size(data)
    try:
        photo = read_photo(data, _LIMITS)
    except InvalidPhoto as refused:
        raise InvalidImage(f"These {len(data)} bytes could not be decoded: {refused}") from refused
    return ShopPhoto(photo.pixels, photo.alpha)
