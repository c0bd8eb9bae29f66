"""Composition metrics: a product's size, position and lighting, and whether it is cut off, framed, or one of several.

Inputs: a `Foreground`. Outputs: named floats; nothing is decided here. All of it is read from the foreground's
thumbnail, so it means the same at every size of the image, and takes one or two milliseconds in total.
"""

import cv2
import numpy as np
import numpy.typing as npt

from infra.imaging.metrics.foreground import Foreground, GreyImage
from infra.interfaces import Pixels

_CLOSING_KERNEL = np.ones((3, 3), np.uint8)
_MIN_COMPONENT_SHARE = 0.0005
"""Components under this share of the frame are noise, and are left out of the product's box."""
_MIN_PRODUCT_SHARE = 0.05
"""Components over this share of the frame count as separate products."""

_CLIPPED_LEVEL = 250
_CRUSHED_LEVEL = 5

_MARGIN = 0.1
"""A border is searched in the outer tenth of each side, a dividing line in the rest."""
_MAX_BORDER_DEVIATION = 6
_WHITE = 245
_MAX_COLOUR_SPREAD = 12
_MIN_LINE_STEP = 8
_MIN_VARIANCE = 4.0


def measure_composition(foreground: Foreground) -> dict[str, float]:
    """Return the composition metrics.

    `fill.side`: the larger of the box's width over the frame's and its height over the frame's, 0..1.
    `centre.off`: how far the box's centre is from the frame's, over the frame, the larger of both ways, 0..0.5.
    `edges.touched`: how many of the frame's sides the foreground touches, 0..4.
    `parts.count`: pieces of more than 5 % of the frame each.
    `exposure.mean` (grey), `exposure.clipped` (share 0..1 of the foreground with two channels at 250 or more: white and
    its tints are indistinguishable), `exposure.crushed` (share at 5 or less).
    `frame.step`: how many levels a plain coloured border on all four sides differs from its inside; 0 without a border.
    `collage.halves`: how alike left and right, or top and bottom, are, -1..1. `collage.line`: the share of the frame's
    length, 0..1, that the longest straight edge along a row or column has.
    `mask.confidence`: how reliable all of these are, 0..1.
    """
    return {
        **_measure_box(foreground),
        **_measure_exposure(foreground),
        "frame.step": _border_step(foreground.thumbnail),
        "collage.halves": max(_halves_correlation(foreground.grey), _halves_correlation(foreground.grey.T)),
        "collage.line": max(
            _longest_edge_share(foreground.thumbnail), _longest_edge_share(foreground.thumbnail.transpose(1, 0, 2))
        ),
        "mask.confidence": foreground.confidence(),
    }


def _measure_box(foreground: Foreground) -> dict[str, float]:
    height, width = foreground.product_mask.shape
    closed = cv2.morphologyEx(foreground.product_mask, cv2.MORPH_CLOSE, _CLOSING_KERNEL)
    _, _, components, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    areas = components[1:, cv2.CC_STAT_AREA] / (height * width)
    boxes = components[1:][areas >= _MIN_COMPONENT_SHARE, : cv2.CC_STAT_AREA]
    if not len(boxes):
        return {"fill.side": 0.0, "centre.off": 0.0, "edges.touched": 0.0, "parts.count": 0.0}
    left, top = boxes[:, 0].min(), boxes[:, 1].min()
    right, bottom = (boxes[:, 0] + boxes[:, 2]).max(), (boxes[:, 1] + boxes[:, 3]).max()
    return {
        "fill.side": float(max((right - left) / width, (bottom - top) / height)),
        "centre.off": float(max(abs((left + right) / width - 1), abs((top + bottom) / height - 1)) / 2),
        "edges.touched": float(sum((left == 0, top == 0, right == width, bottom == height))),
        "parts.count": float(np.count_nonzero(areas > _MIN_PRODUCT_SHARE)),
    }


def _measure_exposure(foreground: Foreground) -> dict[str, float]:
    # Without a product the whole frame is measured: a blank image is overexposed, a black one crushed.
    inside = foreground.product_mask if foreground.product_mask.any() else np.ones_like(foreground.product_mask)
    red, green, blue = cv2.split(foreground.thumbnail)
    second = cv2.max(cv2.min(red, green), cv2.min(cv2.max(red, green), blue))
    count = cv2.countNonZero(inside)
    return {
        "exposure.mean": float(cv2.mean(foreground.grey, inside)[0]),
        "exposure.clipped": _count(second >= _CLIPPED_LEVEL, inside) / count,
        "exposure.crushed": _count(foreground.grey <= _CRUSHED_LEVEL, inside) / count,
    }


def _count(condition: npt.NDArray[np.bool_], inside: GreyImage) -> int:
    return int(np.count_nonzero(condition & (inside > 0)))


def _border_step(thumbnail: Pixels) -> float:
    sides = [thumbnail, thumbnail[::-1], thumbnail.transpose(1, 0, 2), thumbnail[:, ::-1].transpose(1, 0, 2)]
    colours, steps = [], []
    for side in sides:
        depth = max(2, round(_MARGIN * len(side)))
        lines = np.median(side[:depth], axis=1)
        if np.abs(side[0] - lines[0]).mean() > _MAX_BORDER_DEVIATION or lines[0].min() >= _WHITE:
            return 0.0
        colours.append(lines[0])
        steps.append(float(np.abs(lines - lines[0]).max()))
    return min(steps) if np.ptp(colours, axis=0).max() <= _MAX_COLOUR_SPREAD else 0.0


def _halves_correlation(grey: GreyImage) -> float:
    """Return how similar the left and the right half are at equal positions; a product's mirrored halves are not."""
    half = grey.shape[1] // 2
    if half == 0:
        return 0.0
    one, other = (part.astype(np.float32) for part in (grey[:, :half], grey[:, -half:]))
    one, other = one - one.mean(), other - other.mean()
    energies = float((one * one).mean()), float((other * other).mean())
    if min(energies) < _MIN_VARIANCE:
        return 0.0
    return float((one * other).mean() / (energies[0] * energies[1]) ** 0.5)


def _longest_edge_share(thumbnail: Pixels) -> float:
    outer = round(_MARGIN * thumbnail.shape[1])
    if thumbnail.shape[1] - 2 * outer < 2:
        return 0.0
    inner = np.ascontiguousarray(thumbnail[:, outer : thumbnail.shape[1] - outer])
    steps = cv2.absdiff(inner[:, 1:], inner[:, :-1]).max(axis=2, initial=0) > _MIN_LINE_STEP
    return float(steps.mean(axis=0).max(initial=0))
