"""The plain-ground cutter: a product before one colour, cut out by flooding that colour from the frame inwards.

Inputs: a photo. Outputs: its mask, 0 or 255. Deterministic, without a model: what joins the frame and has the ground's
colour is ground, and so are its enclosed patches (the holes of handles and rings) and its soft shadows. A shadow is
the ground's colour, darker and without an edge of its own; a product has an edge, at which the flood stops.

It has no vote where the ground is not plain (`Ground.plainness`): it then returns whatever is unlike the border. It
takes for product a shadow with a hard edge, and for ground a product's part that fades into the ground's colour; so it
is compared with another cutter (`mask.agreement`), and outlines without contrast are counted (`mask.faint`).

It decides at 1024 px at most: `infra.cutout.refinement` finds the edge at the photo's own size.
"""

import cv2
import numpy as np
import numpy.typing as npt

from infra.cutout.ground import Ground, ring_mask
from infra.cutout.reduced_photo import ReducedPhoto, largest_difference, reduce_photo, row_blocks, split_planes
from infra.interfaces import AlphaMask, Photo, Pixels

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]
Seeds = list[tuple[int, int]]
"""Rows and columns of pixels."""

MIN_TOLERANCE, MAX_TOLERANCE = 5.0, 14.0
"""Grey levels by which ground may miss its fitted colour: 3 and four times its noise, between these two."""

MIN_SHADOW, MAX_SHADOW_CAST = 0.45, 8.0
"""How dark a soft shadow may be over the ground, and how many grey levels it may be off the ground's own tint."""

SHADOW_SLOPES = ((1800.0, 1.0), (2560.0, 0.2), (3600.0, 0.08))
"""The steepest slopes of a soft shadow, in grey levels over the photo's long side (2560 is 2.5 levels a pixel at 1024
px), and the share of the product that each may take away. They are tried in this order until one takes more: drawn
shadows reach 2600 and are at most a sixth of what was taken for product before; through a gap in a faint edge a flood
takes a fifth (a sneaker's white sole) or nearly all (a white lamp). A clear edge has 10,000."""

MIN_HOLE_SHARE, MAX_HOLE_DEVIATION = 0.0004, 3.0
"""An enclosed patch is a hole from this share of the frame on, and if its mean is this close to the ground's colour."""

MIN_PART_SHARE = 0.0003
"""Smaller islands are dust or noise on the ground."""

GAP = 3
"""A shadow is flooded at this distance in pixels from every edge, so a faint edge may have gaps of twice as much."""

_MIN_HOLE_CORE = 0.2
"""A hole keeps at least this share when its rim is taken off: lines and letters do not."""


class PlainGroundCutter:
    """Cuts by the ground's colour."""

    name, version = "plain-ground", "1"

    def cut(self, photo: Photo) -> AlphaMask:
        """Return the mask, at the photo's size."""
        height, width = photo.pixels.shape[:2]
        return self.cut_reduced(reduce_photo(photo), height, width)

    def cut_reduced(self, photo: ReducedPhoto, height: int, width: int) -> AlphaMask:
        """Return the mask of a photo of this size that was reduced before."""
        product = _without_dust(_find_product(photo)) * np.uint8(255)
        if product.shape == (height, width):
            return product
        enlarged = cv2.resize(product, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.threshold(enlarged, 127, 255, cv2.THRESH_BINARY)[1], np.uint8)


def _find_product(photo: ReducedPhoto) -> AlphaMask:
    """Return the product by the steepest shadow that takes no part of it."""
    colours, tolerance = photo.ground_colours, _tolerance(photo.ground)
    calm = cv2.GaussianBlur(photo.pixels, (0, 0), 1.0)
    near, tinted = _near_ground(calm, colours, tolerance)
    # What is near without the blur is ground too, up to the edge itself.
    sharp = photo.difference
    seeds, slope = _seeds(near, photo.pixels, colours), _slope(calm)
    product: AlphaMask | None = None
    for limit, loss in SHADOW_SLOPES:
        gentle = np.asarray(slope <= limit / max(slope.shape), np.uint8)
        shadow = tinted & (cv2.erode(gentle, _kernel(2 * GAP + 1)) > 0)
        reclaimed = np.asarray(((near | tinted) & (gentle > 0)) | (sharp <= tolerance), np.uint8)
        found = 1 - _flooded((near | shadow).view(np.uint8), seeds, reclaimed)
        if product is not None and cv2.countNonZero(found) < (1 - loss) * cv2.countNonZero(product):
            break
        product = found
    return np.asarray(product, np.uint8)


def _flooded(open_ground: AlphaMask, seeds: Seeds, reclaimed: AlphaMask) -> AlphaMask:
    """Return what joins the seeds, and of the strip that was left before each edge what is ground as well."""
    count, labels = cv2.connectedComponents(open_ground, connectivity=4)
    is_ground = np.zeros(count, np.uint8)
    is_ground[[labels[seed] for seed in seeds]] = 1
    is_ground[0] = 0
    flooded = np.asarray(np.take(is_ground, labels), np.uint8)
    for _ in range(GAP):
        flooded |= cv2.dilate(flooded, _kernel(3)) & reclaimed
    return flooded


def _tolerance(ground: Ground) -> float:
    return float(np.clip(4 * ground.noise + 3, MIN_TOLERANCE, MAX_TOLERANCE))


def _near_ground(calm: Pixels, colours: Floats, tolerance: float) -> tuple[Booleans, Booleans]:
    """Return where the ground's colour is, and where it is darker by a shadow: the same tint, less of it."""
    near, tinted = (np.empty(calm.shape[:2], np.bool_) for _ in range(2))
    for rows in row_blocks(len(calm)):
        near[rows], tinted[rows] = _near_ground_rows(calm[rows], colours[:, rows], tolerance)
    return near, tinted


def _near_ground_rows(calm: Pixels, colours: Floats, tolerance: float) -> tuple[Booleans, Booleans]:
    channels = split_planes(calm)
    near = largest_difference(channels, colours) <= tolerance
    light = sum(plane * ground for plane, ground in zip(channels, colours, strict=True))
    brightness = light / sum(ground * ground for ground in colours)
    cast = largest_difference(channels, [ground * brightness for ground in colours])
    return near, (cast <= MAX_SHADOW_CAST) & (brightness >= MIN_SHADOW) & (brightness < 1.02)


def _slope(calm: Pixels) -> Floats:
    """Return the slope of the grey levels, in levels a pixel."""
    grey = cv2.cvtColor(calm, cv2.COLOR_RGB2GRAY)
    slopes = [cv2.Sobel(grey, cv2.CV_32F, *along, ksize=3, scale=1 / 8) for along in ((1, 0), (0, 1))]
    return np.asarray(cv2.magnitude(*slopes), np.float32)


def _kernel(side: int) -> AlphaMask:
    return np.ones((side, side), np.uint8)


def _seeds(near: Booleans, pixels: Pixels, colours: Floats) -> Seeds:
    """Return a pixel of each patch of the ground's colour that reaches the frame, or is a hole."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(near.astype(np.uint8), connectivity=4)
    is_ground = np.zeros(count, np.bool_)
    is_ground[labels[ring_mask(*near.shape) & near]] = True
    may_be_hole = (stats[:, cv2.CC_STAT_AREA] >= MIN_HOLE_SHARE * near.size) & ~is_ground
    may_be_hole[0] = False  # what is not near
    cores = cv2.erode(near.astype(np.uint8), _kernel(5))
    for label in np.flatnonzero(may_be_hole):
        left, top, width, height, area = (int(number) for number in stats[label])
        box = slice(top, top + height), slice(left, left + width)
        inside = labels[box] == label
        if cv2.countNonZero(inside & cores[box]) >= _MIN_HOLE_CORE * area:
            mean, ground = pixels[box][inside].mean(axis=0), colours[:, *box][:, inside].mean(axis=1)
            is_ground[label] = np.abs(mean - ground).max() <= MAX_HOLE_DEVIATION
    is_ground[0] = False
    return [_first_pixel(labels, int(label), stats[label]) for label in np.flatnonzero(is_ground)]


def _first_pixel(labels: npt.NDArray[np.int32], label: int, box: npt.NDArray[np.int32]) -> tuple[int, int]:
    left, top, width = (int(number) for number in box[:3])
    return top, left + int((labels[top, left : left + width] == label).argmax())


def _without_dust(product: AlphaMask) -> AlphaMask:
    count, labels = cv2.connectedComponents(product, connectivity=8)
    stays = np.bincount(labels.ravel(), minlength=count) >= MIN_PART_SHARE * product.size
    stays[0] = False
    return np.asarray(np.take(stays.view(np.uint8), labels), np.uint8)
