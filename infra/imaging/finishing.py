"""Finish a generated image: whitening, canvas, watermark, JPEG encoding and source mark.

Inputs: pixels (height x width x 3, RGB, 8 bits) and `FinishParameters`, which the recipe keeps and digests. Outputs:
the bytes of the published file.
Invariant: nothing here reads a clock, so the same pixels, parameters and libraries give the same bytes. Another libjpeg
gives others; images are therefore compared by their decoded pixels and never by their files.
"""

import io
from collections.abc import Callable, Mapping
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageCms

from infra.errors import InvalidImage
from infra.imaging.source_marks import mark_packet
from infra.interfaces import Canvas, FinishParameters, Pixels
from infra.interfaces.cutouts import AlphaMask

WHITE = 255
KEPT_ALPHA = 255
"""Alpha of a kept product's core: opaque, so that the pixel is the photo's alone."""
ON_WHITE = (None, "white")
"""Modes of images whose ground is white or should be: a scene is neither whitened nor set into white."""
NEAR_WHITE = 245
"""Background that a person sees as white: decoders give white as 253 +- 1.5, and marketplaces require 255."""

ICC_DATE = slice(24, 36)
"""Where an ICC profile holds its date."""

CANVASES: Mapping[Canvas, float | None] = {"none": None, "square": 1.0, "portrait": 1.44}
"""Height over width of the canvas; 1.44 is Zalando's."""


def finish(
    pixels: Pixels,
    parameters: FinishParameters,
    embed_watermark: Callable[[Pixels], Pixels] | None = None,
    kept: AlphaMask | None = None,
    mode: str | None = None,
) -> bytes:
    """Return the JPEG (4:4:4, sRGB profile, source mark) that these pixels are published as.

    The canvas adds white around the image after the whitening; the watermark comes last before the encoder. `kept` is
    the alpha of a product that is a photo's: neither whitening nor watermark changes a pixel where it is 255, and
    nothing is enlarged. `mode` is how it was kept, None where a model made the image: the mark says so, and a scene's
    ground is left as it is, without whitening and canvas. Raises
    ValueError for a watermark without `embed_watermark`, for enlarging what is kept and for an unknown mode, and
    `InvalidImage` for an array that is not height x width x 3 of uint8.
    """
    _require_rgb(pixels)
    if parameters.whiten and mode in ON_WHITE:
        pixels = protect_core(pixels, whiten(pixels), kept)
    if parameters.enlarge is not None and parameters.enlarge > max(pixels.shape[:2]):
        if kept is not None:
            raise ValueError(f"The finish would enlarge a photo's product to {parameters.enlarge} pixels.")
        pixels = _enlarge(pixels, parameters.enlarge)
    aspect_ratio = CANVASES[parameters.canvas] if mode in ON_WHITE else None
    if aspect_ratio is not None:
        pixels = _pad_to_canvas(pixels, aspect_ratio, WHITE)
        kept = None if kept is None else _pad_to_canvas(kept, aspect_ratio, 0)
    if parameters.watermark is not None:
        if embed_watermark is None:
            raise ValueError(
                f"The finish's 'watermark' is {parameters.watermark!r}, but no code was given to embed it."
            )
        marked = embed_watermark(pixels)
        _require_rgb(marked)
        pixels = protect_core(pixels, marked, kept)
    return _encode_jpeg(pixels, parameters.quality, mark_packet(mode) if parameters.mark else None)


def protect_core(before: Pixels, after: Pixels, kept: AlphaMask | None) -> Pixels:
    """Return `after` with the pixels of `before` where `kept` is 255; `after` itself where nothing is kept.

    A watermark that is embedded so lies in the ground alone, and may be too short of room there to be read back: what
    requires it must read it from the finished pixels, as `infra.provenance.watermarks.require_payload` does. Raises
    `InvalidImage` for sizes that differ.
    """
    if kept is None:
        return after
    if not before.shape == after.shape == (*kept.shape, 3):
        raise InvalidImage(f"Before {before.shape}, after {after.shape} and kept {kept.shape} are not of one size.")
    return np.where((kept == KEPT_ALPHA)[..., None], before, after)


def whiten(pixels: Pixels) -> Pixels:
    """Return a copy in which near-white that touches the border is exactly 255.

    Near-white is every channel at 245 or more, and it must reach the border over edge neighbours: a white shirt
    inside a darker outline keeps its shades.
    """
    near = cv2.inRange(pixels, (NEAR_WHITE,) * 3, (WHITE,) * 3)
    framed = cv2.copyMakeBorder(near, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=WHITE)
    outside = 128
    cv2.floodFill(framed, None, (0, 0), outside, flags=4)
    background = cv2.compare(framed[1:-1, 1:-1], outside, cv2.CMP_EQ)
    return np.asarray(cv2.bitwise_or(pixels, cv2.merge((background,) * 3)), dtype=np.uint8)


def _encode_jpeg(pixels: Pixels, quality: int, mark: bytes | None) -> bytes:
    target = io.BytesIO()
    marks = {"xmp": mark} if mark is not None else {}
    Image.fromarray(np.ascontiguousarray(pixels)).save(
        target, "JPEG", quality=quality, subsampling="4:4:4", icc_profile=srgb_profile(), **marks
    )
    return target.getvalue()


def _require_rgb(pixels: Pixels) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise InvalidImage(f"An image is height x width x 3 of uint8; this array is {pixels.shape} of {pixels.dtype}.")


def _enlarge(pixels: Pixels, long_side: int) -> Pixels:
    height, width = pixels.shape[:2]
    factor = long_side / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _pad_to_canvas(pixels: Pixels, aspect_ratio: float, value: int) -> Pixels:
    """Add `value` on two sides until height over width is `aspect_ratio`; nothing is scaled or cut."""
    height, width = pixels.shape[:2]
    high, wide = max(height, round(width * aspect_ratio)), max(width, round(height / aspect_ratio))
    if (high, wide) == (height, width):
        return pixels
    canvas = np.full((high, wide, *pixels.shape[2:]), value, dtype=np.uint8)
    top, left = (high - height) // 2, (wide - width) // 2
    canvas[top : top + height, left : left + width] = pixels
    return canvas


@cache
def srgb_profile() -> bytes:
    """Return the ICC profile that every finished file carries."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # LittleCMS writes the time of the call here, which would give every process different bytes.
    profile[ICC_DATE] = np.array([2000, 1, 1, 0, 0, 0], dtype=">u2").tobytes()
    return bytes(profile)
