"""Refinement: a cutter's mask becomes a cut-out with a soft edge, and with the product's own colours at that edge.

Inputs: a photo, a mask, the cutter's name and version. Outputs: the finished mask (`refine_mask`), and the `Cutout` of
a finished mask (`restore_cutout`), whether it was finished a moment ago or by an earlier run.
Only a band of 0.4 % of the long side around the mask's outline is decided anew. Its opacity says how far a pixel is on
the way from the ground's colour beside it to the product's, within what its distance from the outline allows. Its
colours are the product's, so that no halo of the old ground comes along: colours are estimated by blur fusion (Forte,
"Approximate Fast Foreground Colour Estimation", ICIP 2021), in two passes, a wide and a narrow one.

Where the opacity is 255 the pixels are the photo's own, bit for bit; where it is 0 they are 0. A mask that came in the
photo's file is kept as it is: its soft pixels already have the product's colours, as PNG defines them.
The work is done in boxes along the outline, so that a photo of any size takes the memory of a tile.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from infra.interfaces import AlphaMask, Cutout, Photo, Pixels

Floats = npt.NDArray[np.float32]
Planes = Floats
"""3 x height x width: red, green and blue, apart."""

BAND_SHARE = 0.004
"""Half the band's width over the photo's long side: a mask of 320 px misses an outline by about one of its pixels."""

MIN_CONTRAST = 20.0
"""Distance of product and ground (RGB levels) from which a pixel's colour says how opaque it is."""

TRANSPARENT_BELOW, OPAQUE_FROM = 8, 247
"""Opacities (of 255) that are rounded to 0 and to 255: a JPEG's noise is no transparency."""

_Part = tuple[slice, slice]
_MIN_TILE, _TILE_BANDS, _MARGIN_BANDS = 160, 20, 6
"""A tile's side in pixels or half bands, whichever is more, and its margin: what the blurs of one step reach."""

_WIDE, _NARROW = 4, 1
"""Half the blurs' windows over half the band: the wide one reaches pixels that surely are product or ground."""


def refine_cutout(photo: Photo, mask: AlphaMask, cutter: str, version: str) -> Cutout:
    """Return the cut-out of a photo by a cutter's mask of its size; what is at least half opaque counts as product."""
    return restore_cutout(photo, refine_mask(photo, mask), cutter, version)


def refine_mask(photo: Photo, mask: AlphaMask) -> AlphaMask:
    """Return the finished mask; what is at least half opaque counts as product."""
    half_band = max(2, round(BAND_SHARE * max(mask.shape)))
    product = np.asarray(mask >= 128, np.uint8)
    alpha = product * np.uint8(255)
    outline = cv2.morphologyEx(product, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    reach = half_band + half_band // 8 + 1  # distances below are up to a twentieth shorter than they are
    for tile in _tiles(np.asarray(outline, np.uint8), half_band, reach):
        opacity = np.rint(_opacity(_planes(photo.pixels[tile.read]), product[tile.read], tile.inner, half_band) * 255)
        opacity[opacity < TRANSPARENT_BELOW] = 0
        opacity[opacity >= OPAQUE_FROM] = 255
        alpha[tile.write] = opacity
    return alpha


def keep_cutout(photo: Photo, mask: AlphaMask, cutter: str, version: str) -> Cutout:
    """Return the cut-out by a mask that came with the photo, as it came."""
    return Cutout(_without_ground(photo, mask), mask, cutter, version)


def restore_cutout(photo: Photo, alpha: AlphaMask, cutter: str, version: str) -> Cutout:
    """Return the cut-out of a finished mask, which stays as it is; colours of soft pixels are estimated from it."""
    half_band = max(2, round(BAND_SHARE * max(alpha.shape)))
    soft = np.asarray((alpha > 0) & (alpha < 255), np.uint8)
    pixels = _without_ground(photo, alpha)
    for tile in _tiles(soft, half_band, 0):
        opacity = alpha[tile.read].astype(np.float32) / np.float32(255)
        colours = _foreground(_planes(photo.pixels[tile.read]), opacity, tile.inner, half_band)
        inside = np.nonzero(soft[tile.write])
        red_green_blue = [plane[inside] for plane in colours]
        pixels[tile.write][inside] = np.rint(np.clip(np.stack(red_green_blue, axis=1), 0, 255)).astype(np.uint8)
    return Cutout(pixels, alpha, cutter, version)


def _without_ground(photo: Photo, alpha: AlphaMask) -> Pixels:
    return np.asarray(cv2.copyTo(photo.pixels, alpha), np.uint8)


@dataclass(frozen=True)
class _Tile:
    """A part of the photo to read, the part of it to write, and where the latter lies in the former."""

    read: _Part
    write: _Part
    inner: _Part


def _tiles(marked: AlphaMask, half_band: int, reach: int) -> Iterator[_Tile]:
    """Yield, of each tile, the box that holds all of it that lies within `reach` of a marked pixel."""
    side, margin = max(_MIN_TILE, _TILE_BANDS * half_band), _MARGIN_BANDS * half_band
    height, width = marked.shape
    for top, left in itertools.product(range(0, height, side), range(0, width, side)):
        tile = slice(top, min(height, top + side)), slice(left, min(width, left + side))
        near = _widened(tile, reach)
        x, y, across, down = cv2.boundingRect(marked[near])
        if across:
            y, x = y + near[0].start, x + near[1].start
            box = slice(y, y + down), slice(x, x + across)
            write = _intersection(_widened(box, reach), tile)
            read = _widened(write, margin)
            yield _Tile(read, write, _seen_from(write, read))


def _widened(part: _Part, margin: int) -> _Part:
    rows, columns = (slice(max(0, along.start - margin), along.stop + margin) for along in part)
    return rows, columns


def _intersection(one: _Part, other: _Part) -> _Part:
    rows, columns = (slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return rows, columns


def _seen_from(part: _Part, other: _Part) -> _Part:
    """Return where a part lies in another one that holds it."""
    rows, columns = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(part, other, strict=True))
    return rows, columns


def _planes(pixels: Pixels) -> Planes:
    return np.stack(cv2.split(pixels)).astype(np.float32)


def _opacity(planes: Planes, product: AlphaMask, inner: _Part, half_band: int) -> Floats:
    """Return how opaque each inner pixel is, 0 to 1: by its colour between product and ground, near the outline."""
    rough, distance = product.astype(np.float32), _signed_distance(product)
    # What is farther from the outline than the band surely is product or ground; thin parts have no such pixels.
    sure = (distance >= half_band) + np.float32(1e-3) * rough
    sure_ground = (distance <= -half_band) + np.float32(1e-3) * (1 - rough)
    blurs = (_weighted_blur(planes, weights, _WIDE * half_band, inner) for weights in (sure, sure_ground))
    inside, outside = blurs
    smooth = cv2.GaussianBlur(rough, (0, 0), 0.7)[inner]
    ways = inside - outside
    length, along = (ways * ways).sum(axis=0), ((planes[:, *inner] - outside) * ways).sum(axis=0)
    share = np.where(length >= MIN_CONTRAST**2, along / np.maximum(length, 1), smooth)
    free, distance = half_band - 1, distance[inner]
    return np.asarray(np.clip(share, np.clip(distance - free, 0, 1), np.clip(1 + distance + free, 0, 1)), np.float32)


def _signed_distance(product: AlphaMask) -> Floats:
    """Return the distance from the outline in pixels, above 0 inside; pixels beside the outline have 0."""
    inside, outside = (cv2.distanceTransform(plane, cv2.DIST_L2, 3) for plane in (product, 1 - product))
    return np.asarray(np.maximum(inside - 1, 0) - np.maximum(outside - 1, 0), np.float32)


def _foreground(planes: Planes, opacity: Floats, inner: _Part, half_band: int) -> Planes:
    """Return the product's colours at the inner pixels by blur fusion: a smooth guess, corrected by what it fails to
    explain."""
    near = _widened(inner, 2 * _NARROW * half_band)  # what the narrow blur reads
    product, ground, rest = planes, planes, 1 - opacity
    for width, part in ((_WIDE * half_band, near), (_NARROW * half_band, _seen_from(inner, near))):
        smooth = _weighted_blur(product, opacity, width, part)
        ground = _weighted_blur(ground, rest, width, part)
        planes, opacity, rest = planes[:, *part], opacity[part], rest[part]
        product = smooth + opacity * (planes - opacity * smooth - rest * ground)
    return product


def _weighted_blur(planes: Planes, weights: Floats, width: int, part: _Part) -> Planes:
    """Return the means of the weighted pixels in windows of 2 width + 1 around each pixel of a part."""
    # Four channels at once: a box filter takes half as long for each of them as for one by itself.
    sums = cv2.boxFilter(cv2.merge([*(planes * weights), weights]), cv2.CV_32F, (2 * width + 1,) * 2)
    *colours, total = cv2.split(sums[part])
    scale = 1 / np.maximum(total, np.float32(1e-6))
    return np.stack([colour * scale for colour in colours])
