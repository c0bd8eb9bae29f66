"""A stage's ground keeps the point where the product stands, is never enlarged, and is the same bytes everywhere."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.compositing.product_placement import PixelBox
from infra.compositing.stage_ground import GroundRefused, crop_stage, ground_of_stage, stage_shadow

sides = st.integers(1, 4096)
shares = st.floats(0, 1, exclude_min=True)


@pytest.mark.parametrize(
    ("stage", "canvas", "centre", "foot", "crop"),
    [
        ((1000, 800), (400, 400), 0.5, 0.82, (100, 0, 800, 800)),
        ((1000, 800), (400, 400), 0.3, 0.82, (60, 0, 800, 800)),
        ((800, 1000), (400, 400), 0.5, 0.82, (0, 164, 800, 800)),
        ((800, 1000), (400, 400), 0.5, 1.0, (0, 200, 800, 800)),
        ((640, 480), (640, 480), 0.5, 0.82, (0, 0, 640, 480)),
        ((641, 480), (320, 240), 0.5, 0.82, (1, 0, 640, 480)),  # half a pixel is rounded up
        ((1000, 999), (300, 200), 0.5, 0.5, (0, 166, 1000, 667)),
    ],
)
def test_the_crop_is_the_largest_that_leaves_centre_and_foot_at_their_shares(
    stage: tuple[int, int], canvas: tuple[int, int], centre: float, foot: float, crop: tuple[int, int, int, int]
) -> None:
    assert crop_stage(stage, canvas, centre, foot) == PixelBox(*crop)


@given(stage=st.tuples(sides, sides), canvas=st.tuples(sides, sides), centre=shares, foot=shares)
def test_the_point_where_the_product_stands_moves_by_a_pixel_at_most_or_the_stage_is_refused(
    stage: tuple[int, int], canvas: tuple[int, int], centre: float, foot: float
) -> None:
    crop = crop_stage(stage, canvas, centre, foot)
    assert isinstance(crop, GroundRefused) == (stage[0] < canvas[0] or stage[1] < canvas[1])
    if isinstance(crop, GroundRefused):
        assert (crop.reason, f"{stage[0]} x {stage[1]} pixels" in crop.detail) == ("stage.too-small", True)
        return
    assert 0 <= crop.left <= crop.right <= stage[0]
    assert 0 <= crop.top <= crop.bottom <= stage[1]
    assert (crop.width, crop.height) >= (1, 1)
    assert crop.width == stage[0] or crop.height == stage[1], "it is the largest"
    assert abs(crop.width * canvas[1] - crop.height * canvas[0]) <= max(canvas), "and of the image's proportions"
    assert abs(crop.left + centre * crop.width - centre * stage[0]) <= 0.51
    assert abs(crop.top + foot * crop.height - foot * stage[1]) <= 0.51


def test_a_stage_of_the_images_own_size_is_taken_as_it_is_and_a_smaller_one_is_refused_with_numbers() -> None:
    rng = np.random.default_rng(1)
    stage = rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)
    crop = crop_stage((120, 90), (120, 90), 0.5, 0.8)
    assert isinstance(crop, PixelBox)
    assert np.array_equal(ground_of_stage(stage, crop, (120, 90)), stage)
    refused = crop_stage((120, 90), (100, 100), 0.5, 0.8)
    assert refused == GroundRefused(
        "stage.too-small",
        "The stage has 120 x 90 pixels, of which 90 x 90 have the image's proportions, and the image has 100 x 100; no"
        " stage is enlarged.",
    )


def test_a_ground_is_these_bytes_on_every_machine() -> None:
    rows, columns = np.mgrid[0:90, 0:128]
    stage = np.stack([rows * 2, columns, (rows * columns) % 256], axis=2).astype(np.uint8)
    crop = crop_stage((128, 90), (48, 40), 0.4, 0.8)
    assert crop == PixelBox(8, 0, 108, 90)
    ground = ground_of_stage(stage, crop, (48, 40))
    assert ground.shape == (40, 48, 3)
    assert ground[[0, 20, 39], [0, 24, 47]].tolist() == [[2, 9, 7], [91, 63, 109], [176, 114, 138]]
    assert (
        hashlib.sha256(ground.tobytes()).hexdigest()
        == "280320900e1721c65f872dace45d16b4cde75922e0efeea7c98207397fb296a6"
    )


def test_a_flat_stage_stays_flat_whatever_the_reduction() -> None:
    stage = np.full((301, 407, 3), (7, 130, 250), np.uint8)
    crop = crop_stage((407, 301), (111, 73), 0.5, 0.9)
    assert isinstance(crop, PixelBox)
    assert (ground_of_stage(stage, crop, (111, 73)) == (7, 130, 250)).all()


def test_what_does_not_fit_is_an_error() -> None:
    stage = np.zeros((20, 30, 3), np.uint8)
    with pytest.raises(ValueError, match="is not inside a stage of 30 x 20"):
        ground_of_stage(stage, PixelBox(11, 0, 20, 20), (10, 10))
    with pytest.raises(ValueError, match="cannot be reduced"):
        ground_of_stage(stage, PixelBox(0, 0, 20, 20), (21, 20))
    with pytest.raises(ValueError, match="No resampler is named 'lanczos'"):
        ground_of_stage(stage, PixelBox(0, 0, 20, 20), (10, 10), "lanczos")


def test_the_shadow_falls_away_from_the_light_and_reaches_no_pixel_of_the_core() -> None:
    alpha = np.zeros((240, 240), np.uint8)
    alpha[60:190, 80:160] = 255
    middles = {}
    for light in ("left", "", "right"):
        shadow = stage_shadow(alpha, light)
        assert shadow.any()
        assert not shadow[alpha == 255].any()
        middles[light] = float((shadow.sum(axis=0) * np.arange(240)).sum() / shadow.sum())
    assert middles["left"] > middles[""] + 3 > middles["right"] + 6
    with pytest.raises(ValueError, match="no light 'above'"):
        stage_shadow(alpha, "above")
