"""What is product and what is not, and when that cannot be told."""

import numpy as np
import pytest

from infra.imaging.metrics.foreground import THUMBNAIL_SIDE, find_foreground, known_foreground
from tests.fixtures.drawn_stages import drawn_stage
from tests.fixtures.product_images import (
    flat_image,
    noisy,
    passing_images,
    shaded_subject,
    subject_mask,
    white_on_white_image,
)


@pytest.mark.parametrize("ground", [(254, 254, 254), (128, 128, 128), (10, 10, 12)])
def test_the_pictures_own_border_says_what_background_is(ground: tuple[int, int, int]) -> None:
    found = find_foreground(shaded_subject(subject_mask("round", 512), (60, 160, 70), ground))
    assert found.share == pytest.approx(np.pi * 0.42 * 0.40, abs=0.02)
    assert found.confidence() > 0.9


@pytest.mark.parametrize("size", [64, 256, 1024])
def test_the_share_does_not_move_with_the_pictures_size(size: int) -> None:
    assert find_foreground(passing_images(size)["red ball"]).share == pytest.approx(0.536, abs=0.02)


def test_a_thumbnail_is_no_larger_than_it_says_and_a_small_picture_stays() -> None:
    assert find_foreground(flat_image(1024, 250)).product_mask.shape == (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    assert find_foreground(np.full((300, 900, 3), 250, np.uint8)).product_mask.shape == (43, THUMBNAIL_SIDE)
    assert find_foreground(flat_image(50, 250)).product_mask.shape == (50, 50)


def test_the_mask_has_the_asked_size_and_a_band_and_is_everything_where_there_is_no_product() -> None:
    found = find_foreground(passing_images(512)["blue lamp"])
    mask = found.dilated_mask(300, 400)
    assert mask.shape == (300, 400)
    assert found.share < mask.mean() < found.share + 0.1
    assert find_foreground(flat_image(256, 253)).dilated_mask(20, 30).all()


@pytest.mark.parametrize("size", [256, 1024])
def test_edges_of_what_was_taken_for_background_take_confidence_away(size: int) -> None:
    lost = find_foreground(white_on_white_image(size))
    assert (lost.share, lost.confidence()) == (0, 0)
    assert find_foreground(passing_images(size)["pale ball"]).confidence() > 0.9


@pytest.mark.parametrize("sigma", [0, 1.5, 5])
def test_a_blank_picture_has_no_edges_and_there_is_nothing_to_doubt(sigma: float) -> None:
    assert find_foreground(noisy(flat_image(256, 250), sigma)).confidence() == 1


def test_a_known_product_is_what_its_alpha_says_and_is_not_doubted() -> None:
    """On this image the border's median would call the wall ground, and the table a part of the product."""
    stage = drawn_stage(1, 512, 512)
    alpha = subject_mask("round", 512)
    found = known_foreground(np.where(alpha[..., None] > 0, np.uint8(30), stage), alpha)
    assert found.share == pytest.approx(np.pi * 0.42 * 0.40, abs=0.02)
    assert found.confidence() == 1
    assert find_foreground(stage).share > 0.2, "something is seen on an empty scene"
    assert found.product_mask.shape == (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    assert not known_foreground(stage, np.zeros((512, 512), np.uint8)).product_mask.any()


def test_an_alpha_of_another_size_gives_the_same_foreground() -> None:
    stage, alpha = drawn_stage(1, 600, 400), np.zeros((400, 600), np.uint8)
    alpha[100:300, 150:450] = 255
    half = alpha[::2, ::2].copy()
    assert known_foreground(stage, half).share == pytest.approx(known_foreground(stage, alpha).share, abs=0.02)
