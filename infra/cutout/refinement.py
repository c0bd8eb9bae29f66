"""Refinement: a cutter's mask becomes a cut-out with a soft edge, and with the product's own colours at that edge.

Inputs: a photo, a mask, the cutter's name and version. Outputs: a `Cutout`.
Only a band of 0.4 % of the long side around the mask's outline is decided anew. Its opacity says how far a pixel is on
the way from the ground's colour beside it to the product's, within what its distance from the outline allows. Its
colours are the product's, so that no halo of the old ground comes along: colours are estimated by blur fusion (Forte,
"Approximate Fast Foreground Colour Estimation", ICIP 2021), in two passes, a wide and a narrow one.

Where the opacity is 255 the pixels are the photo's own, bit for bit; where it is 0 they are 0. A mask that came in the
photo's file is kept as it is: its soft pixels already have the product's colours, as PNG defines them.
The work is done in tiles along the outline, so that a photo of any size takes the memory of a tile.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from infra.interfaces import AlphaMask, Cutout, Photo, Pixels

Floats = npt.NDArray[np.float32]
Planes = list[Floats]
"""Red, green and blue, apart: three times as fast as pixels of three channels."""

BAND_SHARE = 0.004
"""Half the band's width over the photo's long side: a mask of 320 px misses an outline by about one of its pixels."""

MIN_CONTRAST = 20.0
"""Distance of product and ground (RGB levels) from which a pixel's colour says how opaque it is."""

TRANSPARENT_BELOW, OPAQUE_FROM = 8, 247
"""Opacities (of 255) that are rounded to 0 and to 255: a JPEG's noise is no transparency."""

_Part = tuple[slice, slice]
_MIN_TILE, _TILE_BANDS, _MARGIN_BANDS = 128, 16, 10
"""A tile's side in pixels or half bands, whichever is more, and its margin: what all blurs together reach."""

_WIDE, _NARROW = 4, 1
"""Half the blurs' windows over half the band: the wide one reaches pixels that surely are product or ground."""


def refine_cutout(photo: Photo, mask: AlphaMask, cutter: str, version: str) -> Cutout:
    """Return the cut-out of a photo by a mask of its size; what is at least half opaque counts as product."""
    half_band = max(2, round(BAND_SHARE * max(mask.shape)))
    product = np.asarray(mask >= 128, np.uint8)
    alpha, pixels = product * np.uint8(255), photo.pixels * product[..., None]
    outline = cv2.morphologyEx(product, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    for tile in _tiles(outline, half_band):
        colours, opacity = _refine(photo.pixels[tile.read], product[tile.read], half_band)
        pixels[tile.write], alpha[tile.write] = colours[tile.inner], opacity[tile.inner]
    return Cutout(pixels, alpha, cutter, version)


def keep_cutout(photo: Photo, mask: AlphaMask, cutter: str, version: str) -> Cutout:
    """Return the cut-out by a mask that came with the photo, as it came."""
    return Cutout(photo.pixels * (mask > 0).astype(np.uint8)[..., None], mask, cutter, version)


def restore_cutout(photo: Photo, alpha: AlphaMask, cutter: str, version: str) -> Cutout:
    """Return the cut-out of a finished mask, as `refine_cutout` left it in the store.

    The mask stays as it is; the colours of its soft pixels are estimated from it, so that they are the same whether the
    mask was made a moment ago or by an earlier run.
    """
    half_band = max(2, round(BAND_SHARE * max(alpha.shape)))
    soft = (alpha > 0) & (alpha < 255)
    pixels = photo.pixels * (alpha > 0).astype(np.uint8)[..., None]
    for tile in _tiles(soft, half_band):
        inside = soft[tile.write]
        planes = [plane.astype(np.float32) for plane in cv2.split(photo.pixels[tile.read])]
        colours = _foreground(planes, alpha[tile.read].astype(np.float32) / np.float32(255), half_band)
        estimate = [plane[tile.inner][inside] for plane in colours]
        pixels[tile.write][inside] = np.rint(np.clip(np.stack(estimate, axis=1), 0, 255)).astype(np.uint8)
    return Cutout(pixels, alpha, cutter, version)


@dataclass(frozen=True)
class _Tile:
    """A part of the photo to read, the part of it to write, and where the latter lies in the former."""

    read: _Part
    write: _Part
    inner: _Part


def _tiles(outline: npt.NDArray[Any], half_band: int) -> Iterator[_Tile]:
    """Yield the tiles that hold a part of the outline, or come as near to it as the band."""
    side, margin = max(_MIN_TILE, _TILE_BANDS * half_band), _MARGIN_BANDS * half_band
    height, width = outline.shape
    for top, left in itertools.product(range(0, height, side), range(0, width, side)):
        write = slice(top, min(height, top + side)), slice(left, min(width, left + side))
        if outline[_widened(write, half_band)].any():
            read = _widened(write, margin)
            inner = tuple(slice(w.start - r.start, w.stop - r.start) for w, r in zip(write, read, strict=True))
            yield _Tile(read, write, (inner[0], inner[1]))


def _widened(part: _Part, margin: int) -> _Part:
    rows, columns = (slice(max(0, along.start - margin), along.stop + margin) for along in part)
    return rows, columns


def _refine(pixels: Pixels, product: AlphaMask, half_band: int) -> tuple[Pixels, AlphaMask]:
    planes = [plane.astype(np.float32) for plane in cv2.split(pixels)]
    opacity = _opacity(planes, product, half_band)
    alpha = np.asarray(np.rint(opacity * 255), np.uint8)
    alpha[alpha < TRANSPARENT_BELOW] = 0
    alpha[alpha >= OPAQUE_FROM] = 255
    soft = (alpha > 0) & (alpha < 255)
    colours = pixels * (alpha > 0).astype(np.uint8)[..., None]
    if soft.any():
        estimate = [plane[soft] for plane in _foreground(planes, opacity, half_band)]
        colours[soft] = np.rint(np.clip(np.stack(estimate, axis=1), 0, 255)).astype(np.uint8)
    return colours, alpha


def _opacity(planes: Planes, product: AlphaMask, half_band: int) -> Floats:
    """Return how opaque each pixel is, 0 to 1: by its colour between product and ground, near the outline alone."""
    rough, distance = product.astype(np.float32), _signed_distance(product)
    # What is farther from the outline than the band surely is product or ground; thin parts have no such pixels.
    sure = (distance >= half_band) + np.float32(1e-3) * rough
    sure_ground = (distance <= -half_band) + np.float32(1e-3) * (1 - rough)
    inside, outside = (_weighted_blur(planes, weights, _WIDE * half_band) for weights in (sure, sure_ground))
    ways = [here - there for here, there in zip(inside, outside, strict=True)]
    length = np.sum([way * way for way in ways], axis=0)
    along = np.sum([(plane - there) * way for plane, there, way in zip(planes, outside, ways, strict=True)], axis=0)
    share = np.where(length >= MIN_CONTRAST**2, along / np.maximum(length, 1), cv2.GaussianBlur(rough, (0, 0), 0.7))
    free = half_band - 1
    return np.asarray(np.clip(share, np.clip(distance - free, 0, 1), np.clip(1 + distance + free, 0, 1)), np.float32)


def _signed_distance(product: AlphaMask) -> Floats:
    """Return the distance from the outline in pixels, above 0 inside; pixels beside the outline have 0."""
    inside, outside = (cv2.distanceTransform(plane, cv2.DIST_L2, 3) for plane in (product, 1 - product))
    return np.asarray(np.maximum(inside - 1, 0) - np.maximum(outside - 1, 0), np.float32)


def _foreground(planes: Planes, opacity: Floats, half_band: int) -> Planes:
    """Return the product's colours by blur fusion: a smooth guess, corrected by what it fails to explain."""
    product, ground, rest = planes, planes, 1 - opacity
    for width in (_WIDE * half_band, _NARROW * half_band):
        smooth, ground = _weighted_blur(product, opacity, width), _weighted_blur(ground, rest, width)
        product = [
            guess + opacity * (plane - opacity * guess - rest * behind)
            for plane, guess, behind in zip(planes, smooth, ground, strict=True)
        ]
    return product


def _weighted_blur(planes: Planes, weights: Floats, width: int) -> Planes:
    size = (2 * width + 1,) * 2
    total = 1 / np.maximum(cv2.boxFilter(weights, cv2.CV_32F, size), np.float32(1e-6))
    return [cv2.boxFilter(plane * weights, cv2.CV_32F, size) * total for plane in planes]
