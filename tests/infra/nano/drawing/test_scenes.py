"""Drawn scenes are the same for the same seed, and half of them hold a product in the drop zone."""

import numpy as np

from infra.nano.drawing.scenes import GROUNDS, draw_scene, draw_scenes


def test_each_ground_comes_empty_and_then_with_a_product() -> None:
    scenes = list(draw_scenes(2 * len(GROUNDS), (128, 96)))
    assert [scene.ground for scene in scenes] == [*GROUNDS, *GROUNDS]
    assert [bool(scene.product) for scene in scenes] == [False] * len(GROUNDS) + [True] * len(GROUNDS)
    assert {scene.pixels.shape for scene in scenes} == {(96, 128, 3)}


def test_a_seed_gives_the_same_pixels_and_another_seed_gives_others() -> None:
    one, same, other = (next(draw_scenes(1, (96, 96), seed)).pixels for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_product_stands_on_the_foot_and_changes_nothing_far_from_it() -> None:
    empty, full = (draw_scene("paper", (200, 200), np.random.default_rng(4), name).pixels for name in ("", "mug"))
    apart = np.abs(empty.astype(int) - full).max(axis=2) > 30
    rows = np.flatnonzero(apart.any(axis=1))
    assert 150 <= rows[-1] <= 168
    assert not apart[:, :30].any()
    assert not apart[:30].any()
