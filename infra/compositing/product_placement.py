"""Placement: where a cut-out product goes on the canvas, as one recorded transform.

Inputs: a cut-out's mask, the canvas's size and a rule. Outputs: a `Placement` in integers, or a `PlacementRefused`.
Invariant: a placement never enlarges, never stretches and never leaves the canvas; one that would cannot be built.
It is recorded and not computed again, since masks and rules change while the proof of a published image must hold.

The product's size and centre are those of its solid part, so that a faint fringe of the mask moves neither; everything
that is not fully transparent is placed. A product that its photo crops tight gets its margin here, from the rule's
fill: the photo's frame has no influence.
"""

import math
from dataclasses import dataclass

import numpy as np

from infra.interfaces.cutouts import AlphaMask

SOLID_ALPHA = 128
"""Alpha from which a pixel counts as the product when its size is taken: half covered."""

MAX_FILL = 0.95
"""Beyond, a mask's soft fringe would be cut off by the canvas."""

MAX_CANVAS_SIDE = 8192


@dataclass(frozen=True)
class PixelBox:
    """A rectangle of whole pixels."""

    left: int
    top: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if min(self.left, self.top) < 0 or min(self.width, self.height) < 1:
            raise ValueError(f"{self} is no rectangle of pixels.")

    @property
    def right(self) -> int:
        """Return the first column behind the box."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """Return the first row below the box."""
        return self.top + self.height


@dataclass(frozen=True)
class Placement:
    """The transform: the photo's `source` is reduced to `target` on a canvas of this size."""

    canvas_width: int
    canvas_height: int
    source: PixelBox
    target: PixelBox

    def __post_init__(self) -> None:
        source, target = self.source, self.target
        if not (0 < self.canvas_width <= MAX_CANVAS_SIDE and 0 < self.canvas_height <= MAX_CANVAS_SIDE):
            raise ValueError(f"A canvas has 1 to {MAX_CANVAS_SIDE} pixels a side, not those of {self}.")
        if target.right > self.canvas_width or target.bottom > self.canvas_height:
            raise ValueError(f"{target} leaves the canvas of {self.canvas_width} x {self.canvas_height}.")
        if target.width > source.width or target.height > source.height:
            raise ValueError(f"{target} is larger than {source}: a photo is never enlarged.")
        # Each side is rounded by half a pixel at most; a side of one pixel may have been less than half of one.
        skew = abs(target.width * source.height - target.height * source.width)
        if 2 * skew > source.width + source.height and min(target.width, target.height) > 1:
            raise ValueError(f"{source} and {target} have other proportions: a photo is never stretched.")


@dataclass(frozen=True)
class PlacementRule:
    """How large a product is shown, and where.

    `fill` is the larger of its width over the canvas's and its height over the canvas's. A photo that has too few
    pixels for it is shown unscaled if that gives `least_fill`. `centre` is the product's middle as a share of the
    canvas's width; `foot` is where it stands as a share of the height, None for the middle. The defaults are those of
    Amazon's main image: at least 85 % of the frame, centred (`catalogs/data/channels.yaml`).
    """

    fill: float = 0.85
    least_fill: float = 0.85
    centre: float = 0.5
    foot: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.least_fill <= self.fill <= MAX_FILL:
            raise ValueError(f"{self}: 0 < least_fill <= fill <= {MAX_FILL} does not hold.")
        across = min(self.centre, 1 - self.centre) * 2
        if self.fill > across or (self.foot is not None and not self.fill <= self.foot <= 1):
            raise ValueError(f"{self}: a product of this fill does not fit on the canvas there.")


@dataclass(frozen=True)
class PlacementRefused:
    """Why a product cannot be placed: a reason's code, and a sentence with the numbers."""

    reason: str
    detail: str


def place(alpha: AlphaMask, canvas: tuple[int, int], rule: PlacementRule) -> Placement | PlacementRefused:
    """Return where the product of this mask goes on a canvas of (width, height).

    Refuses with `mask.empty` where nothing is solid, `photo.too-small` where the photo would have to be enlarged, and
    `mask.faint-surroundings` where what is faint around the product does not fit on the canvas.
    """
    solid, whole = _bounding_box(alpha, SOLID_ALPHA), _bounding_box(alpha, 1)
    if solid is None or whole is None:
        return PlacementRefused("mask.empty", f"No pixel of the mask has an alpha of {SOLID_ALPHA} or more.")
    width, height = canvas
    by_width = solid.width * height >= solid.height * width  # the side that meets the fill first
    side, room = (solid.width, width) if by_width else (solid.height, height)
    wanted = math.ceil(rule.fill * room)
    if side < wanted and side < rule.least_fill * room:
        return PlacementRefused(
            "photo.too-small",
            f"The product has {side} pixels where {math.ceil(rule.least_fill * room)} are needed; it is not enlarged.",
        )
    return _fit(solid, whole, canvas, min(1.0, wanted / side), rule)


def _fit(
    solid: PixelBox, whole: PixelBox, canvas: tuple[int, int], scale: float, rule: PlacementRule
) -> Placement | PlacementRefused:
    width, height = (max(1, _round(side * scale)) for side in (whole.width, whole.height))
    left = _round(rule.centre * canvas[0] - (solid.left + solid.width / 2 - whole.left) * scale)
    if rule.foot is None:
        top = _round(canvas[1] / 2 - (solid.top + solid.height / 2 - whole.top) * scale)
    else:
        top = _round(rule.foot * canvas[1] - (solid.bottom - whole.top) * scale)
    if min(left, top) < 0 or left + width > canvas[0] or top + height > canvas[1]:
        return PlacementRefused(
            "mask.faint-surroundings",
            f"With what is faint around it the product takes {width} x {height} pixels from ({left}, {top}), which"
            f" leaves the canvas of {canvas[0]} x {canvas[1]}.",
        )
    return Placement(*canvas, whole, PixelBox(left, top, width, height))


def _bounding_box(alpha: AlphaMask, least: int) -> PixelBox | None:
    rows = np.flatnonzero(alpha.max(axis=1, initial=0) >= least)
    columns = np.flatnonzero(alpha.max(axis=0, initial=0) >= least)
    if not len(rows):
        return None
    left, top = int(columns[0]), int(rows[0])
    return PixelBox(left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)


def _round(value: float) -> int:
    return math.floor(value + 0.5)
