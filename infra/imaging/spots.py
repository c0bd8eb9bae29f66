"""Spots: where on an image to look at full size, and where its product is.

Inputs: pixels, and what one wants to judge there. Outputs: places as shares of the frame. Both are read from the
foreground's thumbnail, so they cost milliseconds at every size; they lead an eye, and decide nothing.
"""

from typing import Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from infra.imaging.metrics.foreground import Foreground, GreyImage, find_foreground
from infra.interfaces import Pixels

Look = Literal["background", "edge", "detail"]
"""What to judge: the worst of the background, the product at the frame's edge, the product's finest detail."""

SPOT_SHARE = 0.25
"""Side of a spot over the frame's."""
_EDGE_SHARE = 0.04
_OPENING_KERNEL, _BAND_KERNEL = np.ones((3, 3), np.uint8), np.ones((9, 9), np.uint8)


class Spot(NamedTuple):
    """A place, as shares of the frame's width and height."""

    left: float
    top: float
    right: float
    bottom: float


def find_product(pixels: Pixels) -> Spot | None:
    """Return the box of what differs from the background; None where nothing does."""
    mask = cv2.morphologyEx(find_foreground(pixels).product_mask, cv2.MORPH_OPEN, _OPENING_KERNEL)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    height, width = mask.shape
    return Spot(
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )


def find_spot(pixels: Pixels, look: Look) -> Spot:
    """Return the place of the frame where that is seen best; its middle where there is nothing to see."""
    energy = _energy(find_foreground(pixels), look)
    height, width = energy.shape
    high, wide = max(1, round(SPOT_SHARE * height)), max(1, round(SPOT_SHARE * width))
    inside = cv2.boxFilter(energy, cv2.CV_32F, (wide, high), borderType=cv2.BORDER_CONSTANT)
    down, across = np.unravel_index(int(inside.argmax()), inside.shape) if inside.max() > 0 else (height / 2, width / 2)
    top = min(max(float(down) / height - SPOT_SHARE / 2, 0.0), 1 - SPOT_SHARE)
    left = min(max(float(across) / width - SPOT_SHARE / 2, 0.0), 1 - SPOT_SHARE)
    return Spot(left, top, left + SPOT_SHARE, top + SPOT_SHARE)


def _energy(foreground: Foreground, look: Look) -> npt.NDArray[np.float32]:
    """Return how much there is to see at each place of the thumbnail."""
    product = foreground.product_mask.astype(np.float32)
    if look == "background":
        away = np.abs(foreground.thumbnail.astype(np.float32) - 255).max(axis=2)
        return np.asarray(away * (1 - cv2.dilate(_largest_part(foreground.product_mask), _BAND_KERNEL)), np.float32)
    if look == "edge":
        band = np.ones_like(product)
        down, across = (max(1, round(_EDGE_SHARE * side)) for side in product.shape)
        band[down:-down, across:-across] = 0
        return np.asarray(product * band, np.float32)
    detail = np.abs(cv2.Laplacian(foreground.grey, cv2.CV_32F))
    return np.asarray(detail * (product if product.any() else 1), np.float32)


def _largest_part(mask: GreyImage) -> GreyImage:
    """Return the largest piece of what differs from the background: a stain on it is no product."""
    _, labels, components, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    sizes = components[1:, cv2.CC_STAT_AREA]
    return np.asarray(labels == 1 + int(sizes.argmax()), np.uint8) if len(sizes) else mask
