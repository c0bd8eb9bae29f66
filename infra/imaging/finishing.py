"""What happens to a picture after the model: whitening, canvas, JPEG, marks.

Comes in: pixels (height x width x 3, RGB, 8 bits) and the finish's parameters, which the recipe keeps and digests.
Goes out: the bytes of the file that a shop would show. Nothing here reads a clock, so the same pixels, parameters
and libraries give the same bytes; another libjpeg gives others, which is why pictures are compared by their decoded
pixels and never by their files.
"""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageCms

from infra.errors import InvalidImage
from infra.interfaces import Pixels

TRAINED_ALGORITHMIC_MEDIA = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's term for a picture made by a trained model; Google Merchant asks for it, and EU AI Act Art. 50(2) for such."""

WHITE = 255
NEAR_WHITE = 245
"""Background that a person takes for white: decoders paint white as 253 +- 1.5, and marketplaces ask for 255."""

_SOURCE_TYPE_XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    f' Iptc4xmpExt:DigitalSourceType="{TRAINED_ALGORITHMIC_MEDIA}"/>'
    "</rdf:RDF></x:xmpmeta>"
    '<?xpacket end="r"?>'
).encode()

_SOURCE_TYPE_PATTERN = re.compile(
    rb":DigitalSourceType(?:\s*=\s*[\"']([^\"'<>]{1,400})[\"']|\s*>\s*([^<>]{1,400}?)\s*<)"
)
_ICC_DATE = slice(24, 36)


CANVASES: Mapping[str, float | None] = {"none": None, "square": 1.0, "portrait": 1.44}
"""Height over width of the canvas; 1.44 is Zalando's."""


@dataclass(frozen=True)
class _FinishParameters:
    quality: int = 90
    whiten: bool = False
    canvas: str = "none"
    enlarge: int | None = None
    mark: bool = True
    watermark: str | None = None


_PARAMETER_CHECKS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "quality": ("a whole number from 1 to 100", lambda it: type(it) is int and 1 <= it <= 100),
    "whiten": ("true or false", lambda it: isinstance(it, bool)),
    "canvas": (f"one of {', '.join(CANVASES)}", lambda it: it in tuple(CANVASES)),
    "enlarge": ("a long side in pixels, or nothing", lambda it: it is None or (type(it) is int and 1 <= it <= 8192)),
    "mark": ("true or false", lambda it: isinstance(it, bool)),
    "watermark": ("a watermark's name, or nothing", lambda it: it is None or isinstance(it, str)),
}


def finish(
    pixels: Pixels, parameters: Mapping[str, object], embed_watermark: Callable[[Pixels], Pixels] | None = None
) -> bytes:
    """Return the JPEG (4:4:4, sRGB profile, source mark) that these pixels are published as.

    `pixels` is height x width x 3, uint8, RGB. Parameters, all optional: `quality` 1..100 (90), `whiten` (False),
    `enlarge` (None; long side in pixels that smaller pictures are brought to), `canvas` one of `CANVASES` (white is
    added round the picture, after the whitening), `mark` (True), `watermark` (its name; `hide` is what puts it in, last
    before the encoder). Raises ValueError, naming it, for an unknown parameter or
    a value that cannot be, for a watermark that nobody puts in, and `InvalidImage` for another array.
    """
    plan = _parse_parameters(parameters)
    _require_rgb(pixels)
    if plan.whiten:
        pixels = whiten(pixels)
    if plan.enlarge is not None:
        pixels = _enlarge(pixels, plan.enlarge)
    form = CANVASES[plan.canvas]
    if form is not None:
        pixels = _pad_to_canvas(pixels, form)
    if plan.watermark is not None:
        if embed_watermark is None:
            raise ValueError(f"The finish's 'watermark' is {plan.watermark!r}, and nothing was given that puts it in.")
        pixels = embed_watermark(pixels)
        _require_rgb(pixels)
    target = io.BytesIO()
    marks = {"xmp": _SOURCE_TYPE_XMP} if plan.mark else {}
    Image.fromarray(np.ascontiguousarray(pixels)).save(
        target, "JPEG", quality=plan.quality, subsampling="4:4:4", icc_profile=_srgb_profile(), **marks
    )
    return target.getvalue()


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

    Reads the attribute and the element form, whatever the prefix, without an XML parser (XMP is foreign text).
    Raises `InvalidImage` where `data` is none of them.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
            packet = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp") or b""
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidImage(
            f"These {len(data)} bytes are not a JPEG, PNG or WebP, so no mark can be read: {error}."
        ) from error
    found = _SOURCE_TYPE_PATTERN.search(packet if isinstance(packet, bytes) else str(packet).encode("utf-8", "replace"))
    return (found[1] or found[2]).decode("utf-8", "replace") if found else None


def _parse_parameters(parameters: Mapping[str, object]) -> _FinishParameters:
    known = [each.name for each in fields(_FinishParameters)]
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise ValueError(f"A finish has no parameter {', '.join(map(repr, unknown))}; it knows {', '.join(known)}.")
    for name, value in parameters.items():
        wanted, holds = _PARAMETER_CHECKS[name]
        if not holds(value):
            raise ValueError(f"The finish's {name!r} is {value!r}; give {wanted}.")
    return _FinishParameters(**parameters)  # type: ignore[arg-type]


def _require_rgb(pixels: Pixels) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise InvalidImage(f"A picture is height x width x 3 of uint8; this is {pixels.shape} of {pixels.dtype}.")


def _enlarge(pixels: Pixels, long_side: int) -> Pixels:
    height, width = pixels.shape[:2]
    factor = long_side / max(height, width)
    if factor <= 1:
        return pixels
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _pad_to_canvas(pixels: Pixels, aspect_ratio: float) -> Pixels:
    """Add white on two sides until height over width is `form`; nothing is scaled or cut."""
    height, width = pixels.shape[:2]
    high, wide = max(height, round(width * aspect_ratio)), max(width, round(height / aspect_ratio))
    if (high, wide) == (height, width):
        return pixels
    canvas = np.full((high, wide, 3), WHITE, dtype=np.uint8)
    top, left = (high - height) // 2, (wide - width) // 2
    canvas[top : top + height, left : left + width] = pixels
    return canvas


@cache
def _srgb_profile() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # LittleCMS writes the time of the call here, which would give every process other bytes.
    profile[_ICC_DATE] = np.array([2000, 1, 1, 0, 0, 0], dtype=">u2").tobytes()
    return bytes(profile)
