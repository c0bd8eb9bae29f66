"""What a product looks like does not depend on the scene that it stands on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.compositing.composite import compose
from infra.compositing.placed_product import PlacedProduct
from infra.imaging.metrics.appearance import MIN_CROP_QUALITY, measure_appearance
from infra.imaging.metrics.pdq import pdq
from infra.imaging.metrics.staged_product import measure_staged_product
from infra.interfaces import Pixels
from infra.interfaces.cutouts import AlphaMask
from tests.fixtures.drawn_stages import drawn_stage
from tests.fixtures.product_images import product_image, subject_mask

SIDE = 256


def bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def staged(product: int, stage: int) -> tuple[Pixels, AlphaMask]:
    """Return a drawn product, of which a disc is shown, on a drawn stage."""
    alpha = np.where(subject_mask("round", SIDE) >= 128, np.uint8(255), np.uint8(0))
    alpha[:, : SIDE // 8] = 0
    pixels = np.roll(product_image(product, SIDE), product * 7, axis=1)
    return compose(drawn_stage(stage, SIDE, SIDE), PlacedProduct(pixels, alpha)), alpha


def test_another_stage_gives_the_same_product_and_another_product_another() -> None:
    looks = {}
    for product in (1, 2):
        for stage in (1, 2, 3):
            found = measure_staged_product(*staged(product, stage))
            assert found is not None
            looks[product, stage] = found
    assert {looks[product, stage][0] for product in (1,) for stage in (1, 2, 3)} == {looks[1, 1][0]}
    assert looks[1, 1][2] == looks[1, 3][2]
    assert bits(looks[1, 1][0], looks[2, 1][0]) > 31
    frames = [pdq(staged(1, stage)[0])[0] for stage in (1, 2, 3)]
    assert min(bits(frames[0], other) for other in frames[1:]) > 4, "the frames' codes move with the stage"


def test_the_colour_is_that_of_the_opaque_product_and_the_extent_that_of_its_mask() -> None:
    pixels, alpha = drawn_stage(1, SIDE, SIDE), np.zeros((SIDE, SIDE), np.uint8)
    alpha[64:192, 96:160] = 255
    alpha[63, 96:160] = 127  # less than half covered
    pixels[64:192, 96:160] = (200, 30, 30)
    found = measure_staged_product(pixels, alpha)
    assert found is not None
    code, quality, look = found
    assert look.extent == 0.5
    assert look.colour == pytest.approx((43.2, 63.0, 46.0), abs=1.5)
    assert (quality < MIN_CROP_QUALITY, look.crop_fingerprint, len(code)) == (True, b"", 32), "a plain one has no code"
    seen = measure_appearance(pixels)
    assert seen is not None
    assert seen.extent > 0.9, "without the mask, table and wall are taken for the product"


def test_nothing_is_said_where_nothing_is_seen_and_a_faint_product_is_measured() -> None:
    pixels = drawn_stage(1, 64, 64)
    assert measure_staged_product(pixels, np.full((64, 64), 127, np.uint8)) is None
    assert measure_staged_product(pixels, np.full((64, 64), 128, np.uint8)) is not None


@settings(max_examples=30, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 1 << 32))
def test_any_image_and_mask_are_measured(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = measure_staged_product(
        rng.integers(0, 256, (height, width, 3), dtype=np.uint8), rng.integers(0, 256, (height, width), dtype=np.uint8)
    )
    assert found is None or (len(found[0]) == 32 and np.isfinite(found[2].values).all() and 0 < found[2].extent <= 1)
