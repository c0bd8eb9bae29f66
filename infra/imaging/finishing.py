"""Finish a generated image: whitening, canvas, watermark, JPEG encoding and source mark.

Inputs: pixels (height x width x 3, RGB, 8 bits) and `FinishParameters`, which the recipe keeps and digests. Outputs:
the bytes of the published file.
Invariant: nothing here reads a clock, so the same pixels, parameters and libraries give the same bytes. Another libjpeg
gives others; images are therefore compared by their decoded pixels and never by their files.
"""

import io
import re
from collections.abc import Callable, Mapping
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageCms

from infra.errors import InvalidImage
from infra.interfaces import Canvas, FinishParameters, Pixels

TRAINED_ALGORITHMIC_MEDIA = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's term for an image made by a trained model. Google Merchant requires it, EU AI Act Art. 50(2) a mark."""

WHITE = 255
NEAR_WHITE = 245
"""Background that a person sees as white: decoders give white as 253 +- 1.5, and marketplaces require 255."""

SOURCE_TYPE_XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    f' Iptc4xmpExt:DigitalSourceType="{TRAINED_ALGORITHMIC_MEDIA}"/>'
    "</rdf:RDF></x:xmpmeta>"
    '<?xpacket end="r"?>'
).encode()
"""The XMP packet of a finished file that carries the source mark."""

_SOURCE_TYPE_PATTERN = re.compile(
    rb":DigitalSourceType(?:\s*=\s*[\"']([^\"'<>]{1,400})[\"']|\s*>\s*([^<>]{1,400}?)\s*<)"
)
ICC_DATE = slice(24, 36)
"""Where an ICC profile holds its date."""

CANVASES: Mapping[Canvas, float | None] = {"none": None, "square": 1.0, "portrait": 1.44}
"""Height over width of the canvas; 1.44 is Zalando's."""


def finish(
    pixels: Pixels, parameters: FinishParameters, embed_watermark: Callable[[Pixels], Pixels] | None = None
) -> bytes:
    """Return the JPEG (4:4:4, sRGB profile, source mark) that these pixels are published as.

    The canvas adds white around the image after the whitening; the watermark comes last before the encoder.
    Raises ValueError for a watermark without `embed_watermark`, and `InvalidImage` for an array that is not
    height x width x 3 of uint8.
    """
    _require_rgb(pixels)
    if parameters.whiten:
        pixels = whiten(pixels)
    if parameters.enlarge is not None:
        pixels = _enlarge(pixels, parameters.enlarge)
    aspect_ratio = CANVASES[parameters.canvas]
    if aspect_ratio is not None:
        pixels = _pad_to_canvas(pixels, aspect_ratio)
    if parameters.watermark is not None:
        if embed_watermark is None:
            raise ValueError(
                f"The finish's 'watermark' is {parameters.watermark!r}, but no code was given to embed it."
            )

        pixels = embed_watermark(pixels)
        _require_rgb(pixels)
    return _encode_jpeg(pixels, parameters)


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


def read_source_type(data: bytes) -> str | None:
    """Return the IPTC DigitalSourceType in the XMP of a JPEG, PNG or WebP, or None where there is none.

    Reads the attribute and the element form, whatever the prefix, without an XML parser, since XMP is untrusted text.
    Raises `InvalidImage` where `data` is none of them.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidImage(
            f"These {len(data)} bytes are not a JPEG, PNG or WebP, so no mark can be read: {error}."
        ) from error
    match = _SOURCE_TYPE_PATTERN.search(packet if isinstance(packet, bytes) else str(packet).encode("utf-8", "replace"))
    return (match[1] or match[2]).decode("utf-8", "replace") if match else None


def _encode_jpeg(pixels: Pixels, parameters: FinishParameters) -> bytes:
    target = io.BytesIO()
    marks = {"xmp": SOURCE_TYPE_XMP} if parameters.mark else {}
    Image.fromarray(np.ascontiguousarray(pixels)).save(
        target, "JPEG", quality=parameters.quality, subsampling="4:4:4", icc_profile=srgb_profile(), **marks
    )
    return target.getvalue()


def _require_rgb(pixels: Pixels) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise InvalidImage(f"An image is height x width x 3 of uint8; this array is {pixels.shape} of {pixels.dtype}.")


def _enlarge(pixels: Pixels, long_side: int) -> Pixels:
    height, width = pixels.shape[:2]
    factor = long_side / max(height, width)
    if factor <= 1:
        return pixels
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _pad_to_canvas(pixels: Pixels, aspect_ratio: float) -> Pixels:
    """Add white on two sides until height over width is `aspect_ratio`; nothing is scaled or cut."""
    height, width = pixels.shape[:2]
    high, wide = max(height, round(width * aspect_ratio)), max(width, round(height / aspect_ratio))
    if (high, wide) == (height, width):
        return pixels
    canvas = np.full((high, wide, 3), WHITE, dtype=np.uint8)
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
