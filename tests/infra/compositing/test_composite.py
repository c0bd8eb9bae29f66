"""The composite copies the core and the free ground, and mixes the edge once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.compositing.composite import compose, white_ground
from infra.compositing.placed_product import PlacedProduct
from infra.interfaces.cutouts import AlphaMask, Cutout
from tests.fixtures.placed_cutouts import drawn_cutout, random_cutouts


def product(cutout: Cutout) -> PlacedProduct:
    return PlacedProduct(cutout.pixels, cutout.alpha)


def test_a_white_ground_is_exactly_255() -> None:
    assert white_ground(30, 20).shape == (20, 30, 3)
    assert (white_ground(30, 20) == 255).all()


def test_a_product_on_white_is_its_own_bytes_in_the_core_and_255_around() -> None:
    cutout = drawn_cutout(1, 90, 120)
    staged = compose(white_ground(90, 120), product(cutout))
    core, free = cutout.alpha == 255, cutout.alpha == 0
    assert np.array_equal(staged[core], cutout.pixels[core])
    assert (staged[free] == 255).all()
    assert (core.sum(), free.sum()) > (3000, 3000)


@settings(deadline=None)
@given(cutout=random_cutouts(16), seed=st.integers(0, 1 << 32), has_shadow=st.booleans())
def test_every_pixel_is_what_integers_give(cutout: Cutout, seed: int, has_shadow: bool) -> None:
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 256, cutout.pixels.shape, dtype=np.uint8)
    shadow: AlphaMask | None = rng.integers(0, 256, cutout.alpha.shape, dtype=np.uint8) if has_shadow else None
    before = ground.copy()
    staged = compose(ground, product(cutout), shadow)
    assert np.array_equal(ground, before)
    for row, column, channel in np.ndindex(*ground.shape):
        cover = int(cutout.alpha[row, column])
        below = int(ground[row, column, channel])
        if shadow is not None:
            below = (below * (255 - int(shadow[row, column])) + 127) // 255
        wanted = (int(cutout.pixels[row, column, channel]) * cover + below * (255 - cover) + 127) // 255
        assert staged[row, column, channel] == wanted


def test_a_shadow_that_reaches_under_the_core_changes_no_byte_of_it() -> None:
    cutout = drawn_cutout(2, 90, 120)
    staged = compose(white_ground(90, 120), product(cutout), np.full((120, 90), 255, np.uint8))
    core = cutout.alpha == 255
    assert np.array_equal(staged[core], cutout.pixels[core])
    assert not staged[cutout.alpha == 0].any()


def test_sizes_that_differ_are_refused() -> None:
    cutout = drawn_cutout(3)
    with pytest.raises(ValueError, match="one size"):
        compose(white_ground(61, 80), product(cutout))
    with pytest.raises(ValueError, match="one size"):
        compose(white_ground(60, 80), product(cutout), np.zeros((80, 61), np.uint8))
    with pytest.raises(ValueError, match="one size"):
        compose(white_ground(60, 80)[..., :1], product(cutout))
    with pytest.raises(ValueError, match="one size"):
        compose(white_ground(60, 80).astype(np.uint16), product(cutout))
