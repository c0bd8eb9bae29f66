"""A photo's numbers tell products from labels, and sharp ones from blurred ones."""

import cv2
import numpy as np
import pytest

from infra.cutout.photo_scores import measure_photo
from infra.cutout.plain_ground import PlainGroundCutter
from infra.cutout.reduced_photo import reduce_mask, reduce_photo
from infra.interfaces import AlphaMask, Photo
from tests.infra.cutout.drawn_products import disc, photo_of


def measured(photo: Photo, mask: AlphaMask) -> dict[str, float]:
    return measure_photo(reduce_photo(photo), mask, reduce_mask(mask))


def label() -> Photo:
    pixels = np.full((700, 1000, 3), 255, np.uint8)
    for line in range(12):
        cv2.putText(pixels, "Store in a cool dry place out of reach", (30, 50 + 52 * line), 0, 1.3, (20, 20, 20), 3)
    return Photo(pixels, None, "")


def test_a_label_is_only_letters() -> None:
    photo = label()
    assert measured(photo, PlainGroundCutter().cut(photo))["photo.letters"] > 100


def test_a_product_has_no_letters_even_where_some_are_printed_on_it() -> None:
    photo = photo_of(disc(512))
    cv2.putText(photo.pixels, "SALE", (190, 260), 0, 1.6, (255, 255, 255), 4)
    assert measured(photo, disc(512))["photo.letters"] == 0


def test_one_thin_product_is_one_island() -> None:
    mask = np.zeros((512, 512), np.uint8)
    cv2.ellipse(mask, (256, 256), (150, 200), 0, 0, 360, 255, 5)
    assert measured(photo_of(mask), mask)["photo.letters"] == 1


def test_sizes_are_those_of_photo_and_product() -> None:
    found = measured(photo_of(disc(512)), disc(512))
    assert found["photo.side"] == 512
    assert found["photo.product"] == pytest.approx(0.6 * 512, abs=3)


def test_a_blurred_photo_is_less_sharp() -> None:
    sharp = photo_of(disc(512), noise=1.0)
    soft = Photo(np.asarray(cv2.GaussianBlur(sharp.pixels, (0, 0), 3), np.uint8), None, "")
    assert measured(sharp, disc(512))["photo.blur"] > 7
    assert measured(soft, disc(512))["photo.blur"] < 4


def test_a_photo_without_a_product_has_no_extent() -> None:
    found = measured(photo_of(disc()), np.zeros((256, 256), np.uint8))
    assert (found["photo.product"], found["photo.letters"]) == (0.0, 0.0)
