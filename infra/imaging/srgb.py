"""Colour conversion: any image that Pillow decodes, as 8-bit sRGB, and its opacity.

Inputs: a decoded Pillow image of any colour model (grey, palette, CMYK, Lab, 16-bit grey), and an ICC profile.
Outputs: an RGB image, or an array of opacities. A profile that cannot be applied is left out, since a slightly wrong
colour is better than no picture. Pillow keeps 16 bits of grey alone; colours of 16 bits are scaled by
`infra.photos.reading` before they come here.
"""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

MAX_PROFILE_BYTES = 4 * 2**20
"""A printer's largest tables are about 3 MB."""

_OPAQUE = 255
_SIXTEEN_BIT_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")


def to_srgb(image: Image.Image) -> Image.Image:
    """Return the image as RGB in sRGB, without its opacity."""
    profile = image.info.get("icc_profile")
    if image.mode in _SIXTEEN_BIT_MODES:
        image = Image.fromarray(to_eight_bits(np.asarray(image)))
    if image.mode in ("P", "PA", "1", "LA", "RGBA"):
        image = image.convert("RGB" if image.mode != "LA" else "L")
    if image.mode == "LAB":
        return ImageCms.profileToProfile(
            image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
        ) or image.convert("RGB")
    converted = _apply_profile(image, profile) if profile and len(profile) <= MAX_PROFILE_BYTES else None
    return converted if converted is not None else image.convert("RGB")


def read_alpha(image: Image.Image) -> npt.NDArray[np.uint8] | None:
    """Return the opacity (height x width, 255 = opaque); None where there is none, or nothing but opaque pixels."""
    if not image.has_transparency_data:
        return None
    if image.mode in _SIXTEEN_BIT_MODES:  # one grey value is transparent
        alpha = np.where(np.asarray(image) == image.info["transparency"], 0, _OPAQUE).astype(np.uint8)
    else:
        alpha = np.asarray(image.convert("RGBA").getchannel("A"), np.uint8)
    return None if (alpha == _OPAQUE).all() else alpha


def to_eight_bits(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Return values of 0 to 65535, rounded to the nearest of 0 to 255; values outside are clipped."""
    return np.asarray(_EIGHT_BITS[np.clip(values, 0, 65535).astype(np.uint16)], np.uint8)


_EIGHT_BITS = ((np.arange(65536) * 255 + 32767) // 65535).astype(np.uint8)


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Return the image in sRGB; None for a profile that is damaged or of another colour model than the image."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
