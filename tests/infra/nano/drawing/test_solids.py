"""Solids: distances that a ray may safely walk."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from infra.nano.drawing import solids
from infra.nano.drawing.solids import Solid

Points = npt.NDArray[np.float32]
SQUARE = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]

SOLIDS: dict[str, tuple[Solid, tuple[float, float, float], tuple[float, float, float]]] = {
    "ellipsoid": (solids.ellipsoid(1, 0.5, 0.3), (0, 0, 0), (1, 0, 0)),
    "box": (solids.box(1, 0.5, 0.3, 0.1), (0, 0, 0), (0, 0.5, 0)),
    "capsule": (solids.capsule((-0.5, 0, 0), (0.5, 0, 0), 0.2), (0, 0, 0), (0, 0.2, 0)),
    "ring": (solids.torus(0.7, 0.2), (0.7, 0, 0), (0.9, 0, 0)),
    "lathe": (solids.revolve([(0, -0.5), (0.5, -0.5), (0.5, 0.5), (0, 0.5)]), (0.1, 0, 0), (0, 0, 0.5)),
    "slab": (solids.extrude(SQUARE, 0.2), (0, 0, 0), (0, 0, 0.2)),
    "cylinder": (solids.cylinder(0.6, 0.4, 0.1), (0, 0, 0), (0, 0.4, 0)),
}
"""Each with a point inside and one on its surface."""

some_points = arrays(np.float32, (6, 3), elements=st.floats(-2, 2, width=32))


def at(solid: Solid, *point: float) -> float:
    return float(solid(np.array([point], np.float32))[0])


@pytest.mark.parametrize("name", SOLIDS)
def test_inside_is_negative_the_surface_is_nought_and_far_away_is_positive(name: str) -> None:
    solid, inside, surface = SOLIDS[name]
    assert at(solid, *inside) < 0
    assert at(solid, *surface) == pytest.approx(0, abs=1e-5)
    assert at(solid, 3, 3, 3) > 2


@pytest.mark.parametrize("name", sorted(SOLIDS.keys() - {"ellipsoid"}))
@given(first=some_points, second=some_points)
def test_a_step_changes_the_distance_by_no_more_than_its_length(name: str, first: Points, second: Points) -> None:
    solid = SOLIDS[name][0]
    change = np.abs(solid(first) - solid(second))
    assert (change <= np.linalg.norm(first - second, axis=1) + 1e-4).all()


@given(points=some_points)
def test_an_ellipsoid_of_one_radius_is_a_ball(points: Points) -> None:
    away = np.linalg.norm(points, axis=1)
    ball = solids.ellipsoid(0.8, 0.8, 0.8)(points)
    np.testing.assert_allclose(ball[away > 0.1], (away - 0.8)[away > 0.1], atol=1e-4)


@given(points=some_points, angle=st.floats(-360, 360), axis=st.sampled_from("xyz"))
def test_turning_forth_and_back_changes_nothing(points: Points, angle: float, axis: str) -> None:
    solid = SOLIDS["box"][0]
    there_and_back = solids.rotate(solids.rotate(solid, axis, angle), axis, -angle)
    np.testing.assert_allclose(there_and_back(points), solid(points), atol=1e-4)


def test_turning_follows_the_right_hand() -> None:
    rod = solids.capsule((0, 0, 0), (1, 0, 0), 0.1)
    assert at(solids.rotate(rod, "y", 90), 0, 0, -1) < 0
    assert at(solids.rotate(rod, "z", 90), 0, 1, 0) < 0


def test_what_is_moved_joined_and_cut_is_where_it_should_be() -> None:
    ball = solids.ellipsoid(0.5, 0.5, 0.5)
    pair = solids.union(ball, solids.translate(ball, 2, 0, 0))
    assert (at(pair, 0, 0, 0) < 0, at(pair, 2, 0, 0) < 0, at(pair, 1, 0, 0) > 0) == (True, True, True)
    bitten = solids.subtract(ball, solids.translate(ball, 0.5, 0, 0))
    assert at(bitten, 0.4, 0, 0) > 0
    assert at(bitten, -0.4, 0, 0) < 0


@given(points=some_points)
def test_blending_only_adds(points: Points) -> None:
    first, second = SOLIDS["box"][0], SOLIDS["ring"][0]
    sharp, soft = solids.union(first, second)(points), solids.smooth_union(0.3, first, second)(points)
    assert (soft <= sharp + 1e-6).all()
    assert (soft >= sharp - 0.3 / 4 - 1e-6).all()
