"""Surfaces have numbers of their own, and proportions stay within their bounds."""

import numpy as np

from infra.nano.drawing.product_solids import (
    MAIN,
    SURFACE_NUMBERS,
    RandomProportions,
    accent_solid,
    vessel_profile,
)
from infra.nano.drawing.solids import box, revolve


def test_surfaces_have_numbers_of_their_own() -> None:
    assert sorted(SURFACE_NUMBERS.values()) == list(range(1, len(SURFACE_NUMBERS) + 1))
    assert MAIN not in SURFACE_NUMBERS.values()


def test_proportions_lie_within_their_bounds_and_a_seed_repeats_them() -> None:
    chance = RandomProportions(np.random.default_rng(3))
    values = [chance(0.6, 0.8) for _ in range(50)]
    assert all(0.6 <= value <= 0.8 for value in values)
    assert values[0] == RandomProportions(np.random.default_rng(3))(0.6, 0.8)


def test_an_accent_is_the_union_of_its_solids_on_its_surface() -> None:
    accent = accent_solid("steel", box(1, 1, 1), box(2, 0.1, 0.1))
    assert accent.surface == SURFACE_NUMBERS["steel"]
    assert (accent.solid(np.array([(1.5, 0, 0), (0, 0.9, 0)], np.float32)) < 0).all()


def test_a_vessel_is_open_above_and_closed_below() -> None:
    vessel = revolve(vessel_profile(0.5, 0.6, 0.8, 0.07))
    hollow, above, bottom = vessel(np.array([(0, 0.5, 0), (0, 1.0, 0), (0.2, -0.75, 0)], np.float32))
    assert hollow > 0
    assert above > 0
    assert bottom < 0
