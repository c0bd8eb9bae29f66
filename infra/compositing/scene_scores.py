"""Scene scores: what generation around a product did wrong, measured on masks and pixels.

Inputs: the placed product's mask, a mask cut anew from the generated image, the image's pixels. Outputs: numbers; gates
judge them. Deterministic, and without a model: whoever cuts the image anew says by which cutter.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from infra.interfaces import Pixels
from infra.interfaces.cutouts import AlphaMask

SOLID = 128
"""The alpha from which a pixel counts as product where masks are compared: half of it and more."""

SOFT_EDGE = 2.0
"""Pixels next to the product that are left out: its own antialiased edge is the strongest gradient there is."""

SEAM_BAND = 16
"""Reach of a seam in pixels: a latent of 8 or 16 pixels that shows product and ground at once lies within it."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in luma (ITU-R BT.601)."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SeamGradient:
    """The mean change of luma along the outline's normal, in levels of 255 a pixel.

    `near` is that of the band around the product, `far` that of the band beyond it, where the scene is undisturbed.
    Both are 0 where a band has no pixels.
    """

    near: float
    far: float

    @property
    def excess(self) -> float:
        """Return by how much the seam exceeds the scene's own texture; not below 0."""
        return max(0.0, self.near - self.far)


def object_expansion(placed: AlphaMask, recut: AlphaMask) -> float:
    """Return by which share of itself the product grew: (area(placed or recut) - area(placed)) / area(placed).

    Both masks are of one size. It is the object expansion of arXiv 2404.10157 (salient object-aware background
    generation), as a share, so that products of all sizes have one limit. Raises ValueError for sizes that differ and
    for an empty placed mask.
    """
    if placed.shape != recut.shape:
        raise ValueError(f"A placed mask of {placed.shape} and a new one of {recut.shape} are not of one image.")
    inside = placed >= SOLID
    area = int(np.count_nonzero(inside))
    if not area:
        raise ValueError("The placed mask is empty: there is no product that could have grown.")
    return int(np.count_nonzero((recut >= SOLID) & ~inside)) / area


def seam_gradient(pixels: Pixels, placed: AlphaMask, band: int = SEAM_BAND) -> SeamGradient:
    """Return the seam along a placed product's outline.

    A rim, a halo or the stairs of latents run along the outline, so luma changes along its normal; the scene's texture
    does so in the same measure farther away. `near` is measured from `SOFT_EDGE` to `band` pixels outside, `far` from
    there to three times `band`. Raises ValueError for sizes that differ.
    """
    if pixels.shape != (*placed.shape, 3):
        raise ValueError(f"Pixels of {pixels.shape} and a mask of {placed.shape} are not of one image.")
    outside = np.asarray(placed == 0, np.uint8)
    if outside.all():
        return SeamGradient(0.0, 0.0)
    distance: Floats = np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)
    luma_right, luma_down = _gradient(np.asarray(pixels.astype(np.float32) @ _LUMA, np.float32))
    # The distance grows by 1 a pixel along the normal, so its gradient is the normal itself.
    normal_right, normal_down = _gradient(distance)
    change = np.abs(luma_right * normal_right + luma_down * normal_down)
    near = (distance > SOFT_EDGE) & (distance <= band)
    far = (distance > band) & (distance <= 3 * band)
    return SeamGradient(*(float(change[zone].mean()) if zone.any() else 0.0 for zone in (near, far)))


def _gradient(plane: Floats) -> tuple[Floats, Floats]:
    """Return the change to the right and down, in units a pixel (Sobel, whose weights sum to 8)."""
    right, down = (cv2.Sobel(plane, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    return np.asarray(right, np.float32), np.asarray(down, np.float32)
