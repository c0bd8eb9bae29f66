"""Placed product: a cut-out carried onto the canvas by its placement.

Inputs: a cut-out, a `Placement`, and the resampler's name. Outputs: RGB pixels and alpha of the canvas's size.
Invariant: where the alpha is 255, a pixel is computed from the photo's opaque pixels alone, and at scale 1 it is one of
them. Where the alpha is 0, the pixel is black, so that no old ground is carried along.
"""

from dataclasses import dataclass

import numpy as np

from infra.compositing.product_placement import Placement
from infra.compositing.resampler import RESAMPLER, RESAMPLERS
from infra.interfaces import Pixels
from infra.interfaces.cutouts import AlphaMask, Cutout

OPAQUE = 255


@dataclass(frozen=True, eq=False)
class PlacedProduct:
    """A product on a transparent canvas. Its core is where `alpha` is 255."""

    pixels: Pixels
    alpha: AlphaMask

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.alpha.dtype != np.uint8 or self.pixels.shape != (*self.alpha.shape, 3):
            raise ValueError(
                f"Pixels of {self.pixels.shape} {self.pixels.dtype} and an alpha of {self.alpha.shape}"
                f" {self.alpha.dtype} are no product: they are height x width x 3 and height x width of uint8."
            )


def apply_placement(cutout: Cutout, placement: Placement, resampler: str = RESAMPLER) -> PlacedProduct:
    """Return the cut-out on the canvas. Raises ValueError for a source outside of it, and for an unknown resampler."""
    height, width = cutout.alpha.shape
    source, target = placement.source, placement.target
    if source.right > width or source.bottom > height:
        raise ValueError(f"{source} is not inside a photo of {width} x {height}.")
    if resampler not in RESAMPLERS:
        raise ValueError(f"No resampler is named {resampler!r}; there is {', '.join(RESAMPLERS)}.")
    window = (slice(source.top, source.bottom), slice(source.left, source.right))
    pixels = np.zeros((placement.canvas_height, placement.canvas_width, 3), np.uint8)
    alpha = np.zeros(pixels.shape[:2], np.uint8)
    inside = (slice(target.top, target.bottom), slice(target.left, target.right))
    pixels[inside], alpha[inside] = RESAMPLERS[resampler](
        cutout.pixels[window], cutout.alpha[window], target.width, target.height
    )
    return PlacedProduct(pixels, alpha)
