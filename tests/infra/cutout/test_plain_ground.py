"""The flood finds products before plain grounds, their holes, and the shadows that are none of them."""

import cv2
import numpy as np
import pytest

from infra.cutout.plain_ground import PlainGroundCutter
from infra.interfaces import AlphaMask, Photo
from tests.infra.cutout.drawn_products import boards, disc, iou, photo_of, ring, soft_shadow, sweep


def cut(photo: Photo) -> AlphaMask:
    return PlainGroundCutter().cut(photo)


@pytest.mark.parametrize("ground", [(255, 255, 255), (238, 244, 240), (30, 30, 34), (200, 120, 90)])
def test_a_product_before_any_one_colour_is_found(ground: tuple[int, int, int]) -> None:
    assert iou(cut(photo_of(disc(), ground, (60, 90, 190), noise=1.5)), disc()) > 0.96


def test_a_product_before_a_sweep_is_found() -> None:
    assert iou(cut(photo_of(disc(), sweep(256, 150, 235), noise=1.5)), disc()) > 0.96


def test_the_hole_of_a_ring_is_ground() -> None:
    mask = cut(photo_of(ring(), (246, 246, 246), noise=1.0))
    assert mask[128, 128] == 0
    assert iou(mask, ring()) > 0.94


def test_a_pale_print_inside_the_product_is_no_hole() -> None:
    photo = photo_of(disc())
    photo.pixels[100:150, 100:150] = (236, 236, 232)
    assert cut(photo)[125, 125] == 255


def test_white_letters_are_no_holes() -> None:
    photo = photo_of(disc(512))
    cv2.putText(photo.pixels, "SALE", (190, 260), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (255, 255, 255), 4)
    assert iou(cut(photo), disc(512)) > 0.97


@pytest.mark.parametrize("ground", [255, 225])
def test_a_soft_shadow_is_ground(ground: int) -> None:
    mask = disc(512)
    found = cut(photo_of(mask, ground * soft_shadow(512) * np.ones(3, np.float32), noise=1.0))
    assert iou(found, mask) > 0.96
    assert found[round(0.85 * 512), 256] == 0, "the shadow below the product"


def test_a_shadow_with_a_hard_edge_is_taken_for_product() -> None:
    photo = photo_of(disc())
    photo.pixels[220:240, 60:200] = 170
    assert cut(photo)[230, 120] == 255


def test_dust_on_the_ground_is_left_out() -> None:
    photo = photo_of(disc())
    photo.pixels[20:22, 20:22] = 40
    assert cut(photo)[:40, :40].max() == 0


def test_several_products_are_all_found() -> None:
    mask = disc(512, 0.1, (0.2, 0.5)) | disc(512, 0.1, (0.5, 0.5)) | disc(512, 0.1, (0.8, 0.5))
    assert iou(cut(photo_of(mask)), mask) > 0.94


def test_a_product_without_contrast_is_not_found() -> None:
    assert cut(photo_of(disc(), (250, 250, 250), (252, 252, 252))).max() == 0


def test_what_is_unlike_the_border_of_a_busy_photo_says_nothing() -> None:
    assert iou(cut(photo_of(disc(), boards(256))), disc()) < 0.6


def test_a_large_photo_gets_a_mask_of_its_own_size() -> None:
    small = disc(256)
    mask = np.asarray(cv2.resize(small, (2600, 1900), interpolation=cv2.INTER_LINEAR), np.uint8)
    found = cut(photo_of(mask))
    assert found.shape == (1900, 2600)
    assert set(np.unique(found)) == {0, 255}
    assert iou(found, mask) > 0.97


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (2, 3), (64, 64)])
def test_a_photo_of_one_colour_has_no_product(shape: tuple[int, int]) -> None:
    assert cut(Photo(np.full((*shape, 3), 128, np.uint8), None, "")).max() == 0


def test_the_same_photo_gives_the_same_mask() -> None:
    photo = photo_of(ring(), (240, 240, 240), noise=2.0)
    assert np.array_equal(cut(photo), cut(photo))


def test_every_hole_and_every_patch_at_the_frame_is_flooded_whatever_its_shape() -> None:
    photo = photo_of(disc(512, 0.45))
    cv2.polylines(photo.pixels, [np.array([[150, 260], [256, 150], [362, 260]])], False, (255, 255, 255), 24)
    cv2.circle(photo.pixels, (256, 340), 30, (255, 255, 255), -1)
    photo.pixels[:, 250:262][:40] = 40  # divides the ground above the product
    mask = cut(photo)
    assert [int(mask[row, column]) for row, column in ((154, 256), (340, 256), (2, 2), (2, 509), (256, 60))] == [
        0
    ] * 4 + [255]
