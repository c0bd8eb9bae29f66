"""A prompt carries its kept region wherever it goes, and a region that cannot be one is refused where it is made."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from infra.interfaces import KeptRegion, Prompt
from tests.fixtures.kept_regions import kept_region

REGION = kept_region(64, 48)
PROMPT = Prompt("key", "a mug", 1, 64, 48, kept_region=REGION)


def test_a_prompt_that_travels_comes_back_equal_and_so_does_its_region() -> None:
    copy = pickle.loads(pickle.dumps(PROMPT))  # noqa: S301 - our own bytes
    assert copy == PROMPT
    assert hash(copy) == hash(PROMPT)
    assert copy.kept_region is not REGION
    assert replace(PROMPT, key="other").kept_region is REGION
    assert np.array_equal(copy.kept_region.pixels, REGION.pixels)


def test_one_pixel_or_one_alpha_makes_another_region_and_none_is_no_region() -> None:
    pixels, alpha = REGION.pixels.copy(), REGION.alpha.copy()
    pixels[0, 0, 2] ^= 1
    alpha[0, 0] ^= 1
    assert KeptRegion(pixels, REGION.alpha) != REGION
    assert KeptRegion(REGION.pixels, alpha) != REGION
    assert KeptRegion(REGION.pixels.copy(), REGION.alpha.copy()) == REGION
    assert replace(PROMPT, kept_region=None) != PROMPT
    assert Prompt("key", "a mug", 1, 64, 48).kept_region is None


def test_a_region_counts_its_bytes() -> None:
    assert REGION.nbytes == 64 * 48 * 4


@pytest.mark.parametrize(
    ("pixels", "alpha"),
    [
        (np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4), np.uint8)),
        (np.zeros((4, 5, 4), np.uint8), np.zeros((4, 5), np.uint8)),
        (np.zeros((4, 5, 3), np.float32), np.zeros((4, 5), np.uint8)),
        (np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5), bool)),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_their_shapes_and_types(pixels: np.ndarray, alpha: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"Pixels of \(4, 5, [34]\) .* are no kept region"):
        KeptRegion(pixels, alpha)
