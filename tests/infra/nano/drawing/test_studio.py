"""The studio: framed as a shop would, lit from the upper left, smooth at the edge."""

from functools import lru_cache

import numpy as np
import pytest

from infra.nano.drawing.product_solids import MAIN, SURFACE_NUMBERS, ProductSolid
from infra.nano.drawing.products import product_solids
from infra.nano.drawing.solids import box, ellipsoid, translate
from infra.nano.drawing.studio import FRAME_FILL, SIDE, VIEWS, Negative, photograph


@lru_cache(maxsize=8)
def taken(product: str, view: str, seed: int = 0) -> Negative:
    generator = np.random.default_rng(seed)
    return photograph(product_solids(product, generator), view, generator)


def ball(view: str = "front") -> Negative:
    return photograph([ProductSolid(ellipsoid(0.5, 0.5, 0.5))], view, np.random.default_rng(0))


@pytest.mark.parametrize("view", VIEWS)
def test_a_product_is_in_the_middle_and_fills_what_marketplaces_ask_for(view: str) -> None:
    rows, columns = np.nonzero(taken("mug", view).coverage > 127)
    across, down = np.ptp(columns) + 1, np.ptp(rows) + 1
    assert FRAME_FILL[0] * SIDE - 8 < max(across, down) < FRAME_FILL[1] * SIDE + 8
    for edges in (rows, columns):
        assert abs(float(edges.min() + edges.max()) - (SIDE - 1)) < 10


def test_the_edge_is_smooth_and_the_ball_is_round() -> None:
    coverage = ball().coverage.astype(float) / 255
    partly = np.mean((coverage > 0.05) & (coverage < 0.95))
    assert 0.003 < partly < 0.05
    radius = np.sqrt(coverage.sum() / np.pi)
    rows, columns = np.nonzero(coverage > 0.5)
    assert np.hypot(rows - (SIDE - 1) / 2, columns - (SIDE - 1) / 2).max() == pytest.approx(radius, abs=2)


def test_light_comes_from_the_upper_left() -> None:
    light = ball().light
    middle, off = SIDE // 2, SIDE // 5
    assert int(light[middle - off, middle - off]) > int(light[middle + off, middle + off]) + 20


def test_what_is_nearer_hides_what_is_behind_it() -> None:
    parts = [
        ProductSolid(box(0.5, 0.5, 0.1)),
        ProductSolid(translate(box(0.2, 0.2, 0.1), 0, 0, 0.4), SURFACE_NUMBERS["pale"]),
    ]
    negative = photograph(parts, "front", np.random.default_rng(0))
    middle = SIDE // 2
    assert negative.surface[middle, middle] == SURFACE_NUMBERS["pale"]
    assert negative.surface[middle, middle - SIDE // 4] == MAIN


def test_the_views_of_one_product_differ_and_a_seed_repeats_one() -> None:
    planes = [taken("book", view).coverage for view in VIEWS]
    assert all((one != other).mean() > 0.05 for place, one in enumerate(planes) for other in planes[:place])
    again = taken.__wrapped__("book", "front")
    assert all((getattr(again, name) == getattr(taken("book", "front"), name)).all() for name in vars(again))


@pytest.mark.parametrize("view", VIEWS)
def test_a_shadow_lies_under_the_product_and_not_at_the_frames_edge(view: str) -> None:
    shadow = taken("mug", view).shadow
    assert shadow.max() > 40
    edge = np.concatenate([shadow[0], shadow[-1], shadow[:, 0], shadow[:, -1]])
    assert edge.max() <= 5
