"""The numbers of a mask say what is wrong with it."""

import cv2
import numpy as np
import pytest

from infra.cutout.mask_scores import MaskScores, measure_mask
from infra.cutout.reduced_photo import reduce_mask, reduce_photo
from infra.interfaces import AlphaMask, Photo
from tests.infra.cutout.drawn_products import boards, disc, photo_of, ring


def measured(photo: Photo, mask: AlphaMask, other: AlphaMask | None) -> MaskScores:
    return measure_mask(reduce_photo(photo), reduce_mask(mask), None if other is None else reduce_mask(other))


def scores(mask: AlphaMask, other: AlphaMask | None = None) -> MaskScores:
    return measured(photo_of(mask), mask, other)


def test_a_good_mask_has_good_numbers() -> None:
    found = scores(disc(), disc())
    assert found.agreement == 1.0
    assert found.area == pytest.approx(np.pi * 0.09, abs=0.003)
    assert (found.holes, found.frame, found.faint, found.parts) == (0.0, 0.0, 0.0, 1.0)
    assert 0 < found.soft < 2 / (0.3 * 256), "at most one pixel along the outline"
    assert (found.plainness, found.noise) == (1.0, 0.0)


def test_masks_that_differ_only_at_the_outline_agree() -> None:
    assert scores(disc(1024), disc(1024, 0.303)).agreement == 1.0


def test_masks_of_which_one_lost_a_part_disagree() -> None:
    half = disc()
    half[128:] = 0
    assert scores(disc(), half).agreement == pytest.approx(0.5, abs=0.03)


def test_a_ring_whose_hole_was_filled_disagrees_with_one_whose_hole_is_open() -> None:
    assert scores(ring(), disc(256, 0.35)).agreement == pytest.approx(1 - (0.2 / 0.35) ** 2, abs=0.04)


def test_without_another_mask_there_is_no_agreement() -> None:
    found = scores(disc())
    assert found.agreement is None
    assert "mask.agreement" not in found.values
    assert scores(disc(), disc()).values["mask.agreement"] == 1.0


def test_holes_are_counted_in_the_filled_product() -> None:
    assert scores(ring()).holes == pytest.approx((0.2 / 0.35) ** 2, abs=0.02)


def test_a_bay_that_opens_to_the_frame_is_no_hole() -> None:
    mask = ring()
    mask[:128, 120:136] = 0
    assert scores(mask).holes == 0.0


def test_soft_pixels_are_counted() -> None:
    assert scores(cv2.GaussianBlur(disc(), (0, 0), 9)).soft > 0.3


@pytest.mark.parametrize(("centre", "low", "high"), [(0.5, 0.0, 0.01), (0.7, 0.2, 0.5), (0.95, 0.9, 1.0)])
def test_touching_the_frame_is_not_being_cut_off(centre: float, low: float, high: float) -> None:
    assert low <= scores(disc(512, 0.3, (0.5, centre))).frame <= high


def test_a_white_line_along_the_frame_hides_no_cut() -> None:
    mask = disc(512, 0.3, (0.5, 0.95))
    mask[-5:] = 0
    assert scores(mask).frame > 0.9


def test_a_product_as_pale_as_its_ground_has_a_faint_outline() -> None:
    mask = disc(512)
    assert measured(photo_of(mask, (255, 255, 255), (249, 249, 247)), mask, None).faint > 0.95
    assert measured(photo_of(mask, (255, 255, 255), (225, 225, 225)), mask, None).faint < 0.05


def test_products_are_counted_and_their_dust_is_not() -> None:
    three = disc(512, 0.1, (0.2, 0.5)) | disc(512, 0.1, (0.5, 0.5)) | disc(512, 0.08, (0.8, 0.5))
    assert scores(three | disc(512, 0.01, (0.5, 0.1))).parts == 3


def test_a_busy_ground_is_not_plain() -> None:
    assert measured(photo_of(disc(), boards(256)), disc(), None).plainness < 0.5


def test_numbers_mean_the_same_at_every_size() -> None:
    small, large = (measured(photo_of(ring(side)), ring(side), None).values for side in (700, 2100))
    assert small == pytest.approx(large, abs=0.02)


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("shape", [(1, 1), (3, 60), (64, 64)])
def test_empty_and_full_masks_have_finite_numbers(level: int, shape: tuple[int, int]) -> None:
    mask = np.full(shape, level, np.uint8)
    values = measured(photo_of(mask), mask, mask).values
    assert all(np.isfinite(value) for value in values.values())
    assert values["mask.area"] == level / 255
    assert values["mask.agreement"] == 1.0
