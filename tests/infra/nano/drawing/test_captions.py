"""Captions: all that is asked for is said, in the words that recipes use."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from infra.nano.drawing.captions import (
    PATTERN_WORDS,
    PRODUCT_NAMES,
    VIEW_PHRASES,
    Subject,
    random_caption,
    random_subject,
    recipe_caption,
)
from infra.nano.drawing.products import PRODUCTS
from infra.nano.drawing.rendering import COLOURS, FINISHES, PATTERNS, Look
from infra.nano.drawing.studio import VIEWS


def test_every_product_view_and_pattern_has_words() -> None:
    assert PRODUCT_NAMES.keys() == PRODUCTS.keys()
    assert VIEW_PHRASES.keys() == VIEWS.keys()
    assert PATTERN_WORDS.keys() == set(PATTERNS)


@pytest.mark.parametrize("say", [random_caption, recipe_caption])
def test_product_colour_view_and_pattern_are_named(say: object) -> None:
    generator = np.random.default_rng(0)
    for _ in range(500):
        subject = random_subject(generator)
        text = say(subject, generator).casefold()  # type: ignore[operator]
        assert any(name.casefold() in text for name in PRODUCT_NAMES[subject.product])
        assert subject.look.colour in text
        assert any(phrase in text for phrase in VIEW_PHRASES[subject.view])
        words = [word for word in PATTERN_WORDS[subject.look.pattern] if word]
        assert subject.look.pattern == "plain" or any(word in text for word in words)


def test_no_other_colour_or_product_slips_in() -> None:
    generator = np.random.default_rng(1)
    for _ in range(500):
        subject = random_subject(generator)
        words = Counter(random_caption(subject, generator).casefold().replace(",", "").split())
        assert [colour for colour in COLOURS if words[colour]] == [subject.look.colour]


def test_subjects_are_drawn_evenly_but_half_of_them_plain() -> None:
    generator = np.random.default_rng(2)
    subjects = [random_subject(generator) for _ in range(4000)]
    products = Counter(subject.product for subject in subjects)
    assert products.keys() == PRODUCTS.keys()
    assert max(products.values()) < 1.5 * min(products.values())
    plain = sum(subject.look.pattern == "plain" for subject in subjects) / len(subjects)
    assert plain == pytest.approx(0.4 + 0.6 / len(PATTERNS), abs=0.04)
    assert {subject.look.finish for subject in subjects} == set(FINISHES)


def test_the_same_subject_is_said_in_many_ways_and_a_seed_repeats_one() -> None:
    subject = Subject("mug", "front", Look("red"))
    said = {random_caption(subject, np.random.default_rng(seed)) for seed in range(100)}
    assert len(said) > 80
    assert random_caption(subject, np.random.default_rng(3)) == random_caption(
        replace(subject), np.random.default_rng(3)
    )
