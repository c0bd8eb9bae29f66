"""The ground of a photo: the colour behind the product, as far as the photo's own border shows it.

Inputs: pixels (height x width x 3, RGB, 8 bits). Outputs: a `Ground`: a smooth colour for every position, how much of
the border has it, and its noise. A studio's ground is white, tinted, or a sweep that is darker at one end, so colours
are fitted by polynomials of position, the lowest order that explains the border. Products touch the border (eleven of
twelve listing photos), so it is fitted to the colour that most of the border has, and what is unlike it has no weight.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from infra.interfaces import Pixels

Floats = npt.NDArray[np.float32]

RING_SHARE = 0.02
"""The border ring's width over the short side, as in `infra.imaging.metrics.background`."""

MAX_DEVIATION = 12.0
"""Grey levels by which a border pixel may miss the fitted colour and still be ground: the noise and the JPEG blocks of
listing photos stay within it, and a product that is closer is white on white."""

MAX_PLAIN_NOISE = 4.5
"""Noise of a plain ground, seen where nothing stands on it: listing photos have 0 to 3.6, those cut close included.
What a busy ground has within `MAX_DEVIATION` is spread evenly over it, which is a sigma of 6 to 7."""

_FIT_SIDE = 256
_COLOUR_BIN = 16
_ROBUST_ROUNDS = 10
_MIN_FITTED_PIXELS = 100
_ORDER_GAIN = 0.02
"""A higher order must explain at least this share of the border more than the mode alone does."""


@dataclass(frozen=True, eq=False)
class Ground:
    """The fitted colour, `plainness` (share 0..1 of the border that has it) and `noise` (sigma in grey levels)."""

    coefficients: Floats
    plainness: float
    noise: float

    @property
    def covered(self) -> float:
        """Return the share of the border on which something stands before a plain ground; 0 where none is plain."""
        return 1 - self.plainness if self.noise <= MAX_PLAIN_NOISE else 0.0

    def planes(self, height: int, width: int) -> Floats:
        """Return the ground's colour at each pixel (3 x height x width), as if nothing stood on it."""
        down, across = (np.linspace(-1, 1, length, dtype=np.float32) for length in (height, width))
        columns = np.stack([across**to for _, to in _EXPONENTS[: len(self.coefficients)]])
        rows = np.stack([down**by for by, _ in _EXPONENTS[: len(self.coefficients)]], axis=1)
        colours = np.empty((3, height, width), np.float32)
        for plane, channel in zip(colours, self.coefficients.T, strict=True):
            np.matmul(rows * channel, columns, out=plane)
        return np.asarray(np.clip(colours, 1, 255, out=colours))


_EXPONENTS = ((0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (2, 0))
"""Powers of the position down and across (each -1 to 1), by order: 1 term, 3 terms, 6 terms."""
_ORDER_TERMS = (1, 3, 6)


def ring_mask(height: int, width: int) -> npt.NDArray[np.bool_]:
    """Return which pixels are of the border ring."""
    depth = max(1, round(RING_SHARE * min(height, width)))
    ring = np.ones((height, width), np.bool_)
    ring[depth:-depth, depth:-depth] = False
    return ring


def fit_ground(pixels: Pixels) -> Ground:
    """Return the ground of a photo of any size from one pixel on."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _FIT_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)
    rows, columns = np.nonzero(ring_mask(*small.shape[:2]))
    values = small[rows, columns]
    down, across = (
        position * np.float32(2 / max(1, length - 1)) - 1
        for position, length in ((rows.astype(np.float32), size[1]), (columns.astype(np.float32), size[0]))
    )
    terms = np.stack([down**by * across**to for by, to in _EXPONENTS], axis=1).astype(np.float32)
    coefficients, inside = _first_fit(terms, values)
    for count in _ORDER_TERMS[1:]:
        if np.count_nonzero(inside) < _MIN_FITTED_PIXELS:
            break
        finer = _least_squares(terms[inside, :count], values[inside])
        now_inside = _is_explained(terms[:, :count], finer, values)
        if now_inside.mean() >= inside.mean():
            coefficients, inside = finer, now_inside
    rest = values[inside] - terms[inside, : len(coefficients)] @ coefficients
    noise = float(rest.std(axis=0).max()) if len(rest) else 0.0
    return Ground(coefficients, float(inside.mean()), noise)


def _first_fit(terms: Floats, values: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the border's most frequent colour, or a slope along the frame where that explains clearly more of it."""
    bins = (values // _COLOUR_BIN).astype(np.int64) @ np.array((256, 16, 1))
    mode = np.median(values[bins == np.bincount(bins).argmax()], axis=0)[None].astype(np.float32)
    mode_inside = _is_explained(terms[:, :1], mode, values)
    slope, weights = mode, np.ones(len(values), np.float32)
    for _ in range(_ROBUST_ROUNDS):
        slope = _least_squares(terms[:, :3] * weights[:, None], values * weights[:, None])
        misses = np.abs(values - terms[:, :3] @ slope).max(axis=1)
        weights = (1 / np.maximum(1, misses / max(3.0, 1.5 * float(np.median(misses))))).astype(np.float32)
    slope_inside = _is_explained(terms[:, :3], slope, values)
    better = slope_inside.mean() > mode_inside.mean() + _ORDER_GAIN
    return (slope, slope_inside) if better else (mode, mode_inside)


def _least_squares(terms: Floats, values: Floats) -> Floats:
    return np.asarray(np.linalg.lstsq(terms, values, rcond=None)[0], np.float32)


def _is_explained(terms: Floats, coefficients: Floats, values: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray(np.abs(values - terms @ coefficients).max(axis=1) <= MAX_DEVIATION, np.bool_)
