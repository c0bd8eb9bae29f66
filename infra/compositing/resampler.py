"""Resampler: reduce a cut-out's pixels and alpha to a smaller size, with the same bytes on every machine.

Inputs: RGB pixels, alpha, and the smaller size. Outputs: RGB pixels and alpha of that size.
Invariants: every number that is summed is an integer below 2^53, so float64 holds each partial sum exactly, and the
result depends on no order of summation, SIMD width or fused multiplication. Alpha 255 in the output means that only
opaque pixels were read, so such a pixel is a mean of the photo's own pixels and of nothing else. At scale 1 the pixels
are copied.

`hermite-1` is the separable kernel 1 - 3 x^2 + 2 |x|^3 on (-1, 1), widened by the reduction (ImageMagick's Hermite
filter). It is sharper than a tent, and has no negative lobes: they would draw rims along print and outline that the
photo has not. Colours are averaged with their alpha as weight (premultiplied), so no ground's colour bleeds in. Weights
are in units of 2^-14 and sum to 1 exactly.

Matrices replace loops, since each output row reads some rows alone. Run it with one BLAS thread, as measuring processes
are: at these sizes two only wait for each other, and took 3 times the CPU.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from infra.interfaces import Pixels
from infra.interfaces.cutouts import AlphaMask

RESAMPLER = "hermite-1"
"""What new images are made with. A change of any output byte is a new name, and the old one stays for its proofs."""

_WEIGHT_BITS = 14
_ROWS, _COLUMNS = 8, 16
"""Output rows and columns that are computed at once. More multiply more zeros, fewer are more calls."""

_Matrix = npt.NDArray[np.float64]
_Sums = npt.NDArray[np.int64]


class _Band(NamedTuple):
    """Some outputs: `weights` (outputs x inputs) over the inputs from `start` to `end`."""

    first: int
    start: int
    end: int
    weights: _Matrix


def resample_hermite(pixels: Pixels, alpha: AlphaMask, width: int, height: int) -> tuple[Pixels, AlphaMask]:
    """Return pixels and alpha at this size; a colour is 0 where alpha is. Raises ValueError for a larger size."""
    rows, columns = alpha.shape
    if not (0 < width <= columns and 0 < height <= rows):
        raise ValueError(f"An image of {columns} x {rows} cannot be reduced to {width} x {height}.")
    if (width, height) == (columns, rows):
        return np.where(alpha[..., None] > 0, pixels, np.uint8(0)), alpha.copy()
    reduced, reduced_alpha = np.empty((height, width, 3), np.uint8), np.empty((height, width), np.uint8)
    across = _bands(columns, width, _COLUMNS)
    for band in _bands(rows, height, _ROWS):
        lines = _premultiplied(pixels[band.start : band.end], alpha[band.start : band.end])
        sums = _reduce_columns(band.weights @ lines.reshape(len(lines), -1), across, columns, width)
        target = slice(band.first, band.first + len(sums))
        reduced[target], reduced_alpha[target] = _divide_by_alpha(sums)
    return reduced, reduced_alpha


RESAMPLERS: Mapping[str, Callable[[Pixels, AlphaMask, int, int], tuple[Pixels, AlphaMask]]] = {
    RESAMPLER: resample_hermite
}
"""Every version that a proof may name."""


def _premultiplied(pixels: Pixels, alpha: AlphaMask) -> _Matrix:
    """Return rows x (red, green, blue, alpha) x columns."""
    planes = np.empty((len(alpha), 4, alpha.shape[1]))
    planes[:, 3] = alpha
    for channel in range(3):
        np.multiply(pixels[..., channel], planes[:, 3], out=planes[:, channel])
    return planes


def _reduce_columns(lines: _Matrix, across: Sequence[_Band], columns: int, width: int) -> _Sums:
    """Return rows x (red, green, blue, alpha) x `width`, in units of 2^-28."""
    planes = lines.reshape(-1, columns)
    reduced = np.empty((len(planes), width), np.int64)
    for band in across:
        reduced[:, band.first : band.first + len(band.weights)] = planes[:, band.start : band.end] @ band.weights.T
    return reduced.reshape(-1, 4, width)


def _divide_by_alpha(sums: _Sums) -> tuple[Pixels, AlphaMask]:
    """Return colours and alpha, each rounded once, half up; only what is wholly opaque is rounded to 255."""
    coverage, unit = sums[:, 3], 1 << (2 * _WEIGHT_BITS)
    alpha = np.minimum((coverage + unit // 2) // unit, np.where(coverage == 255 * unit, 255, 254))
    divisor = np.maximum(coverage, 1)[:, None]
    colours = (2 * sums[:, :3] + divisor) // (2 * divisor)
    colours *= alpha[:, None] > 0
    return np.ascontiguousarray(colours.transpose(0, 2, 1), np.uint8), alpha.astype(np.uint8)


def _bands(size: int, reduced: int, count: int) -> list[_Band]:
    """Return the kernel's weights for every output, `count` outputs a matrix."""
    taps = [_taps(size, reduced, index) for index in range(reduced)]
    bands = []
    for first in range(0, reduced, count):
        group = taps[first : first + count]
        start, end = group[0][0], max(begin + len(weights) for begin, weights in group)
        matrix = np.zeros((len(group), end - start))
        for row, (begin, weights) in zip(matrix, group, strict=True):
            row[begin - start : begin - start + len(weights)] = weights
        bands.append(_Band(first, start, end, matrix))
    return bands


def _taps(size: int, reduced: int, index: int) -> tuple[int, list[int]]:
    """Return the first input that an output reads, and its weights, which are integers and sum to 2^14.

    In units of 1 / (2 reduced) of an input pixel: the output's centre is at (2 index + 1) size, an input's at
    (2 input + 1) reduced, and the kernel reaches 2 size to both sides.
    """
    centre, reach = (2 * index + 1) * size, 2 * size
    start = max(0, (centre - reach) // (2 * reduced))
    end = min(size, -((-centre - reach) // (2 * reduced)))
    distances = (min(reach, abs((2 * tap + 1) * reduced - centre)) for tap in range(start, end))
    kernel = [reach**3 - 3 * reach * distance**2 + 2 * distance**3 for distance in distances]
    total = sum(kernel)
    bounds = [(partial << _WEIGHT_BITS) // total for partial in accumulate(kernel, initial=0)]
    return start, [after - before for before, after in pairwise(bounds)]
