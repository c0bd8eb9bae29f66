"""Stage ground: the ground of an image from the pixels of an empty scene, and the shadow that its light casts.

Inputs: a stage's size and pixels, the image's size, where on the stage a product stands, whence the light comes.
Outputs: a crop of the stage, the ground's pixels, a `ShadowRule`; `GroundRefused` where the stage is too small.
Invariants: the crop is the largest of the image's proportions that leaves the point (centre, foot) at its shares of the
picture, so the product stands on the image where it stands on the stage. It is reduced by the resampler of products, in
integers, and never enlarged: the same stage gives the same bytes on every machine.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from infra.compositing.contact_shadow import ShadowRule, contact_shadow
from infra.compositing.product_placement import PixelBox
from infra.compositing.resampler import RESAMPLER, RESAMPLERS
from infra.interfaces import Pixels
from infra.interfaces.cutouts import AlphaMask

STAGE_SHADOW: Final = "contact-1"
"""What new images are shaded by. A change of any of its bytes is a new name, and the old one stays for its proofs."""
STAGE_SHADOWS: Final = frozenset({STAGE_SHADOW})
_SHIFTS: Final = {"": 0.0, "left": 0.05, "right": -0.05}
"""Light -> how far the shadow falls to the right, in shares of the product's width: a contact shadow stays near."""
LIGHTS: Final = frozenset(_SHIFTS)


@dataclass(frozen=True)
class GroundRefused:
    """Why a stage gives no ground: a reason's code, and a sentence with the numbers."""

    reason: str
    detail: str


def crop_stage(stage: tuple[int, int], canvas: tuple[int, int], centre: float, foot: float) -> PixelBox | GroundRefused:
    """Return the part of a stage of (width, height) that becomes the ground of an image of (width, height).

    `centre` and `foot` are shares of width and height, 0 to 1; a side is rounded half up. Refuses with
    `stage.too-small` where the part would have to be enlarged.
    """
    (across, down), (width, height) = stage, canvas
    if across * height >= down * width:
        wide, high = min(across, (2 * down * width + height) // (2 * height)), down
    else:
        wide, high = across, min(down, (2 * across * height + width) // (2 * width))
    if wide < width or high < height:
        return GroundRefused(
            "stage.too-small",
            f"The stage has {across} x {down} pixels, of which {wide} x {high} have the image's proportions, and the"
            f" image has {width} x {height}; no stage is enlarged.",
        )
    left, top = _round(centre * (across - wide)), _round(foot * (down - high))
    return PixelBox(left, top, wide, high)


def ground_of_stage(stage: Pixels, crop: PixelBox, canvas: tuple[int, int], resampler: str = RESAMPLER) -> Pixels:
    """Return a crop of a stage, reduced to the canvas's (width, height).

    Raises ValueError for a crop outside of the stage or smaller than the canvas, and for an unknown resampler.
    """
    if crop.right > stage.shape[1] or crop.bottom > stage.shape[0]:
        raise ValueError(f"{crop} is not inside a stage of {stage.shape[1]} x {stage.shape[0]}.")
    if resampler not in RESAMPLERS:
        raise ValueError(f"No resampler is named {resampler!r}; there is {', '.join(RESAMPLERS)}.")
    part = stage[crop.top : crop.bottom, crop.left : crop.right]
    opaque = np.full(part.shape[:2], 255, np.uint8)
    return RESAMPLERS[resampler](part, opaque, *canvas)[0]


def stage_shadow(alpha: AlphaMask, light: str) -> AlphaMask:
    """Return the shadow of a placed product in a stage's light: `left`, `right`, or empty. Raises ValueError."""
    if light not in LIGHTS:
        raise ValueError(f"There is no light {light!r}; there is left, right and none.")
    return contact_shadow(alpha, ShadowRule(shift_across=_SHIFTS[light]))


def _round(value: float) -> int:
    return math.floor(value + 0.5)
