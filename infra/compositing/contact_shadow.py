"""Contact shadow: the dark line where a product stands on its ground, drawn from the foot of its mask.

Inputs: the placed alpha, and a rule. Outputs: how much darker each pixel of the ground is, 0 to 255.
Invariants: the shadow is 0 where the product is opaque, so it reaches no pixel of the core, and 0 at the frame; it is
made of integers, so the same mask gives the same bytes. The foot is each column's lowest solid pixel, and its weight
falls to nothing over `contact` upwards from the lowest of all: a chair's hind legs stand on the ground too, a handle
hangs in the air. Box blurs thrice over stand for a Gaussian: a narrow one for the line of contact, and one three
times as wide for the light that the product keeps off the ground.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from infra.compositing.placed_product import OPAQUE
from infra.compositing.product_placement import SOLID_ALPHA
from infra.interfaces.cutouts import AlphaMask

_WIDE = 3
_FLATTENING = 4
"""How much narrower the shadow is down the image than across it: the ground is seen from slightly above."""
_PASSES = 3
_FRAME_SHARE = 0.075
"""How near to the frame the shadow begins to fade, as a share of the shorter side: the margin of a fill of 0.85."""
_FULL = 1 << 16
_Weights = npt.NDArray[np.float64]
"""Whole numbers below 2^53, so sums are exact, in whatever order. Quotients and their divisors are below 2^26: one that
is not whole misses a whole number by 2^-26 or more, so it is rounded down as a quotient of integers is."""


@dataclass(frozen=True)
class ShadowRule:
    """How a contact shadow looks, in shares of the product's width or height.

    `strength` is the darkest value, 0 to 255. `softness` is the narrow blur's reach and `contact` the height over which
    a column still stands on the ground. `shift_across` and `shift_down` move the shadow away from the light: a light
    from the left gives a positive `shift_across`.
    """

    strength: int = 140
    softness: float = 0.03
    contact: float = 0.2
    shift_across: float = 0.0
    shift_down: float = 0.0

    def __post_init__(self) -> None:
        shares_hold = 0 < self.softness <= 0.2 and 0 < self.contact <= 0.5
        if not (0 <= self.strength <= 255 and shares_hold and max(abs(self.shift_across), abs(self.shift_down)) <= 0.5):
            raise ValueError(f"{self} is out of range: strength 0..255, softness 0..0.2, contact and shifts 0..0.5.")


def contact_shadow(alpha: AlphaMask, rule: ShadowRule) -> AlphaMask:
    """Return the shadow of a placed product; all 0 for an empty mask."""
    shadow = np.zeros(alpha.shape, np.uint8)
    solid = alpha >= SOLID_ALPHA
    columns, rows = np.flatnonzero(solid.any(axis=0)), np.flatnonzero(solid.any(axis=1))
    if not len(columns):
        return shadow
    width, height = int(columns[-1]) + 1 - int(columns[0]), int(rows[-1]) + 1 - int(rows[0])
    contact, reach = max(1, int(rule.contact * height)), max(1, int(rule.softness * width))
    # Beyond the blurs' reach all is 0, and a product's foot is a tenth of the canvas.
    across, down = (_PASSES * _WIDE * length for length in (reach, max(1, reach // _FLATTENING)))
    window = (
        slice(max(0, int(rows[-1]) + 1 - contact - down), int(rows[-1]) + 1 + down),
        slice(max(0, int(columns[0]) - across), int(columns[-1]) + 1 + across),
    )
    feet = _feet(solid[:, window[1]], contact)[window[0]]
    contact_line, occlusion = (_normalised(_blur(feet, length)) for length in (reach, _WIDE * reach))
    darkest = np.maximum(contact_line, np.floor(occlusion * 3 / 4))
    shadow[window] = np.floor((darkest * rule.strength + _FULL / 2) / _FULL)
    shadow = _shifted(shadow, int(rule.shift_across * width), int(rule.shift_down * height))
    _fade(shadow)
    shadow[alpha == OPAQUE] = 0
    return shadow


def _fade(shadow: AlphaMask) -> None:
    """Let the shadow fall to nothing towards the frame: one that the frame cuts looks like a cut product."""
    height, width = shadow.shape
    reach = max(1, int(_FRAME_SHARE * min(height, width)))
    rows = np.flatnonzero(shadow.any(axis=1))
    down, across = (np.minimum(np.arange(side), np.arange(side)[::-1]).astype(np.int32) for side in (height, width))
    near = np.minimum(np.minimum(down[rows, None], across), np.int32(reach))
    shadow[rows] = shadow[rows] * near // np.int32(reach)


def _feet(solid: npt.NDArray[np.bool_], contact: int) -> _Weights:
    """Return the weight, in units of 2^-16, of each column's lowest pixel: all of it at the lowest row."""
    lowest = solid.shape[0] - 1 - solid[::-1].argmax(axis=0)
    columns = np.flatnonzero(solid.any(axis=0))
    above = lowest[columns].max() - lowest[columns]
    weights = np.zeros(solid.shape)
    weights[lowest[columns], columns] = np.maximum(0, ((contact**2 - above**2) << 16) // contact**2)
    return weights


def _blur(weights: _Weights, reach: int) -> _Weights:
    """Return the weights blurred over `reach` pixels across and a part of it down; 2^10 more per unit of weight."""
    blurred = weights * float(1 << 10)
    for _ in range(_PASSES):
        blurred = _box_mean(_box_mean(blurred, reach, 1), max(1, reach // _FLATTENING), 0)
    return blurred


def _normalised(weights: _Weights) -> _Weights:
    """Return the weights with `_FULL` as the largest; all 0 where all are."""
    return np.asarray(np.floor(weights * _FULL / max(1.0, float(weights.max()))))


def _box_mean(values: _Weights, reach: int, axis: int) -> _Weights:
    """Return means of 2 reach + 1 values along an axis; what lies outside counts as 0."""
    length = 2 * reach + 1
    size = (length, 1) if axis else (1, length)
    sums = cv2.boxFilter(values, cv2.CV_64F, size, normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(np.floor(sums / length))


def _shifted(shadow: AlphaMask, across: int, down: int) -> AlphaMask:
    """Return the shadow moved by whole pixels; what leaves the canvas is gone."""
    moved = np.zeros_like(shadow)
    height, width = shadow.shape
    if abs(across) < width and abs(down) < height:
        to_rows, from_rows = slice(max(0, down), height + min(0, down)), slice(max(0, -down), height - max(0, down))
        to_columns = slice(max(0, across), width + min(0, across))
        from_columns = slice(max(0, -across), width - max(0, across))
        moved[to_rows, to_columns] = shadow[from_rows, from_columns]
    return moved
