"""The resampler gives the same bytes everywhere: by test vectors, and against exact arithmetic written out."""

import hashlib
import os
import subprocess
import sys
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.compositing.resampler import MAX_SIDE, RESAMPLERS, resample_hermite
from infra.interfaces.cutouts import Cutout
from tests.fixtures.placed_cutouts import drawn_cutout, random_cutouts

UNIT = 1 << 14

VECTORS = {
    (640, 480): "fcdebc8d83d56453d7059e268e740521de1a207d7fbb334b4bc702766cc8f200",
    (639, 479): "5e68d26c4718e7b7db2fbafa5b84eb10a7a700ef4ec5d049de42f3ca680ed76a",
    (576, 432): "239772d4e929eb0ce2cde01be8e53e88d70873e5bd8c2172bc4280580c5e2f31",
    (301, 226): "5943db1e3c0b665438a6777851a74eb41863f8caf23318ac14d5e826c9bd69cb",
    (64, 48): "1350528d700cbf0a4a69f564b225cf9876044d7e0aa4dbe5608038445e14fd38",
    (7, 5): "d5021a8c6a52492611dced3c9f64712712256c3ccb10e43174d48138c836d584",
    (1, 1): "e4473cfbf73f8d368711c1ad652cea0c64926d02f31544aab344371a83a894f9",
}
"""The sha256 of pixels and alpha that `vector_source` becomes at each size. They change with the resampler's name."""


def vector_source(width: int, height: int) -> Cutout:
    """Return pixels and alpha from a formula, so that no generator of random numbers has a part in the vectors."""
    across, down = np.arange(width, dtype=np.int64)[None, :], np.arange(height, dtype=np.int64)[:, None]
    planes = [(across * across * 7 + down * down * 13 + across * down * step) % 251 for step in (3, 5, 11)]
    slope = np.clip((across + 2 * down) - 200, 0, 255) * ((across // 40 + down // 30) % 5 > 0)
    return Cutout(np.stack(planes, axis=2).astype(np.uint8), slope.astype(np.uint8), "formula", "1")


def weights(size: int, reduced: int, index: int) -> list[tuple[int, int]]:
    """Return (input, weight) pairs of one output, from the kernel's definition in fractions."""
    scale = Fraction(size, reduced)
    centre = (index + Fraction(1, 2)) * scale
    kernel = []
    for tap in range(size):
        x = abs(tap + Fraction(1, 2) - centre) / scale
        if x < 1:
            kernel.append((tap, 1 - 3 * x**2 + 2 * x**3))
    total, below, pairs = sum(value for _, value in kernel), Fraction(0), []
    for tap, value in kernel:
        pairs.append((tap, floor((below + value) * UNIT / total) - floor(below * UNIT / total)))
        below += value
    return pairs


def exact(cutout: Cutout, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Reduce a cut-out in Python's own integers, pixel by pixel."""
    rows, columns = cutout.alpha.shape
    pixels, alpha = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
    for top in range(height):
        for left in range(width):
            taps = [
                (down * across, int(cutout.alpha[row, column]), cutout.pixels[row, column])
                for row, down in weights(rows, height, top)
                for column, across in weights(columns, width, left)
            ]
            cover = sum(weight * opacity for weight, opacity, _ in taps)
            full = all(opacity == 255 for weight, opacity, _ in taps if weight)
            alpha[top, left] = 255 if full else min(254, floor(Fraction(cover, UNIT * UNIT) + Fraction(1, 2)))
            if alpha[top, left]:
                for channel in range(3):
                    colour = sum(weight * opacity * int(rgb[channel]) for weight, opacity, rgb in taps)
                    pixels[top, left, channel] = floor(Fraction(colour, cover) + Fraction(1, 2))
    return pixels, alpha


def digest(cutout: Cutout, width: int, height: int) -> str:
    pixels, alpha = resample_hermite(cutout.pixels, cutout.alpha, width, height)
    return hashlib.sha256(pixels.tobytes() + alpha.tobytes()).hexdigest()


@pytest.mark.parametrize("size", VECTORS)
def test_the_output_of_hermite_1_never_changes(size: tuple[int, int]) -> None:
    assert digest(vector_source(640, 480), *size) == VECTORS[size]


@pytest.mark.parametrize(
    "variables",
    [
        {"OPENBLAS_NUM_THREADS": "1"},
        {"OPENBLAS_NUM_THREADS": "4"},
        {"OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_NUM_THREADS": "1"},
        {"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "3"},
    ],
    ids=["one thread", "four threads", "a CPU of 2004", "a CPU of 2008"],
)
def test_a_test_vector_holds_with_other_threads_and_other_instructions(variables: dict[str, str]) -> None:
    program = (
        "from tests.infra.compositing.test_resampler import digest, vector_source;"
        "print(digest(vector_source(640, 480), 301, 226))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    assert done.stdout.decode().strip() == VECTORS[301, 226]


@settings(deadline=None, max_examples=40)
@given(cutout=random_cutouts(12), shares=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)))
def test_every_output_is_the_exact_mean_that_the_kernel_defines(cutout: Cutout, shares: tuple[float, float]) -> None:
    rows, columns = cutout.alpha.shape
    width, height = max(1, int(columns * shares[0])), max(1, int(rows * shares[1]))
    pixels, alpha = resample_hermite(cutout.pixels, cutout.alpha, width, height)
    if (width, height) == (columns, rows):
        assert np.array_equal(alpha, cutout.alpha)
        assert np.array_equal(pixels[alpha > 0], cutout.pixels[alpha > 0])
        assert not pixels[alpha == 0].any()
        return
    wanted, wanted_alpha = exact(cutout, width, height)
    assert np.array_equal(alpha, wanted_alpha)
    assert np.array_equal(pixels, wanted)


def test_one_side_may_keep_its_size_and_its_rows_are_copied() -> None:
    cutout = drawn_cutout(2, 40, 40, margin=-1)
    assert (cutout.alpha == 255).all()
    pixels, _ = resample_hermite(cutout.pixels, cutout.alpha, 40, 20)
    columns, _ = resample_hermite(cutout.pixels[:, :1], cutout.alpha[:, :1], 1, 20)
    assert np.array_equal(pixels[:, :1], columns)


def test_an_opaque_output_read_opaque_inputs_alone() -> None:
    cutout = drawn_cutout(3, 300, 240)
    pixels, alpha = resample_hermite(cutout.pixels, cutout.alpha, 110, 88)
    disturbed = cutout.pixels.copy()
    disturbed[cutout.alpha < 255] = 255 - disturbed[cutout.alpha < 255]
    other, other_alpha = resample_hermite(disturbed, cutout.alpha, 110, 88)
    core = alpha == 255
    assert np.array_equal(alpha, other_alpha)
    assert core.sum() > 4000
    assert np.array_equal(pixels[core], other[core])
    assert not np.array_equal(pixels[~core], other[~core])


def test_no_ground_shows_through_the_edge_of_a_product_of_one_colour() -> None:
    cutout = drawn_cutout(4, 333, 250)
    pixels = np.full_like(cutout.pixels, 0)
    pixels[:] = (255, 0, 0)
    pixels[cutout.alpha > 0] = (12, 200, 77)
    reduced, alpha = resample_hermite(pixels, cutout.alpha, 150, 113)
    assert (reduced[alpha > 0] == (12, 200, 77)).all()
    assert len(np.unique(alpha)) > 50


def test_a_step_is_never_overshot() -> None:
    pixels = np.full((90, 90, 3), 60, np.uint8)
    pixels[:, 45:] = 180
    reduced, _ = resample_hermite(pixels, np.full((90, 90), 255, np.uint8), 37, 37)
    assert (reduced.min(), reduced.max()) == (60, 180)
    assert (np.diff(reduced[0, :, 0].astype(int)) >= 0).all()


@pytest.mark.parametrize("size", [(0, 4), (4, 0), (9, 4), (4, 9)])
def test_a_larger_or_empty_size_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be reduced"):
        resample_hermite(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8), *size)


def test_versions_are_found_by_their_name() -> None:
    assert {"hermite-1": resample_hermite} == RESAMPLERS


def test_a_side_whose_sums_would_not_fit_into_64_bits_is_refused() -> None:
    longest, longer = (np.full((1, side), 255, np.uint8) for side in (MAX_SIDE, MAX_SIDE + 1))
    pixels, alpha = resample_hermite(np.full((*longest.shape, 3), 9, np.uint8), longest, 1, 1)
    assert (pixels.tolist(), alpha.tolist()) == ([[[9, 9, 9]]], [[255]])
    with pytest.raises(ValueError, match="cannot be reduced"):
        resample_hermite(np.zeros((*longer.shape, 3), np.uint8), longer, 1, 1)
