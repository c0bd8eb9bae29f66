"""A product is placed by its solid part, never enlarged or stretched, and never over the canvas's edge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.compositing.product_placement import PixelBox, Placement, PlacementRefused, PlacementRule, place
from infra.interfaces.cutouts import AlphaMask, Cutout
from tests.fixtures.placed_cutouts import drawn_cutout, random_cutouts

RULE = PlacementRule()


def block(photo: tuple[int, int], box: tuple[int, int, int, int], alpha: int = 255) -> AlphaMask:
    """Return the mask of a photo (width, height) with one rectangle (left, top, width, height)."""
    mask = np.zeros((photo[1], photo[0]), np.uint8)
    left, top, width, height = box
    mask[top : top + height, left : left + width] = alpha
    return mask


def placed(found: Placement | PlacementRefused) -> Placement:
    assert isinstance(found, Placement), found
    return found


def test_a_tall_product_fills_85_percent_of_the_height_and_is_centred() -> None:
    found = placed(place(block((1000, 1500), (300, 100, 400, 1200)), (1024, 1024), RULE))
    assert found.source == PixelBox(300, 100, 400, 1200)
    assert found.target.height == 871  # 870.4, rounded up: 85 % at least
    assert found.target.width == round(400 * 871 / 1200)
    assert abs(found.target.left * 2 + found.target.width - 1024) <= 1
    assert abs(found.target.top * 2 + found.target.height - 1024) <= 1


def test_a_wide_product_on_an_upright_canvas_fills_its_width() -> None:
    found = placed(place(block((2000, 1000), (0, 0, 2000, 900)), (800, 1152), RULE))
    assert (found.target.width, found.target.height) == (680, 306)


def test_a_product_that_is_wider_than_high_may_fill_the_height_of_a_wide_canvas() -> None:
    found = placed(place(block((700, 600), (50, 50, 600, 500)), (1000, 400), RULE))
    assert (found.target.width, found.target.height) == (408, 340)


def test_a_photo_that_is_cropped_tight_gets_its_margin() -> None:
    found = placed(place(np.full((1000, 1000), 255, np.uint8), (512, 512), RULE))
    assert found.target == PixelBox(38, 38, 436, 436)


def test_where_the_product_stood_in_its_photo_has_no_influence() -> None:
    corner = placed(place(block((900, 900), (0, 300, 500, 600)), (512, 512), RULE))
    middle = placed(place(block((900, 900), (200, 150, 500, 600)), (512, 512), RULE))
    assert corner.target == middle.target


def test_a_product_with_too_few_pixels_is_refused_with_the_numbers_and_not_enlarged() -> None:
    refused = place(block((400, 400), (50, 100, 300, 200)), (512, 512), RULE)
    assert isinstance(refused, PlacementRefused)
    assert refused.reason == "photo.too-small"
    assert "300 pixels where 436 are needed" in refused.detail


def test_between_the_least_fill_and_the_fill_a_photo_is_placed_unscaled() -> None:
    rule = PlacementRule(fill=0.9, least_fill=0.85)
    found = placed(place(block((600, 600), (50, 50, 440, 300)), (512, 512), rule))
    assert (found.target.width, found.target.height) == (440, 300) == (found.source.width, found.source.height)
    assert isinstance(place(block((600, 600), (50, 50, 435, 300)), (512, 512), rule), PlacementRefused)


@pytest.mark.parametrize("alpha", [0, 1, 127])
def test_a_mask_without_a_solid_pixel_is_empty(alpha: int) -> None:
    refused = place(np.full((600, 600), alpha, np.uint8), (512, 512), RULE)
    assert isinstance(refused, PlacementRefused)
    assert refused.reason == "mask.empty"


def test_a_faint_fringe_is_placed_too_and_moves_neither_size_nor_centre() -> None:
    mask = block((1000, 1000), (200, 200, 600, 600))
    sharp = placed(place(mask, (512, 512), RULE))
    mask[190:200, 200:800] = 20
    soft = placed(place(mask, (512, 512), RULE))
    assert soft.source == PixelBox(200, 190, 600, 610)
    assert soft.target.bottom == sharp.target.bottom
    assert soft.target.top < sharp.target.top


def test_faint_surroundings_that_do_not_fit_on_the_canvas_are_refused() -> None:
    mask = block((1000, 1000), (400, 400, 500, 500))
    mask[0, 0] = 1
    refused = place(mask, (512, 512), RULE)
    assert isinstance(refused, PlacementRefused)
    assert refused.reason == "mask.faint-surroundings"
    assert "leaves the canvas of 512 x 512" in refused.detail


def test_a_product_stands_on_the_foot_that_the_rule_gives() -> None:
    rule = PlacementRule(fill=0.5, least_fill=0.5, centre=0.4, foot=0.8)
    found = placed(place(block((900, 900), (100, 100, 300, 700)), (1000, 1000), rule))
    assert found.target.bottom == 800
    assert abs(found.target.left * 2 + found.target.width - 800) <= 1


@pytest.mark.parametrize(
    "values",
    [
        {"fill": 0.96}, {"fill": 0.0, "least_fill": 0.0}, {"fill": 0.8, "least_fill": 0.9}, {"centre": 0.2},
        {"foot": 0.5}, {"foot": 1.1}, {"fill": float("nan")},
    ],
)  # fmt: skip
def test_a_rule_that_no_product_could_follow_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="PlacementRule"):
        PlacementRule(**values)


@pytest.mark.parametrize(
    ("target", "word"),
    [
        (PixelBox(0, 0, 101, 100), "enlarged"),
        (PixelBox(0, 0, 100, 50), "stretched"),
        (PixelBox(0, 0, 80, 78), "stretched"),
        (PixelBox(30, 0, 100, 100), "leaves"),
        (PixelBox(0, 29, 100, 100), "leaves"),
    ],
)
def test_a_placement_that_enlarges_stretches_or_leaves_the_canvas_cannot_be_built(target: PixelBox, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Placement(128, 128, PixelBox(0, 0, 100, 100), target)


@pytest.mark.parametrize("values", [(-1, 0, 1, 1), (0, -1, 1, 1), (0, 0, 0, 1), (0, 0, 1, 0)])
def test_a_box_has_pixels(values: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="no rectangle"):
        PixelBox(*values)


@settings(deadline=None)
@given(
    cutout=random_cutouts(),
    canvas=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    fill=st.floats(0.05, 0.95),
    foot=st.none() | st.floats(0.95, 1),
)
def test_whatever_the_mask_a_placement_holds_its_bounds_or_is_refused_with_a_reason(
    cutout: Cutout, canvas: tuple[int, int], fill: float, foot: float | None
) -> None:
    found = place(cutout.alpha, canvas, PlacementRule(fill=fill, least_fill=fill / 2, foot=foot))
    if isinstance(found, PlacementRefused):
        assert found.reason in {"mask.empty", "photo.too-small", "mask.faint-surroundings"}
        return
    assert found.target.width <= found.source.width
    assert found.target.height <= found.source.height
    outside = cutout.alpha.copy()
    outside[found.source.top : found.source.bottom, found.source.left : found.source.right] = 0
    assert not outside.any(), "something of the product was left behind"


def test_the_same_mask_is_placed_alike() -> None:
    alpha = drawn_cutout(1, 600, 800).alpha
    assert place(alpha, (512, 512), RULE) == place(alpha.copy(), (512, 512), RULE)
