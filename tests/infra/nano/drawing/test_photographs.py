"""Drawn photos are the same for the same seed, and their masks are exact."""

import numpy as np

from infra.nano.drawing.photographs import GROUNDS, draw_photo, draw_photos


def test_the_same_seed_draws_the_same_photos() -> None:
    [first], [again], [other] = (list(draw_photos(1, 128, seed)) for seed in (4, 4, 5))
    assert np.array_equal(first.photo.pixels, again.photo.pixels)
    assert not np.array_equal(first.photo.pixels, other.photo.pixels)


def test_products_stand_before_every_ground_and_their_masks_are_exact() -> None:
    drawn = [draw_photo(16 * number, 96) for number in range(4)]
    assert [(photo.name, photo.ground) for photo in drawn] == [("mug", ground) for ground in GROUNDS]
    for photo in drawn:
        assert photo.photo.pixels.shape == (96, 96, 3)
        assert 0.03 < (photo.mask > 127).mean() < 0.7
    outside = drawn[0].photo.pixels[drawn[0].mask == 0].astype(int)
    assert np.abs(outside - 255).mean() < 2, "white but for the JPEG"
