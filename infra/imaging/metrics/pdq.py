"""PDQ: a 256-bit perceptual fingerprint that survives re-encoding, in numpy and OpenCV.

Inputs: pixels (height x width x 3, RGB, 8 bits). Outputs: 32 bytes and a quality of 0 to 100.
The algorithm is Facebook's (ThreatExchange, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing
Algorithm", 2019): luma, two passes of Jarosz box filters, decimation to 64 x 64, the 16 x 16 lowest cosine terms
without the constant ones, one bit per term: above the median or not. The package `pdqhash` is not used, because it is
compiled from source on every machine and takes ten times as long; the tests compare this implementation with it.
"""

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from infra.interfaces import Pixels

PDQ_VERSION = "pdq-1-area512"
"""Names the algorithm and the resizing before it. Fingerprints of two versions are never compared."""

BITS = 256
LONG_SIDE = 512
"""Larger images are first reduced by area to this long side (the practice of ThreatExchange's own tools)."""

_GRID = 64
_COSINE_TERMS = 16
_PASSES = 2
_QUALITY_DIVISOR = 90.0

_Floats = npt.NDArray[np.float32]


def pdq(pixels: Pixels) -> tuple[bytes, float]:
    """Return the fingerprint (32 bytes) and how far it can be trusted (0 blank … 100 full of edges).

    The bytes are in the order of PDQ's hexadecimal text: the highest frequency's bit comes first. PDQ's authors
    advise against matching fingerprints of quality below 50.
    """
    grid = _decimate(_luma(pixels))
    return _hash_bits(grid), _quality(grid)


def hamming_distance(one: bytes, other: bytes) -> int:
    """Return the number of bits, 0 to 256, in which two fingerprints differ."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def _luma(pixels: Pixels) -> _Floats:
    height, width = pixels.shape[:2]
    scale = LONG_SIDE / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.float32)


def _decimate(luma: _Floats) -> _Floats:
    height, width = luma.shape
    down, down_counts, rows = _box_filter_window(height)
    across, across_counts, columns = _box_filter_window(width)
    anchor = (across - 1 - across // 2, down - 1 - down // 2)
    inside = np.outer(down_counts, across_counts)
    for _ in range(_PASSES):
        total = cv2.boxFilter(
            luma, cv2.CV_32F, (across, down), anchor=anchor, normalize=False, borderType=cv2.BORDER_CONSTANT
        )
        luma = total * inside
    return luma[np.ix_(rows, columns)]


@lru_cache(maxsize=64)
def _box_filter_window(length: int) -> tuple[int, _Floats, npt.NDArray[np.intp]]:
    """Return the filter's width over this many pixels, 1 / (pixels under it) at each, and the 64 positions kept."""
    size = (length + 2 * _GRID - 1) // (2 * _GRID)
    right = size // 2
    left = size - 1 - right
    positions = np.arange(length)
    under = np.minimum(positions + right, length - 1) - np.maximum(positions - left, 0) + 1
    kept = ((np.arange(_GRID) + 0.5) * length / _GRID).astype(np.intp)
    return size, (1 / under).astype(np.float32), kept


def _hash_bits(grid: _Floats) -> bytes:
    terms = _COSINES @ grid @ _COSINES.T
    # The lower of the two middle values: with an even count, exactly half of the bits are set.
    median = np.partition(terms, BITS // 2 - 1, axis=None)[BITS // 2 - 1]
    return np.packbits((terms > median).ravel()[::-1]).tobytes()


def _quality(grid: _Floats) -> float:
    """Sum the whole percents of full scale by which neighbours in the grid differ, over the paper's divisor."""
    steps = sum(int(np.trunc(np.abs(np.diff(grid, axis=axis)) * 100 / 255).sum()) for axis in (0, 1))
    return float(min(100, int(steps / _QUALITY_DIVISOR)))


def _cosines() -> _Floats:
    terms = np.arange(1, _COSINE_TERMS + 1)[:, None]
    positions = 2 * np.arange(_GRID)[None, :] + 1
    return np.asarray(np.sqrt(2 / _GRID) * np.cos(np.pi / (2 * _GRID) * terms * positions), dtype=np.float32)


_COSINES = _cosines()
