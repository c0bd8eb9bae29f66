"""Reduced photo: the pixels that cutting and measuring look at, and the ground that was found in them.

Inputs: a photo or a mask. Outputs: the same at 1024 px at most on its long side, averaged; a smaller one as it is. What
several steps need is computed when the first of them asks for it, and once.
Scores mean the same at every size of the photo, since all of them are taken at this size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from infra.cutout.ground import Ground, fit_ground
from infra.imaging.metrics.foreground import downscale
from infra.interfaces import AlphaMask, Photo, Pixels

REDUCED_SIDE = 1024
_BLOCK_ROWS = 32

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ReducedPhoto:
    """A photo's pixels, at `REDUCED_SIDE` at most."""

    pixels: Pixels

    @cached_property
    def ground(self) -> Ground:
        """Return the ground's model."""
        return fit_ground(self.pixels)

    @cached_property
    def ground_colours(self) -> Floats:
        """Return the ground's colour at each pixel (3 x height x width), as if nothing stood on it."""
        return self.ground.planes(*self.pixels.shape[:2])

    @cached_property
    def difference(self) -> Floats:
        """Return how far each pixel is from the ground's colour, in grey levels of the channel that differs most."""
        difference = np.empty(self.pixels.shape[:2], np.float32)
        for rows in row_blocks(len(difference)):
            difference[rows] = largest_difference(split_planes(self.pixels[rows]), self.ground_colours[:, rows])
        return difference


def reduce_photo(photo: Photo) -> ReducedPhoto:
    """Return a photo as cutters and measures of its ground see it."""
    return ReducedPhoto(downscale(photo.pixels, REDUCED_SIDE))


def reduce_mask(mask: AlphaMask) -> AlphaMask:
    """Return a mask at the size of its reduced photo."""
    height, width = mask.shape
    scale = min(1.0, REDUCED_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8) if scale < 1 else mask


def row_blocks(height: int) -> Iterator[slice]:
    """Yield blocks of rows that a core's cache holds with all that is computed of them."""
    return (slice(top, min(height, top + _BLOCK_ROWS)) for top in range(0, height, _BLOCK_ROWS))


def split_planes(pixels: Pixels) -> list[Floats]:
    """Return red, green and blue (height x width each)."""
    return [plane.astype(np.float32) for plane in cv2.split(pixels)]


def largest_difference(planes: list[Floats], colours: Floats | list[Floats]) -> Floats:
    """Return the difference of the channel that differs most, at each pixel."""
    red, green, blue = (cv2.absdiff(plane, colour) for plane, colour in zip(planes, colours, strict=True))
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.float32)
