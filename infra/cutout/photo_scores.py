"""Measures of a photo: is it sharp, is the product large in it, is there a product at all.

Inputs: a reduced photo and the product's mask. Outputs: named floats; nothing is decided here:
`catalogs.photos.fitness` does that.
Whether a person wears or carries the product is not measured: a silhouette has no skin, and wood has its colour. Where
`packshot[nudity]` is installed, its `nudity.face` says it of photos with a face.
"""

import cv2
import numpy as np

from infra.cutout.plain_ground import MIN_TOLERANCE
from infra.cutout.reduced_photo import ReducedPhoto
from infra.imaging.metrics.pixels import measure_pixels
from infra.interfaces import AlphaMask

MAX_STROKE_SHARE = 0.015
"""Half the thickness, over the long side, of strokes and lines of letters. The thickest island of the three labels
among twelve listing photos has 0.006 to 0.012, that of the thinnest of 64 drawn products 0.05."""


def measure_photo(photo: ReducedPhoto, mask: AlphaMask, reduced_mask: AlphaMask) -> dict[str, float]:
    """Return the measurements; `mask` has the photo's own size, `reduced_mask` that of the reduced one.

    `photo.blur` (`blur.foreground` of `infra.imaging.metrics.pixels`: 10 is sharp, below 4 is blurred), `photo.side`
    and `photo.product` (pixels: the photo's long side, and that of the product's box), `photo.letters` (how
    many islands there are, if all of them are as thin as letters; else 0).
    """
    _, _, width, height = cv2.boundingRect(np.asarray(mask >= 128, np.uint8))
    return {
        "photo.blur": measure_pixels(photo.pixels)["blur.foreground"],
        "photo.side": float(max(mask.shape)),
        "photo.product": float(max(width, height)),
        "photo.letters": _letters(photo, reduced_mask),
    }


def _letters(photo: ReducedPhoto, mask: AlphaMask) -> float:
    # Ground between lines of letters may be in the mask; it is no ink.
    product = np.asarray((photo.difference > MIN_TOLERANCE) & (mask >= 128), np.uint8)
    if cv2.distanceTransform(product, cv2.DIST_L2, 3).max() > MAX_STROKE_SHARE * max(mask.shape):
        return 0.0
    return float(cv2.connectedComponents(product, connectivity=8)[0] - 1)
