"""Core digest: the name of a product's opaque core, and the search for the first pixel of it that was changed.

Inputs: pixels and alpha, or a placed product and staged pixels. Outputs: a `CoreProof`, or what differs.
Invariant: two images have one digest only where size, coordinates and colours of the core are equal. What lies outside
the core (ground, shadow, soft edge) has no influence on its colours, and none on the digest.
"""

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np

from infra.compositing.placed_product import OPAQUE, PlacedProduct
from infra.interfaces import Pixels
from infra.interfaces.cutouts import AlphaMask

_FORM = "core-1"
"""What is digested, in which order; a part of it."""


@dataclass(frozen=True)
class CoreProof:
    """The digest of a core, in hex, its count of pixels, and the count of all pixels that show some of the product."""

    sha256: str
    pixels: int
    product_pixels: int

    @property
    def share(self) -> float:
        """Return which share of the product is proven, 0..1: the rest is its soft edge."""
        return self.pixels / self.product_pixels if self.product_pixels else 0.0


@dataclass(frozen=True)
class KeptDiffers:
    """A staged image whose core is not shown to be the placed product's.

    `reason` is `core.size-differs`, `core.empty` (no pixel is opaque, so nothing would be proven) or
    `core.pixels-differ`; there `count` pixels differ, and the first of them, row by row from the top left, is at column
    `left` of row `top`.
    """

    reason: str
    count: int
    left: int
    top: int


def core_digest(pixels: Pixels, alpha: AlphaMask) -> CoreProof:
    """Return the digest of the pixels where alpha is 255. Raises ValueError for arrays that do not fit one another."""
    product = PlacedProduct(pixels, alpha)
    core = product.alpha == OPAQUE
    height, width = core.shape
    digest = hashlib.sha256(f"{_FORM}\n{height}x{width}\n".encode())
    digest.update(np.packbits(core).data)
    # As elements of three bytes: a boolean index over pixels of three channels takes thirty times as long.
    whole_pixels = np.ascontiguousarray(product.pixels).view("V3")[..., 0]
    digest.update(whole_pixels[core].tobytes())
    return CoreProof(digest.hexdigest(), int(np.count_nonzero(core)), int(np.count_nonzero(alpha)))


def prove(placed: PlacedProduct, staged: Pixels) -> KeptDiffers | None:
    """Return None where every pixel of the core is the staged image's, else what differs."""
    if staged.shape != placed.pixels.shape or staged.dtype != np.uint8:
        return KeptDiffers("core.size-differs", 0, 0, 0)
    core = placed.alpha == OPAQUE
    if not core.any():
        return KeptDiffers("core.empty", 0, 0, 0)
    if not cv2.norm(placed.pixels, staged, cv2.NORM_INF, core.view(np.uint8)):
        return None
    different = placed.pixels != staged
    # Not `any(axis=2)`: on a photo of 12 megapixels it takes 0.15 s, and this 0.02 s.
    changed = core & (different[..., 0] | different[..., 1] | different[..., 2])
    count = int(np.count_nonzero(changed))
    top, left = divmod(int(changed.argmax()), changed.shape[1])
    return KeptDiffers("core.pixels-differ", count, left, top)
