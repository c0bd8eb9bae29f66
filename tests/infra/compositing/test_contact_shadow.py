"""A contact shadow lies under the foot, on the ground alone, and is the same for the same mask."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.compositing.contact_shadow import ShadowRule, contact_shadow
from infra.interfaces.cutouts import AlphaMask, Cutout
from tests.fixtures.placed_cutouts import random_cutouts

RULE = ShadowRule()


def chair(side: int = 200) -> AlphaMask:
    """Return a seat on two legs to row 160, with something that hangs from it and ends 30 rows higher."""
    alpha = np.zeros((side, side), np.uint8)
    alpha[60:100, 40:160] = 255
    alpha[100:160, 45:55] = 255
    alpha[100:160, 145:155] = 255
    alpha[100:130, 95:105] = 255
    return alpha


def weighed(shadow: AlphaMask) -> tuple[float, float]:
    """Return the shadow's centre: row, column."""
    rows, columns = np.indices(shadow.shape)
    return float((rows * shadow.astype(float)).sum() / shadow.sum()), float(
        (columns * shadow.astype(float)).sum() / shadow.sum()
    )


def test_the_shadow_never_reaches_an_opaque_pixel() -> None:
    alpha = chair()
    shadow = contact_shadow(alpha, ShadowRule(strength=255, softness=0.2, contact=0.5))
    assert shadow.any()
    assert not shadow[alpha == 255].any()


def test_it_is_darkest_beside_the_legs_and_what_hangs_in_the_air_throws_none() -> None:
    shadow = contact_shadow(chair(), RULE)
    assert shadow[160, 45:55].min() > 40
    assert shadow[170:175, 95:105].max() <= 1
    assert not shadow[130:150, 95:105].any()
    assert not shadow[:140].any()


def test_a_foot_that_is_higher_in_the_image_throws_less() -> None:
    alpha = chair()
    alpha[146:160, 145:155] = 0
    shadow = contact_shadow(alpha, RULE)
    assert shadow[160, 45:55].max() > 1.5 * shadow[146:150, 145:155].max() > 20


def test_the_light_moves_it_and_its_strength_bounds_it() -> None:
    free = np.where(chair(240) > 0, np.uint8(128), np.uint8(0))  # nothing is opaque, so nothing is left out
    still, moved = (contact_shadow(free, rule) for rule in (RULE, ShadowRule(shift_across=0.1, shift_down=0.05)))
    assert weighed(moved) == pytest.approx((weighed(still)[0] + 5, weighed(still)[1] + 12), abs=1e-6)
    for strength in (0, 1, 77, 255):
        assert contact_shadow(free, ShadowRule(strength=strength)).max() == strength


def test_softness_spreads_it() -> None:
    hard, soft = (contact_shadow(chair(), ShadowRule(softness=value)) for value in (0.01, 0.05))
    assert np.count_nonzero(soft) > 2 * np.count_nonzero(hard)


def test_the_canvas_cuts_it_off_and_it_comes_back_on_no_other_side() -> None:
    alpha = np.zeros((60, 60), np.uint8)
    alpha[40:60, 0:30] = 255
    shadow = contact_shadow(alpha, ShadowRule(shift_across=-0.5, softness=0.2))
    assert not shadow[:, 50:].any()
    assert not shadow[:20].any()


def test_it_is_gone_at_the_frame_so_that_nothing_looks_cut_off() -> None:
    alpha = chair()[:, 30:170]  # the legs stand near both sides
    shadow = contact_shadow(alpha, ShadowRule(strength=255, softness=0.2))
    assert shadow[:, 3].any()
    for border in (shadow[0], shadow[-1], shadow[:, 0], shadow[:, -1]):
        assert not border.any()


def test_the_shadow_of_one_mask_never_changes() -> None:
    shadow = contact_shadow(chair(), ShadowRule(shift_across=0.03))
    assert (
        hashlib.sha256(shadow.tobytes()).hexdigest()
        == "ba00273ec4a694c33d10358c3470e26eca2547128caa7661f4ce8eb6ba383725"
    )


@pytest.mark.parametrize("alpha", [0, 127])
def test_an_empty_mask_throws_none(alpha: int) -> None:
    assert not contact_shadow(np.full((40, 30), alpha, np.uint8), RULE).any()


@pytest.mark.parametrize(
    "values",
    [
        {"strength": 256}, {"strength": -1}, {"softness": 0.0}, {"softness": 0.3}, {"contact": 0.0}, {"contact": 0.6},
        {"shift_across": 0.6}, {"shift_down": -0.6}, {"softness": float("nan")}, {"shift_across": float("nan")},
    ],
)  # fmt: skip
def test_a_rule_out_of_range_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="out of range"):
        ShadowRule(**values)  # type: ignore[arg-type]


@settings(deadline=None)
@given(
    cutout=random_cutouts(),
    softness=st.floats(0.001, 0.2),
    contact=st.floats(0.001, 0.5),
    shifts=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
)
def test_whatever_the_mask_only_the_ground_is_darkened(
    cutout: Cutout, softness: float, contact: float, shifts: tuple[float, float]
) -> None:
    shadow = contact_shadow(cutout.alpha, ShadowRule(200, softness, contact, *shifts))
    assert shadow.shape == cutout.alpha.shape
    assert shadow.dtype == np.uint8
    assert int(shadow.max()) <= 200
    assert not shadow[cutout.alpha == 255].any()
