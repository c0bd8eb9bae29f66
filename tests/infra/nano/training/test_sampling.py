"""Sampling: subjects spread over all there is, asked for in a recipe's words."""

from collections import Counter

import numpy as np

from infra.nano.drawing.products import PRODUCTS
from infra.nano.drawing.rendering import COLOURS
from infra.nano.drawing.studio import SIDE, VIEWS
from infra.nano.training.sampling import contact_sheet, prompt_for, spread_subjects


def test_products_views_and_colours_come_equally_often() -> None:
    subjects = spread_subjects(192, np.random.default_rng(0))
    assert set(Counter(subject.product for subject in subjects).values()) == {192 // len(PRODUCTS)}
    assert set(Counter(subject.view for subject in subjects).values()) == {192 // len(VIEWS)}
    assert set(Counter(subject.look.colour for subject in subjects).values()) == {192 // len(COLOURS)}


def test_a_prompt_is_what_turbo_is_asked_for_and_seeds_differ() -> None:
    generator = np.random.default_rng(0)
    subjects = spread_subjects(20, generator)
    prompts = [prompt_for(subject, generator, str(place)) for place, subject in enumerate(subjects)]
    assert {(prompt.width, prompt.height, prompt.steps, prompt.guidance) for prompt in prompts} == {
        (SIDE, SIDE, 8, 0.0)
    }
    assert len({prompt.seed for prompt in prompts}) == 20
    assert all(prompt.text.startswith("Studio product photograph of ") for prompt in prompts)


def test_a_sheet_shows_every_picture_and_fills_its_last_row_with_white() -> None:
    pictures = [np.full((64, 64, 3), shade, np.uint8) for shade in (10, 20, 30)]
    sheet = contact_sheet(pictures, columns=2, side=16)
    assert sheet.shape == (32, 32, 3)
    assert [int(sheet[8, 8, 0]), int(sheet[8, 24, 0]), int(sheet[24, 8, 0]), int(sheet[24, 24, 0])] == [10, 20, 30, 255]
