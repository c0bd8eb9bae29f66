"""Shop photos: read a picture as a shop holds it, into upright sRGB pixels and its transparency.

Inputs: the bytes of a JPEG or PNG of any colour model (grey, palette, CMYK, 16 bit), with an ICC profile, an EXIF
orientation, transparency, or bytes after its end, as phones and image editors write them. Outputs: a `ShopPhoto`.
The size is read from the header and limited before anything is allocated. A profile that cannot be applied is left out,
since a slightly wrong colour is better than no picture. Images that Packshot made are read by `infra.imaging.codecs`,
which is stricter.
"""

import io
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps

from infra.errors import InvalidImage, one_line
from infra.imaging.codecs import require_readable_size
from infra.interfaces import Pixels

_FORMATS = ("JPEG", "PNG")
_MAX_PROFILE_BYTES = 4 * 2**20  # a printer's largest tables are about 3 MB
_WHITE = 255
_SIXTEEN_BIT_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")


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

    Raises `InvalidImage` for another format, for a file that is cut short or damaged, and for more pixels than are
    ever read.
    """
    require_readable_size(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
            image.load()
            upright = ImageOps.exif_transpose(image)
            alpha = _read_alpha(upright)
            return ShopPhoto(np.asarray(_to_srgb(upright), np.uint8), alpha)
    except Exception as error:  # Pillow raises whatever a damaged chunk makes of its code: IndexError, struct.error
        raise InvalidImage(f"These {len(data)} bytes could not be decoded: {one_line(error)}.") from error


def _read_alpha(image: Image.Image) -> npt.NDArray[np.uint8] | None:
    if not image.has_transparency_data:
        return None
    alpha = np.asarray(image.convert("RGBA").getchannel("A"), np.uint8)
    return None if (alpha == _WHITE).all() else alpha


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode in _SIXTEEN_BIT_MODES:
        grey = np.asarray(image).astype(np.float32) / 257  # 65535 is white
        image = Image.fromarray(np.clip(grey + 0.5, 0, _WHITE).astype(np.uint8))
    if image.mode in ("P", "PA", "1", "LA", "RGBA"):
        image = image.convert("RGB" if image.mode != "LA" else "L")
    converted = _apply_profile(image, profile) if profile and len(profile) <= _MAX_PROFILE_BYTES else None
    return converted if converted is not None else image.convert("RGB")


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Return the image in sRGB; None for a profile that is damaged or of another colour model than the image."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
