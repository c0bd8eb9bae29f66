"""Read a shop's photo into upright sRGB pixels and its opacity, or say why it cannot be used.

Inputs: the bytes of a JPEG, PNG, WebP, TIFF or GIF of any colour model and depth, and limits. Outputs: a `Photo`, or
`InvalidPhoto` with a reason code. Kind, frames and size are judged by `infra.photos.photo_headers` before a decoder
sees the file, so that memory is bounded by `MEMORY_BYTES_A_PIXEL` times the allowed pixels, whatever the file claims.
Pillow decodes; nothing is cut, enlarged or sharpened. Its own limits are not relied upon.
16 bits become 8 by rounding, where Pillow would cut: its decoder reads a file's high and low bytes in two passes.
Premultiplied and grey-with-opacity files of 16 bits are the exception, and up to one level darker.
"""

import hashlib
import io
import math
import sys
import warnings
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from PIL import Image, ImageFile

from infra.errors import one_line
from infra.imaging.codecs import MAX_PIXELS
from infra.imaging.srgb import read_alpha, to_eight_bits, to_srgb
from infra.interfaces.cutouts import AlphaMask, Photo
from infra.interfaces.pixels import Pixels
from infra.photos.file_kinds import MAX_PHOTO_BYTES, recognise_kind, require_single_meaning
from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.photo_headers import PhotoHeader, read_header
from infra.photos.tiff_header import read_orientation

MEMORY_BYTES_A_PIXEL: Final = 24
"""What reading takes at its peak, beside the file itself; 16 bits with opacity and a profile take most."""

_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = tuple(_TURNS[orientation] for orientation in (5, 6, 7, 8))
_READABLE_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "I;16", "I;16B"})
_HIGH_BYTE_MODES = frozenset({"RGB;16", "RGBA;16", "RGBX;16", "CMYK;16"})
_BAND_ROWS = 64
_OTHER_BYTE: Final = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


@dataclass(frozen=True)
class PhotoLimits:
    """What a photo may be.

    `max_pixels` is every decoder's limit here, `max_side` WebP's own, and `min_side` Google Merchant's for products
    other than apparel (apparel: 250). What an output needs is the recipe's to ask: nothing is enlarged.
    """

    max_bytes: int = MAX_PHOTO_BYTES
    max_pixels: int = MAX_PIXELS
    max_side: int = 16_383
    min_side: int = 100


DEFAULT_LIMITS: Final = PhotoLimits()


class PhotoPreview(NamedTuple):
    """A photo to be looked at, perhaps with fewer pixels, and the upright size that it has as a whole."""

    pixels: Pixels
    alpha: AlphaMask | None
    width: int
    height: int


def read_photo(data: bytes, limits: PhotoLimits = DEFAULT_LIMITS) -> Photo:
    """Return the photo. Raises `InvalidPhoto`, and nothing else."""
    return _read(data, check_photo(data, limits))


def _read(data: bytes, header: PhotoHeader, least_side: int = 0) -> Photo:
    kind = header.kind
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged metadata, and of Pillow's limit, which ours replaces
            pixels, alpha = _decode(data, header, least_side)
    except InvalidPhoto:
        raise
    except Exception as error:  # Pillow raises whatever a damaged file makes of its code: IndexError, struct.error
        raise InvalidPhoto(
            "photo.unreadable", f"The photo is a damaged {kind}: {one_line(error, 120)}; export it again."
        ) from None
    return Photo(pixels, alpha, hashlib.sha256(data).hexdigest())


def read_reduced(data: bytes, least_side: int, limits: PhotoLimits = DEFAULT_LIMITS) -> PhotoPreview:
    """Return the photo to be looked at: a JPEG at a half, a quarter or an eighth, no shorter than `least_side`.

    A JPEG's decoder leaves out what is not asked for: its time and memory fall with the pixels. Files of other kinds
    come as they are. Raises `InvalidPhoto`, and nothing else.
    """
    header = check_photo(data, limits)
    photo = _read(data, header, least_side)
    height, width = photo.pixels.shape[:2]
    is_turned = header.kind == "JPEG" and _is_on_its_side(data, header)
    whole = (header.height, header.width) if is_turned else (header.width, header.height)
    return PhotoPreview(photo.pixels, photo.alpha, *(whole if header.kind == "JPEG" else (width, height)))


def reduced_memory(header: PhotoHeader, least_side: int) -> int:
    """Return the bytes that `read_reduced` takes at its peak for a file of this header, beside the file."""
    share = _reduction(header, least_side)
    return math.ceil(header.width / share) * math.ceil(header.height / share) * MEMORY_BYTES_A_PIXEL


def check_photo(data: bytes, limits: PhotoLimits = DEFAULT_LIMITS) -> PhotoHeader:
    """Return the header of what may be a photo, without decoding it. Raises `InvalidPhoto`, and nothing else.

    What passes may still be damaged further in, which `read_photo` finds; it is no bomb, no document and no page.
    """
    if len(data) > limits.max_bytes:
        raise InvalidPhoto(
            "photo.too-many-bytes",
            f"The photo has {len(data):,} bytes, more than the limit of {limits.max_bytes:,}; save it smaller.",
        )
    kind = recognise_kind(data)
    require_single_meaning(data)
    header = read_header(data, kind)
    _check_header(header, limits)
    return header


def _check_header(header: PhotoHeader, limits: PhotoLimits) -> None:
    size = f"{header.width:,} x {header.height:,} pixels"
    if header.frames > 1:
        raise InvalidPhoto(
            "photo.animated", "The photo has several frames or pages; save the one that shows the product as a file."
        )
    if max(header.width, header.height) > limits.max_side or header.width * header.height > limits.max_pixels:
        raise InvalidPhoto(
            "photo.too-large",
            f"The photo has {size}; no more than {limits.max_side:,} a side and {limits.max_pixels:,} in all are read.",
        )
    if min(header.width, header.height) < limits.min_side:
        raise InvalidPhoto("photo.too-small", f"The photo has {size}; each side needs at least {limits.min_side}.")


def _decode(data: bytes, header: PhotoHeader, least_side: int) -> tuple[Pixels, AlphaMask | None]:
    with _open(data, header) as image:
        if image.mode not in _READABLE_MODES:
            raise InvalidPhoto(
                "photo.wrong-format", f"The photo has values of the kind {image.mode!r}; save it with 8 or 16 bits."
            )
        is_negative = header.kind == "TIFF" and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO  # type: ignore[attr-defined]
        has_low_bytes = bool(image.tile) and _raw_mode(image)[:-1] in _HIGH_BYTE_MODES
        if (share := _reduction(header, least_side)) > 1:
            image.draft(None, (image.width // share, image.height // share))
        image.load()
        upright = _turn(image)
    if has_low_bytes:
        upright = _with_low_bytes(upright, data, header)
    elif upright.mode.startswith("I;16") and is_negative:  # 8 bits are turned around by Pillow, 16 are not
        upright = Image.fromarray(0xFFFF - np.asarray(upright))
    alpha = read_alpha(upright)
    return np.asarray(to_srgb(upright), np.uint8), alpha


def _open(data: bytes, header: PhotoHeader) -> ImageFile.ImageFile:
    """Open the file, and make sure that the decoder sees the same picture in it as the header's reader."""
    image = Image.open(io.BytesIO(data), formats=(header.kind,))
    if not isinstance(image, ImageFile.ImageFile) or sorted(image.size) != sorted((header.width, header.height)):
        raise ValueError("its sizes contradict each other")
    return image


def _reduction(header: PhotoHeader, least_side: int) -> int:
    """Return by what a JPEG's sides are divided where its longest stays at least `least_side`; 0 asks for all of it."""
    if header.kind != "JPEG" or not least_side:
        return 1
    longest = max(header.width, header.height)
    return next((share for share in (8, 4, 2) if longest >= share * least_side), 1)


def _is_on_its_side(data: bytes, header: PhotoHeader) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _open(data, header) as image:
            return _turn_of(image) in _ON_ITS_SIDE


def _turn_of(image: ImageFile.ImageFile) -> Image.Transpose | None:
    exif = image.info.get("exif") if image.format != "TIFF" else None
    return _TURNS.get(read_orientation(exif)) if isinstance(exif, bytes) else None


def _turn(image: ImageFile.ImageFile) -> Image.Image:
    """Return the loaded image upright. Pillow turns TIFFs as it loads them; damaged metadata turns nothing."""
    turn = _turn_of(image)
    turned = image if turn is None else image.transpose(turn)
    turned.info = image.info
    return turned


def _raw_mode(image: ImageFile.ImageFile) -> str:
    """Return how the decoder unpacks the file's values, such as RGB;16B."""
    arguments = image.tile[0].args
    return str(arguments if isinstance(arguments, str) else (arguments or ("",))[0])


def _with_low_bytes(high: Image.Image, data: bytes, header: PhotoHeader) -> Image.Image:
    """Return the image of the high bytes, rounded by the low ones; PNG's transparent colour becomes an opacity."""
    with _open(data, header) as file:
        raw_mode = _raw_mode(file)
        other = raw_mode[:-1] + _OTHER_BYTE[raw_mode[-1]]
        file.tile = [
            tile._replace(args=other if isinstance(tile.args, str) else (other, *(tile.args or ())[1:]))
            for tile in file.tile
        ]
        file.load()
        low = _turn(file)
    transparent = high.info.get("transparency") if high.mode == "RGB" else None
    rounded, alpha = _round_bytes(np.asarray(high), np.asarray(low), transparent)
    image = Image.fromarray(rounded, high.mode)
    image.info = {name: value for name, value in high.info.items() if name != "transparency"}
    if alpha is not None:
        image.putalpha(Image.fromarray(alpha))
    return image


def _round_bytes(high: Pixels, low: Pixels, transparent: object) -> tuple[Pixels, AlphaMask | None]:
    """Return the rounded values and, where a colour is transparent, the opacity; a band of rows at a time."""
    rounded = np.empty_like(high)
    alpha = None if transparent is None else np.empty(high.shape[:2], np.uint8)
    for start in range(0, len(high), _BAND_ROWS):
        band = slice(start, start + _BAND_ROWS)
        values = high[band].astype(np.uint16) << 8 | low[band]
        rounded[band] = to_eight_bits(values)
        if alpha is not None:
            alpha[band] = np.where((values == np.asarray(transparent, np.uint16)).all(axis=2), 0, 255)
    return rounded, alpha
