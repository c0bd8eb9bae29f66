"""Judging: colours by measure, products by a classifier that learnt from other drawings."""

from pathlib import Path

import numpy as np
import pytest

from infra.nano.drawing.negatives import NegativeSpec, draw_negatives, render_subject
from infra.nano.drawing.products import PRODUCTS
from infra.nano.drawing.rendering import COLOURS, Look
from infra.nano.training.image_classification import classify_colour, train_classifier


@pytest.mark.parametrize("colour", COLOURS)
def test_a_plain_patch_on_white_with_a_shadow_is_told(colour: str) -> None:
    picture = np.full((128, 128, 3), 255, np.uint8)
    picture[90:100, 20:108] = 190
    for place, light in enumerate(np.linspace(0.7, 1.0, 6)):
        picture[30:90, 34 + 10 * place : 44 + 10 * place] = np.array(COLOURS[colour]) * light
    assert classify_colour(picture) == colour


def test_a_hue_that_nobody_can_see_in_the_dark_is_none() -> None:
    picture = np.full((128, 128, 3), 255, np.uint8)
    picture[30:90, 34:94] = (30, 18, 38)
    assert classify_colour(picture) == "black"
    picture[30:90, 34:94] = (110, 40, 140)
    assert classify_colour(picture) == "purple"


def test_an_empty_picture_has_a_colour_all_the_same() -> None:
    assert classify_colour(np.full((64, 64, 3), 255, np.uint8)) in COLOURS


@pytest.mark.slow
def test_a_classifier_tells_what_it_was_taught_and_a_seed_repeats_it(tmp_path: Path) -> None:
    wanted = [NegativeSpec("held-out", product, "front", 0) for product in ("hat", "book", "ring")]
    assert len(list(draw_negatives(tmp_path, wanted, 1))) == 3
    model = train_classifier(tmp_path, wanted, seed=1, steps=40)
    shown = [render_subject(tmp_path, drawing, Look(colour)) for drawing in wanted for colour in ("red", "blue")]
    names = model.classify([picture for _, picture in shown])
    assert names == [subject.product for subject, _ in shown]
    assert set(names) <= set(PRODUCTS)
    assert train_classifier(tmp_path, wanted, seed=1, steps=40).classify([picture for _, picture in shown]) == names
