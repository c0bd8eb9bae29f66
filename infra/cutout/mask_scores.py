"""Measures of a mask: numbers that tell a good cut-out from a bad one without knowing the right one.

Inputs: a reduced photo, the mask that is used, and the mask of another cutter, if any, all of one size. Outputs:
`MaskScores`; nothing is decided here, `catalogs.photos.mask_rules` decides.

Two masks agree where they differ only within 0.4 % of the long side around the outline: a network that looks at 320 px
cannot do better, and the outline is refined afterwards. Measured so, masks of drawn products before plain grounds
agree by 0.95 or more where both are right, and by 0.45 to 0.85 where one of them lost a part; those of five right masks
of listing photos by 0.93 (a person carries the product), 0.993, 0.994, 0.995 and 0.999.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from infra.cutout.reduced_photo import ReducedPhoto
from infra.cutout.refinement import BAND_SHARE
from infra.interfaces import AlphaMask, Pixels

MIN_CONTRAST = 12
"""Grey levels, in the channel that differs most, below which product and ground beside the outline are alike: white on
white. It is the difference from which `infra.imaging.metrics.foreground` sees a product."""

MIN_PART_SHARE, MIN_PART_OF_LARGEST = 0.002, 0.1
"""An island is a product from this share of the frame on, and if it has a tenth of the largest one's area."""

FRAME_REACH = 0.012
"""A product within this share of the photo's side lies on the frame: listing photos keep a white line of a few pixels.
A tight crop touches the frame where the product is round or ends in a point, a cut one lies along it: of twelve listing
photos the two that are cut close have 0.74 and 1, a white lamp that fills its photo 0.44, and whole bags 0.03."""

_Places = tuple[npt.NDArray[np.intp], ...]

_REACH = 4

_SOFT_LOW, _SOFT_HIGH = 26, 229
"""Opacities between a tenth and nine tenths."""


@dataclass(frozen=True)
class MaskScores:
    """Shares are 0..1.

    `agreement` with the other mask, beyond the outline's band (None without one); `area` of the frame; `holes` over the
    product with its holes filled; `soft` pixels over the product; `frame`: how much of a side of the product's box lies
    along the photo's frame, of the side with most; `faint`: of the outline, where product and ground are alike;
    `parts`: products, by islands; `plainness`, `noise` and `covered` are the ground's (`infra.cutout.ground`).
    """

    agreement: float | None
    area: float
    holes: float
    soft: float
    frame: float
    faint: float
    parts: float
    plainness: float
    noise: float
    covered: float

    @property
    def values(self) -> dict[str, float]:
        """Return the numbers by the names under which they are stored; `mask.agreement` only where there is one."""
        measured = {
            "mask.area": self.area,
            "mask.holes": self.holes,
            "mask.soft": self.soft,
            "mask.frame": self.frame,
            "mask.faint": self.faint,
            "mask.parts": self.parts,
            "ground.plainness": self.plainness,
            "ground.noise": self.noise,
            "ground.covered": self.covered,
        }
        return measured if self.agreement is None else {"mask.agreement": self.agreement, **measured}


def measure_mask(photo: ReducedPhoto, alpha: AlphaMask, other: AlphaMask | None) -> MaskScores:
    """Return the scores of a mask; both masks are reduced as the photo is."""
    product, ground = np.asarray(alpha >= 128, np.uint8), photo.ground
    area, filled = cv2.countNonZero(product), cv2.countNonZero(_filled(product))
    return MaskScores(
        agreement=None if other is None else _agreement(product, np.asarray(other >= 128, np.uint8)),
        area=area / product.size,
        holes=(filled - area) / filled if filled else 0.0,
        soft=float(np.count_nonzero((alpha >= _SOFT_LOW) & (alpha <= _SOFT_HIGH)) / area) if area else 0.0,
        frame=_along_frame(product),
        faint=_faint_outline(photo.pixels, product),
        parts=float(_count_parts(product)),
        plainness=ground.plainness,
        noise=ground.noise,
        covered=ground.covered,
    )


def _agreement(product: AlphaMask, other: AlphaMask) -> float:
    reach = max(2, round(BAND_SHARE * max(product.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    beyond = 1 - np.asarray(cv2.morphologyEx(product, cv2.MORPH_GRADIENT, kernel), np.uint8)
    union = cv2.countNonZero(product | other)
    return 1 - cv2.countNonZero((product ^ other) & beyond) / union if union else 1.0


def _filled(product: AlphaMask) -> AlphaMask:
    """Return the product without holes: all that the outside of the frame does not reach."""
    padded = cv2.copyMakeBorder(1 - product, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, labels = cv2.connectedComponents(padded, connectivity=4)
    return np.asarray(labels[1:-1, 1:-1] != labels[0, 0], np.uint8)


def _along_frame(product: AlphaMask) -> float:
    """Return how much of the box's side lies along the frame, of the side with most of it."""
    _, _, *box = cv2.boundingRect(product)
    shares = []
    for plane, length in ((product, box[0]), (product.T, box[1])):
        reach = max(1, round(FRAME_REACH * len(plane)))
        shares += [np.count_nonzero(strip.any(axis=0)) / max(1, length) for strip in (plane[:reach], plane[-reach:])]
    return float(max(shares))


def _faint_outline(pixels: Pixels, product: AlphaMask) -> float:
    """Return the share of the outline, but for the frame, where product and ground are alike."""
    kernel = np.ones((3, 3), np.uint8)
    outline = np.nonzero(cv2.morphologyEx(product, cv2.MORPH_GRADIENT, kernel) & product)
    if not len(outline[0]):
        return 0.0
    inside, outside = (_mean_around(pixels, cv2.erode(plane, kernel), outline) for plane in (product, 1 - product))
    return float((np.abs(inside - outside).max(axis=1) < MIN_CONTRAST).mean())


def _mean_around(pixels: Pixels, weights: AlphaMask, where: _Places) -> npt.NDArray[np.float32]:
    """Return the mean colour of the weighted pixels within four pixels of some pixels; far from them all it is 0."""
    counts = _sums_around(weights, where).astype(np.float32)
    sums = _sums_around(np.asarray(cv2.copyTo(pixels, weights), np.uint8), where).astype(np.float32)
    return np.asarray(sums / np.maximum(counts, 1)[:, None], np.float32)


def _sums_around(values: npt.NDArray[np.uint8], where: _Places) -> npt.NDArray[np.int32]:
    """Return the sums over 9 x 9 pixels around some pixels; there are few of them, so each is four look-ups."""
    padded = cv2.copyMakeBorder(values, _REACH, _REACH, _REACH, _REACH, cv2.BORDER_REFLECT_101)
    before, (top, left) = cv2.integral(padded), where
    bottom, right = top + 2 * _REACH + 1, left + 2 * _REACH + 1
    return np.asarray(before[bottom, right] - before[top, right] - before[bottom, left] + before[top, left], np.int32)


def _count_parts(product: AlphaMask) -> int:
    count, labels = cv2.connectedComponents(product, connectivity=8)
    areas = np.bincount(labels.ravel(), minlength=count)[1:]
    if not len(areas):
        return 0
    least = max(MIN_PART_SHARE * product.size, MIN_PART_OF_LARGEST * float(areas.max()))
    return int(np.count_nonzero(areas >= least))
