"""The stub's pictures pass every gate, except those that are asked to fail one."""

from itertools import combinations

import numpy as np
import pytest

from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.engines.stub.stub_backend import PRODUCT_WORDS, StubBackend
from infra.imaging.metrics.background import measure_background
from infra.imaging.metrics.pdq import pdq
from infra.imaging.metrics.pixels import measure_pixels
from infra.interfaces import Failure, Frame, Pixels, Prompt

TOO_ALIKE = 31
"""PDQ bits of 256 up to which two pictures are called the same (the usual threshold of PDQ's authors)."""


def card(text: str, seed: int = 1, width: int = 256, height: int = 256) -> Pixels:
    (answer,) = StubBackend().generate_batch([Prompt("key", text, seed, width, height)])
    assert isinstance(answer, Frame)
    return answer.pixels


def code(pixels: Pixels) -> np.ndarray:
    return np.unpackbits(np.frombuffer(pdq(pixels)[0], np.uint8)).astype(bool)


def test_a_picture_depends_on_text_and_seed_and_size_and_on_nothing_else() -> None:
    first = card("a mug", 7, 64, 48)
    assert first.shape == (48, 64, 3)
    assert first.dtype == np.uint8
    card("a shirt", 8)
    assert np.array_equal(card("a mug", 7, 64, 48), first)
    for other in (card("a mug", 8, 64, 48), card("a cup", 7, 64, 48)):
        assert np.abs(other.astype(int) - first).mean() > 20


@pytest.mark.parametrize("product", sorted(PRODUCT_WORDS))
def test_pictures_of_different_seeds_are_far_apart_for_a_duplicate_gate(product: str) -> None:
    codes = [code(card(f"a {product}", seed)) for seed in range(40)]
    distances = np.array([np.count_nonzero(a != b) for a, b in combinations(codes, 2)])
    assert len(distances) == 780
    assert distances.min() > 2 * TOO_ALIKE
    # 20,000 pictures make 2e8 pairs, whose extreme lies 5.7 deviations below the mean.
    assert distances.mean() - 5.7 * distances.std() > TOO_ALIKE


@pytest.mark.parametrize("side", [256, 1024])
@pytest.mark.parametrize("product", sorted(PRODUCT_WORDS))
def test_a_picture_is_sharp_on_pure_white_and_fills_the_frame(product: str, side: int) -> None:
    pixels = card(f"a {product}", 3, side, side)
    measured = measure_pixels(pixels)
    assert measured["blur.foreground"] >= 7
    assert measure_background(pixels)["background.white"] == 1
    rows, columns = np.nonzero(pixels.min(axis=2) < 230)
    assert 0.75 <= max(np.ptp(rows), np.ptp(columns)) / side <= 0.95
    assert measure_pixels(card(f"a {product} [blurred]", 3, side, side))["blur.foreground"] < 1


def test_the_text_chooses_the_product_and_words_inside_words_do_not() -> None:
    def apart(some: str, other: str) -> float:
        """Return the share of pixels where one picture has a product and the other has ground."""
        covered = [card(text, width=512, height=512).min(axis=2) < 250 for text in (some, other)]
        return float(np.mean(covered[0] != covered[1]))

    assert apart("Red BOOTS, leather", "a shoe of leather") < 0.01
    assert apart("a stainless steel mug", "mug") < 0.01
    assert apart("a shoe of leather", "a mug") > 0.1


@pytest.mark.parametrize("seed", range(4))
def test_blank_is_white_and_second_try_is_white_for_even_seeds(seed: int) -> None:
    assert card("a mug [blank]", seed).min() == 255
    assert bool(card("a mug [second-try]", seed).min() == 255) is (seed % 2 == 0)
    assert card("a mug", seed).min() < 128


def test_a_copycat_is_one_picture_whatever_the_text_and_the_seed() -> None:
    assert np.array_equal(card("a mug [copycat]", 1), card("a shirt [copycat]", 2))
    assert not np.array_equal(card("a mug", 1), card("a mug", 2))


def test_poison_harms_only_its_own_image() -> None:
    engine = open_engine(EngineSpec("stub", batch_size=4))
    texts = ["a mug", "a mug [poison]", "a mug", "a mug"]
    answers = {a.key: a for a in engine.generate([Prompt(str(i), text, i, 64, 64) for i, text in enumerate(texts)])}
    engine.close()
    poisoned = answers.pop("1")
    assert isinstance(poisoned, Failure)
    assert poisoned.reason == "PoisonedPrompt: The prompt contains the word [poison]."
    assert len(answers) == 3
    assert all(isinstance(answer, Frame) for answer in answers.values())


def test_an_absurd_size_is_a_failure_that_names_it() -> None:
    answers = StubBackend().generate_batch(
        [Prompt("large", "a mug", 1, 100_000, 64), Prompt("good", "a mug", 1, 64, 64)]
    )
    assert isinstance(answers[0], Failure)
    assert "100000x64" in answers[0].reason
    assert isinstance(answers[1], Frame)


def test_the_sleep_counts_as_engine_time() -> None:
    engine = open_engine(EngineSpec("stub", stub_seconds=0.02))
    answers = list(engine.generate([Prompt(str(i), "a mug", i, 32, 32) for i in range(3)]))
    assert engine.busy_seconds() >= 0.06
    assert min(answer.seconds for answer in answers) >= 0.02


def test_text_in_any_script_and_broken_surrogates_are_painted() -> None:
    for text in ("造相 海报", "\ud83d", "", "x" * 100_000):
        assert card(text, 1, 32, 32).shape == (32, 32, 3)
