"""Foreground detection: which part of an image is the product.

Inputs: pixels (height x width x 3, RGB, 8 bits). Outputs: a `Foreground`: the product on a small thumbnail, and how
reliable it is. The image's own border defines the background, so white, grey and black backgrounds are treated alike. A
thumbnail is used because averaging removes noise, and because at one fixed size a share of the frame means the same for
every image; 128 px, because 1/128 of a side is finer than any threshold on fill or centring, and costs a millisecond.

A soft shadow counts as foreground: it differs from the background, and must not be cropped.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from infra.interfaces import Pixels
from infra.interfaces.cutouts import AlphaMask

THUMBNAIL_SIDE = 128
"""Long side of the thumbnail; a smaller image is measured as it is."""

GreyImage = npt.NDArray[np.uint8]

_MIN_BACKGROUND_DIFFERENCE = 12
_HALF_COVERED = 128
_MASK_BAND_KERNEL = np.ones((9, 9), np.uint8)
_EDGE_BAND_KERNEL = np.ones((5, 5), np.uint8)

_NOISE_KERNEL = np.outer([1, -2, 1], [1, -2, 1]).astype(np.float32)
_NOISE_SHARE = 0.25
_NOISE_GAIN = 6 * 0.3186
"""Immerkaer 1996: the kernel multiplies sigma by 6; a quarter of a Gaussian lies within 0.3186 sigma of its middle.

The lower quarter and not the mean or the median, because print and texture lift the larger responses: on a finely
printed 64 px product without noise the median reads 2.9 grey levels, the quarter 0.3.
"""

_EDGE_SLOPE = 2.0
_EDGE_OVER_NOISE = 2.0
"""Grey levels per pixel of the thumbnail from which a slope is an edge, and how far above the noise it must be."""


@dataclass(frozen=True)
class Foreground:
    """The product on a thumbnail: `product_mask` is 1 on it and 0 elsewhere, `share` is its share of the frame."""

    thumbnail: Pixels
    grey: GreyImage
    product_mask: GreyImage
    share: float
    is_known: bool = False
    """The mask is the product's own, and was not looked for."""

    def dilated_mask(self, height: int, width: int) -> GreyImage:
        """Return the product with a band around it, at another size; all of the frame where there is no product."""
        if not self.product_mask.any():
            return np.ones((height, width), np.uint8)
        return np.asarray(
            cv2.dilate(
                cv2.resize(self.product_mask, (width, height), interpolation=cv2.INTER_NEAREST), _MASK_BAND_KERNEL
            ),
            np.uint8,
        )

    def confidence(self) -> float:
        """Return which share (0..1) of the image's edges lies in or beside the foreground; 1 without any edge.

        Where a white product on white is mistaken for background, its outline and print are edges outside it. A known
        foreground is not doubted.
        """
        if self.is_known:
            return 1.0
        slopes = [cv2.Sobel(self.grey, cv2.CV_32F, *along, ksize=3, scale=1 / 8) for along in ((1, 0), (0, 1))]
        least = max(_EDGE_SLOPE, _EDGE_OVER_NOISE * estimate_noise(self.grey, None))
        edges = np.asarray(cv2.magnitude(*slopes) >= least, np.uint8)
        count = cv2.countNonZero(edges)
        beside = cv2.dilate(self.product_mask, _EDGE_BAND_KERNEL)
        return cv2.countNonZero(cv2.bitwise_and(edges, beside)) / count if count else 1.0


def find_foreground(pixels: Pixels) -> Foreground:
    """Return the foreground of an image.

    The mask is not opened morphologically, since thin parts (a chain) must stay.
    """
    thumbnail = downscale(pixels, THUMBNAIL_SIDE)
    border = np.concatenate([thumbnail[0], thumbnail[-1], thumbnail[:, 0], thumbnail[:, -1]])
    difference = cv2.absdiff(thumbnail, np.broadcast_to(np.median(border, axis=0).astype(np.uint8), thumbnail.shape))
    red, green, blue = cv2.split(difference)
    inside = np.asarray(cv2.max(cv2.max(red, green), blue) > _MIN_BACKGROUND_DIFFERENCE, dtype=np.uint8)
    grey = np.asarray(cv2.cvtColor(thumbnail, cv2.COLOR_RGB2GRAY), np.uint8)
    return Foreground(thumbnail, grey, inside, float(inside.mean()))


def known_foreground(pixels: Pixels, alpha: AlphaMask) -> Foreground:
    """Return the foreground of an image whose product's alpha is known; it counts from half covered on.

    A scene's border tells nothing of its ground, and its edges are none of the product's. `alpha` may be of another
    size of the same proportions.
    """
    thumbnail = downscale(pixels, THUMBNAIL_SIDE)
    height, width = thumbnail.shape[:2]
    small = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA)
    inside = np.asarray(small >= _HALF_COVERED, dtype=np.uint8)
    grey = np.asarray(cv2.cvtColor(thumbnail, cv2.COLOR_RGB2GRAY), np.uint8)
    return Foreground(thumbnail, grey, inside, float(inside.mean()), is_known=True)


def downscale(pixels: Pixels, long_side: int) -> Pixels:
    """Return the image with this long side, averaged; a smaller one as it is."""
    height, width = pixels.shape[:2]
    scale = long_side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def quantiles(grey: GreyImage, mask: GreyImage | None, shares: tuple[float, ...]) -> list[float]:
    """Return quantiles of 8-bit values, where each level stands for the half level above and below it."""
    counts = cv2.calcHist([grey], [0], mask, [256], [0, 256]).ravel()
    below = np.concatenate([[0.0], np.cumsum(counts, dtype=np.float64)])
    edges = np.concatenate([[0.0], np.arange(255) + 0.5, [255.0]])
    return [float(np.interp(share * below[-1], below, edges)) for share in shares]


def estimate_noise(grey: GreyImage, mask: GreyImage | None) -> float:
    """Return the sigma of the noise, in grey levels."""
    ripple = cv2.convertScaleAbs(cv2.filter2D(grey, cv2.CV_16S, _NOISE_KERNEL))
    return quantiles(ripple, mask, (_NOISE_SHARE,))[0] / _NOISE_GAIN
