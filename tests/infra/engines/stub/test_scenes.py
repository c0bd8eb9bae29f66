"""The stub's scenes keep the product, change with text and seed, and show an expanded product where one is ordered."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from infra.compositing.scene_scores import object_expansion
from infra.engines.stub.scenes import EXPANSION, draw_scene
from infra.engines.stub.stub_backend import PALETTES, StubBackend
from infra.interfaces import Failure, Frame, KeptRegion, Pixels, Prompt
from tests.fixtures.kept_regions import kept_region

SIDE = 256
REGION = kept_region(SIDE, SIDE)
OUTSIDE, CORE = REGION.alpha == 0, REGION.alpha == 255


def scene(text: str = "a mug", seed: int = 1, region: KeptRegion = REGION) -> Pixels:
    height, width = region.alpha.shape
    (answer,) = StubBackend().generate_batch([Prompt("key", text, seed, width, height, kept_region=region)])
    assert isinstance(answer, Frame)
    return answer.pixels


@given(width=st.integers(16, 90), height=st.integers(16, 90), share=st.floats(0.1, 1.5), seed=st.integers(0, 2**63 - 1))
def test_every_pixel_of_the_core_is_the_products_whatever_size_and_seed(
    width: int, height: int, share: float, seed: int
) -> None:
    region = kept_region(width, height, share)
    core = region.alpha == 255
    for text in ("a mug", "a mug [expanded]"):
        drawn = scene(text, seed, region)
        assert drawn.shape == region.pixels.shape
        assert np.array_equal(drawn[core], region.pixels[core])


def test_text_and_seed_choose_the_scene_and_nothing_else_does() -> None:
    first = scene()
    assert np.array_equal(scene(), first)
    for other in (scene(seed=2), scene("a cup")):
        assert np.abs(other.astype(int) - first)[OUTSIDE].mean() > 10
    another = kept_region(SIDE, SIDE, hue=50)
    assert np.array_equal(scene(region=another)[OUTSIDE], first[OUTSIDE])
    grey_share = float((np.abs(first.astype(int) - 128).max(axis=2) <= 3)[OUTSIDE].mean())
    assert grey_share < 0.05, "the neutral ground would still be there"


def test_an_ordered_expansion_is_as_large_as_it_says_and_no_scene_has_one_of_itself() -> None:
    def like_product(drawn: Pixels) -> np.ndarray:
        reds = np.abs(drawn.astype(int) - REGION.pixels[SIDE // 2, SIDE // 2 + 4]).max(axis=2) <= 3
        stripes = np.abs(drawn.astype(int) - (20, 30, 120)).max(axis=2) <= 3
        return np.asarray((reds | stripes | CORE) * 255, np.uint8)

    assert object_expansion(REGION.alpha, like_product(scene())) < 0.01
    radius = 0.7 * SIDE / 2
    expected = ((radius + EXPANSION * SIDE) / radius) ** 2 - 1
    assert abs(object_expansion(REGION.alpha, like_product(scene("a mug [expanded]"))) - expected) < 0.05


def test_ordered_defects_hold_for_scenes_too() -> None:
    assert scene("a mug [blank]").min() == 255
    blurred, sharp = scene("a mug [blurred]"), scene()
    assert np.abs(blurred.astype(int) - sharp)[CORE].mean() > 5
    empty = KeptRegion(REGION.pixels, np.zeros_like(REGION.alpha))
    chance = np.zeros(16, np.uint8)
    assert np.array_equal(draw_scene(empty, PALETTES[0], chance, expanded=True), draw_scene(empty, PALETTES[0], chance))


def test_a_region_of_another_size_is_a_failure_that_names_both() -> None:
    (answer,) = StubBackend().generate_batch([Prompt("key", "a mug", 1, 64, 32, kept_region=REGION)])
    assert isinstance(answer, Failure)
    assert answer.reason == "The kept region is 256x256 and the image 64x32: place it on that canvas."
