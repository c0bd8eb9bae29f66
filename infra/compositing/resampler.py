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
are: at these sizes two only wait for each other, and took 3 times the CPU. Sums stay in float64 to the end: a quotient
of such integers is off by less than 2^-44, and one that is not whole misses a whole number by 2^-37 or more, so it
is rounded as integers are.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from infra.interfaces import Pixels
from infra.interfaces.cutouts import AlphaMask

RESAMPLER = "hermite-1"
"""What new images are made with. A change of any output byte is a new name, and the old one stays for its proofs."""

_WEIGHT_BITS = 14
_UNIT = float(1 << (2 * _WEIGHT_BITS))
"""What the weights of an output pixel sum to, across and down together."""
_ROWS, _COLUMNS, _ROW_BANDS = 8, 16, 4
"""Output rows and columns that are computed at once. More multiply more zeros, fewer are more calls. Columns are
reduced in so many bands of rows together."""
MAX_SIDE = 1 << 14
"""Up to it the kernel's sums fit into 64 bits."""

_Matrix = npt.NDArray[np.float64]
_Counts = npt.NDArray[np.int64]


class _Band(NamedTuple):
    """Some outputs: `weights` (outputs x inputs) over the inputs from `start` to `end`."""

    first: int
    start: int
    end: int
    weights: _Matrix


def resample_hermite(pixels: Pixels, alpha: AlphaMask, width: int, height: int) -> tuple[Pixels, AlphaMask]:
    """Return pixels and alpha at this size; a colour is 0 where alpha is.

    Raises ValueError for a larger size, and for a side of more than `MAX_SIDE`.
    """
    rows, columns = alpha.shape
    if not (0 < width <= columns and 0 < height <= rows and max(columns, rows) <= MAX_SIDE):
        raise ValueError(f"An image of {columns} x {rows} cannot be reduced to {width} x {height}.")
    if (width, height) == (columns, rows):
        return np.where(alpha[..., None] > 0, pixels, np.uint8(0)), alpha.copy()
    reduced, reduced_alpha = np.empty((height, width, 3), np.uint8), np.empty((height, width), np.uint8)
    across, down = _bands(columns, width, _COLUMNS), _bands(rows, height, _ROWS)
    for first in range(0, len(down), _ROW_BANDS):
        lines = [_reduce_rows(pixels, alpha, band) for band in down[first : first + _ROW_BANDS]]
        sums = _reduce_columns(np.concatenate(lines), across, width)
        target = slice(down[first].first, down[first].first + len(sums))
        reduced[target], reduced_alpha[target] = _divide_by_alpha(sums)
    return reduced, reduced_alpha


RESAMPLERS: Mapping[str, Callable[[Pixels, AlphaMask, int, int], tuple[Pixels, AlphaMask]]] = {
    RESAMPLER: resample_hermite
}
"""Every version that a proof may name."""


def _reduce_rows(pixels: Pixels, alpha: AlphaMask, band: _Band) -> _Matrix:
    """Return outputs x (red, green, blue, alpha) x columns."""
    lines = _premultiplied(pixels[band.start : band.end], alpha[band.start : band.end])
    return np.asarray((band.weights @ lines.reshape(len(lines), -1)).reshape(-1, *lines.shape[1:]))


def _premultiplied(pixels: Pixels, alpha: AlphaMask) -> _Matrix:
    """Return rows x (red, green, blue, alpha) x columns."""
    planes = np.empty((len(alpha), 4, alpha.shape[1]))
    planes[:, 3] = alpha
    for channel in range(3):
        np.multiply(pixels[..., channel], planes[:, 3], out=planes[:, channel])
    return planes


def _reduce_columns(lines: _Matrix, across: Sequence[_Band], width: int) -> _Matrix:
    """Return rows x (red, green, blue, alpha) x `width`, in units of 2^-28."""
    planes = lines.reshape(-1, lines.shape[-1])
    reduced = np.empty((len(planes), width))
    for band in across:
        reduced[:, band.first : band.first + len(band.weights)] = planes[:, band.start : band.end] @ band.weights.T
    return reduced.reshape(-1, 4, width)


def _divide_by_alpha(sums: _Matrix) -> tuple[Pixels, AlphaMask]:
    """Return colours and alpha, each rounded once, half up; only what is wholly opaque is rounded to 255."""
    coverage = sums[:, 3]
    alpha = np.minimum(coverage / _UNIT + 0.5, np.where(coverage == 255 * _UNIT, 255.0, 254.0)).astype(np.uint8)
    divisor = np.maximum(coverage, 1)[:, None]
    quotients = sums[:, :3] + divisor / 2
    quotients /= divisor
    colours = quotients.astype(np.uint8) * (alpha > 0)[:, None]  # all are positive, so they are rounded down
    return np.ascontiguousarray(colours.transpose(0, 2, 1)), alpha


def _bands(size: int, reduced: int, count: int) -> list[_Band]:
    """Return the kernel's weights for every output, `count` outputs a matrix."""
    starts, weights = _taps(size, reduced)
    bands = []
    for first in range(0, reduced, count):
        group = weights[first : first + count]
        offsets = starts[first : first + count] - starts[first]
        matrix = np.zeros((len(group), min(int(offsets[-1]) + weights.shape[1], size - int(starts[first]))))
        for row, offset, taps in zip(matrix, offsets, group, strict=True):
            row[offset : offset + len(taps)] = taps[: len(row) - offset]
        bands.append(_Band(first, int(starts[first]), int(starts[first]) + matrix.shape[1], matrix))
    return bands


def _taps(size: int, reduced: int) -> tuple[_Counts, _Counts]:
    """Return the first input that each output reads, and its weights: integers that sum to 2^14, then zeros.

    In units of 1 / (2 reduced) of an input pixel: the output's centre is at (2 index + 1) size, an input's at
    (2 input + 1) reduced, and the kernel reaches 2 size to both sides.
    """
    centres, reach = (2 * np.arange(reduced, dtype=np.int64) + 1) * size, 2 * size
    starts = np.maximum(0, (centres - reach) // (2 * reduced))
    taps = starts[:, None] + np.arange(min(size, 2 * size // reduced + 3))
    distances = np.minimum(reach, np.abs((2 * taps + 1) * reduced - centres[:, None]))
    kernel = reach**3 - 3 * reach * distances**2 + 2 * distances**3
    kernel[taps >= size] = 0
    partials = np.cumsum(kernel, axis=1)
    bounds, rest, totals = np.zeros_like(partials), partials, partials[:, -1:].copy()
    for _ in range(_WEIGHT_BITS + 1):  # (partial << 14) // total, a bit at a time, since the shifted one has 70 bits
        digit = rest // totals
        bounds, rest = 2 * bounds + digit, 2 * (rest - digit * totals)
    return starts, np.diff(bounds, axis=1, prepend=0)
