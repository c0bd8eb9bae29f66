"""The sixteen products: each stands whole in every proportion."""

import numpy as np
import pytest

from infra.nano.drawing.product_solids import MAIN
from infra.nano.drawing.products import PRODUCTS, product_solids

GRID = np.stack(np.meshgrid(*[np.linspace(-2, 2, 41, dtype=np.float32)] * 3), axis=-1).reshape(-1, 3)


def test_there_are_sixteen_in_the_order_that_seeds_and_classifier_rely_on() -> None:
    assert list(PRODUCTS) == [
        "mug", "bottle", "t-shirt", "sneaker", "chair", "lamp", "backpack", "watch",
        "book", "pan", "plant pot", "headphones", "sofa", "hat", "ring", "phone",
    ]  # fmt: skip


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_product_takes_its_colour_and_fits_the_studio(product: str) -> None:
    for seed in range(3):
        parts = product_solids(product, np.random.default_rng(seed))
        inside = np.stack([part.solid(GRID) for part in parts]) < 0.05
        surfaces = [part.surface for part in parts]
        assert MAIN in surfaces
        assert inside[surfaces.index(MAIN)].any()
        reach = np.abs(GRID[inside.any(axis=0)]).max()
        assert 0.6 < reach < 1.9


def test_each_call_proportions_a_product_anew_and_a_seed_repeats_it() -> None:
    def distances(seed: int) -> np.ndarray:
        return np.stack([part.solid(GRID[::97]) for part in product_solids("mug", np.random.default_rng(seed))])

    assert (distances(1) == distances(1)).all()
    assert not np.allclose(distances(1), distances(2))
