"""Each product has a main surface within reach of the studio's camera, and repeats from its seed."""

import numpy as np
import pytest

from infra.nano.drawing import personal_products
from infra.nano.drawing.product_solids import MAIN, RandomProportions

POINTS = np.stack(np.meshgrid(*[np.linspace(-2, 2, 17, dtype=np.float32)] * 3), axis=-1).reshape(-1, 3)


@pytest.mark.parametrize("name", ["shirt", "sneaker", "backpack", "watch", "headphones", "hat", "finger_ring", "phone"])
def test_a_product_fits_the_camera_and_repeats_from_its_seed(name: str) -> None:
    create = getattr(personal_products, name)
    parts, repeated = (create(RandomProportions(np.random.default_rng(5))) for _ in range(2))
    assert MAIN in {part.surface for part in parts}
    for part, same in zip(parts, repeated, strict=True):
        distances = part.solid(POINTS)
        assert (distances == same.solid(POINTS)).all()
        outer = np.abs(POINTS).max(axis=1) >= 1.9
        assert (distances[outer] > 0).all()
