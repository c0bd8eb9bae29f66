"""Composite: a placed product over its ground, in integers.

Inputs: the ground's pixels, a placed product, and its shadow or None. Outputs: the pixels that are staged.
Invariant: where the product is opaque its bytes are copied and not blended; where it is absent the ground's are copied,
darkened by the shadow and by nothing else. Between, both are mixed once, in 8 bits, rounded half up.
"""

import cv2
import numpy as np

from infra.compositing.placed_product import OPAQUE, PlacedProduct
from infra.interfaces import Pixels
from infra.interfaces.cutouts import AlphaMask

WHITE = 255


def white_ground(width: int, height: int) -> Pixels:
    """Return a ground of exactly 255."""
    return np.full((height, width, 3), WHITE, np.uint8)


def compose(ground: Pixels, placed: PlacedProduct, shadow: AlphaMask | None = None) -> Pixels:
    """Return the product on the ground; the ground is left as it is. Raises ValueError for sizes that differ."""
    shapes = [ground.shape[:2], placed.alpha.shape, placed.alpha.shape if shadow is None else shadow.shape]
    if len(set(shapes)) > 1 or ground.shape[2:] != (3,) or ground.dtype != np.uint8:
        raise ValueError(f"Ground, product and shadow are of {shapes}, {ground.dtype}; they must be of one size.")
    staged = ground.copy() if shadow is None else _darkened(ground, shadow)
    edge = np.nonzero((placed.alpha > 0) & (placed.alpha < OPAQUE))
    cover = placed.alpha[edge].astype(np.uint32)[:, None]
    staged[edge] = (placed.pixels[edge] * cover + staged[edge] * (OPAQUE - cover) + OPAQUE // 2) // OPAQUE
    cv2.copyTo(placed.pixels, np.asarray(placed.alpha == OPAQUE, np.uint8), staged)
    return staged


def _darkened(ground: Pixels, shadow: AlphaMask) -> Pixels:
    darkened, rows = ground.copy(), np.flatnonzero(shadow.any(axis=1))
    if len(rows):
        block = slice(int(rows[0]), int(rows[-1]) + 1)
        light = (OPAQUE - shadow[block].astype(np.uint16))[..., None]  # 255 * 255 + 127 fits into 16 bits
        darkened[block] = (ground[block] * light + np.uint16(OPAQUE // 2)) // np.uint16(OPAQUE)
    return darkened
