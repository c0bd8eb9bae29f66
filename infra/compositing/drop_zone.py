"""Drop zone: is the place of an empty scene where a product will stand really empty, and fit to stand on.

Inputs: a scene's pixels, and where a product stands in it. Outputs: the box that it may take, and named floats; nothing
is decided here. Measured at a long side of 512 px, so that a share means the same for every picture.

Lines are no objects: a horizon, a room's corner, grain, seams and veins run through the zone from side to side. An
object has an outline that closes. So edges (slopes of the slightly blurred colours) are closed to a barrier, the
picture's border is flooded, and what the flood does not reach is taken as solid, once what is thinner than a twentieth
of the zone is opened away. What then has neither another colour than its surroundings nor edges of its own is ground
between veins. An edge must stand out from the picture's own texture outside the zone, so that grain is no outline.

Measured on 420 drawn scenes (`infra.nano.drawing.scenes`, 800 x 600 and 1280 x 1024): 210 empty ones have no
`zone.object` and at most 0.075 `zone.edges`; 210 with a product have 0.020 to 0.71 `zone.object`. Of 60 more of marble,
of 1024 x 1024, two have 0.003 and 0.007. No photographed backdrop was measured.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from infra.compositing.product_placement import PixelBox, PlacementRule
from infra.imaging.metrics.foreground import downscale, estimate_noise
from infra.imaging.metrics.pixels import MAX_MEASURED_SIDE, measure_sharpness
from infra.interfaces import Pixels

MEASURED_SIDE = 512

_BLUR = 1.2
_MIN_SLOPE = 5.0
"""Levels a pixel from which a slope is an edge; a camera's noise of 1.5 levels gives 0.3 once it is blurred."""
_OVER_TEXTURE, _TEXTURE_QUANTILE = 3.0, 0.75
"""How far above the upper quartile of the slopes outside the zone an edge must be."""
_BARRIER_KERNEL = np.ones((5, 5), np.uint8)
_THIN = 0.05
"""Share of the zone's shorter side below which something is a line."""
_OTHER_COLOUR = 12.0
"""Levels of one channel by which an object's colour differs from its surroundings."""
_OWN_EDGES = 0.1
"""Share of edge pixels well inside of what has its surroundings' colour, from which it is an object: print."""
_CORE_KERNEL, _GAP_KERNEL, _RING_KERNEL = (np.ones((side, side), np.uint8) for side in (7, 5, 15))
_WELL_INSIDE_KERNEL = np.ones((21, 21), np.uint8)
"""Wide enough to leave out the outline itself, which where veins cross is a vein."""

_FOOT_DEPTH = 0.06
"""Height of the strip that a contact shadow falls on, as a share of the picture's height, above and below the foot."""
_CLIPPED_LEVEL = 250
_MIN_EDGE_PIXELS = 200
"""Edge pixels below which nothing is said of sharpness: a plain ground has none."""

_Floats = npt.NDArray[np.float32]
_Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _Scene:
    calm: _Floats
    edges: _Mask
    box: PixelBox

    def zone(self, plane: _Mask) -> _Mask:
        return plane[self.box.top : self.box.bottom, self.box.left : self.box.right]


def drop_zone(width: int, height: int, rule: PlacementRule) -> PixelBox:
    """Return the box that products of the rule's fill may take in a picture of this size, whatever their proportions.

    A picture that is cropped around (centre, foot) has a smaller zone inside this one. Raises ValueError for a rule
    without a foot.
    """
    if rule.foot is None:
        raise ValueError(f"{rule} has no foot, so nothing stands on a scene by it.")
    left, right = ((rule.centre + sign * rule.fill / 2) * width for sign in (-1, 1))
    top, bottom = (rule.foot - rule.fill) * height, rule.foot * height
    first, above = (min(max(0, round(edge)), side - 1) for edge, side in ((left, width), (top, height)))
    last, below = min(width, round(right)), min(height, round(bottom))
    return PixelBox(first, above, max(1, last - first), max(1, below - above))


def measure_drop_zone(pixels: Pixels, rule: PlacementRule) -> dict[str, float]:
    """Return the measurements of a scene (height x width x 3, RGB, 8 bits).

    `zone.object`: share of the drop zone that objects in it take, 0 to 1. `zone.edges`: share of its pixels on an edge.
    `foot.level`: mean grey level where a contact shadow falls; `foot.clipped`: share of it with a channel at 250 or
    more. `scene.width`, `scene.height` in pixels. `scene.sharpness`: as `blur.foreground` of
    `infra.imaging.metrics.pixels`, of all edges; absent where there are next to none.
    """
    height, width = pixels.shape[:2]
    scene = _read_scene(downscale(pixels, MEASURED_SIDE), rule)
    return {
        "zone.object": _object_share(scene),
        "zone.edges": float(scene.zone(scene.edges).mean()),
        **_measure_foot(pixels, rule),
        "scene.width": float(width),
        "scene.height": float(height),
        **_measure_sharpness(pixels, scene),
    }


def _read_scene(small: Pixels, rule: PlacementRule) -> _Scene:
    calm = cv2.GaussianBlur(small.astype(np.float32), (0, 0), _BLUR)
    along = [cv2.Sobel(calm, cv2.CV_32F, *axis, ksize=3, scale=1 / 8) for axis in ((1, 0), (0, 1))]
    slopes = np.asarray(np.hypot(*along).max(axis=2), np.float32)
    box = drop_zone(small.shape[1], small.shape[0], rule)
    outside = np.ones(slopes.shape, bool)
    outside[box.top : box.bottom, box.left : box.right] = False
    texture = float(np.quantile(slopes[outside], _TEXTURE_QUANTILE)) if outside.any() else 0.0
    edges = np.asarray(slopes > max(_MIN_SLOPE, _OVER_TEXTURE * texture), np.uint8)
    return _Scene(np.asarray(calm, np.float32), edges, box)


def _object_share(scene: _Scene) -> float:
    closed = _not_reached(scene.edges)
    side = max(3, round(_THIN * min(scene.box.width, scene.box.height)) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    solid = scene.zone(np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel), np.uint8))
    count, labels = cv2.connectedComponents(solid, connectivity=8)
    objects = 0
    for label in range(1, count):
        piece = np.zeros_like(scene.edges)
        scene.zone(piece)[...] = labels == label
        if _is_object(scene, piece, closed):
            objects += cv2.countNonZero(piece)
    return objects / solid.size


def _not_reached(edges: _Mask) -> _Mask:
    """Return 1 on edges and on what they enclose: where a flood from the picture's border does not come."""
    barrier = cv2.morphologyEx(edges, cv2.MORPH_CLOSE, _BARRIER_KERNEL)
    framed = cv2.copyMakeBorder(barrier, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0.0,))
    cv2.floodFill(framed, None, (0, 0), (2.0,))
    return np.asarray(framed[1:-1, 1:-1] != 2, np.uint8)


def _is_object(scene: _Scene, piece: _Mask, closed: _Mask) -> bool:
    """Tell whether an enclosed piece has another colour than the ground around it, or edges of its own."""
    well_inside = cv2.erode(piece, _WELL_INSIDE_KERNEL) > 0
    if well_inside.any() and float(scene.edges[well_inside].mean()) >= _OWN_EDGES:
        return True
    core = cv2.erode(piece, _CORE_KERNEL)
    inside = (core if cv2.countNonZero(core) else piece) > 0
    around = cv2.dilate(piece, _RING_KERNEL) - cv2.dilate(piece, _GAP_KERNEL)
    ring = (around & (1 - closed)) > 0
    if not ring.any():  # edges all around: nothing speaks for ground
        return True
    apart = np.abs(np.median(scene.calm[inside], axis=0) - np.median(scene.calm[ring], axis=0))
    return float(apart.max()) >= _OTHER_COLOUR


def _measure_foot(pixels: Pixels, rule: PlacementRule) -> dict[str, float]:
    height, width = pixels.shape[:2]
    box = drop_zone(width, height, rule)
    depth = max(1, round(_FOOT_DEPTH * height))
    strip = pixels[max(0, box.bottom - depth) : box.bottom + depth, box.left : box.right]
    grey = cv2.cvtColor(np.ascontiguousarray(strip), cv2.COLOR_RGB2GRAY)
    clipped = np.count_nonzero(strip.max(axis=2) >= _CLIPPED_LEVEL) / grey.size
    return {"foot.level": float(grey.mean()), "foot.clipped": float(clipped)}


def _measure_sharpness(pixels: Pixels, scene: _Scene) -> dict[str, float]:
    if cv2.countNonZero(scene.edges) < _MIN_EDGE_PIXELS:
        return {}
    grey = np.asarray(cv2.cvtColor(downscale(pixels, MAX_MEASURED_SIDE), cv2.COLOR_RGB2GRAY), np.uint8)
    beside = cv2.dilate(scene.edges, _RING_KERNEL)
    mask = np.asarray(cv2.resize(beside, grey.shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
    return {"scene.sharpness": measure_sharpness(grey, mask, estimate_noise(grey, mask))}
