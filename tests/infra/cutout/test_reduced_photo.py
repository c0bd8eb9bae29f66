"""A photo is reduced once for cutting and measuring, and its ground is fitted once."""

import numpy as np
import pytest

from infra.cutout import reduced_photo
from infra.cutout.cutting import cut_photo
from infra.cutout.ground import Ground, fit_ground
from infra.cutout.plain_ground import PlainGroundCutter
from infra.cutout.reduced_photo import reduce_mask, reduce_photo
from infra.interfaces import AlphaMask, Photo, Pixels
from tests.infra.cutout.drawn_products import disc, photo_of


class HalfCutter:
    name, version = "half", "1"

    def cut(self, photo: Photo) -> AlphaMask:
        return np.asarray((photo.pixels[..., 1] < 128) * np.uint8(255), np.uint8)


def test_all_steps_of_a_photo_share_one_fit_of_its_ground(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[tuple[int, ...]] = []

    def counted(pixels: Pixels) -> Ground:
        fitted.append(pixels.shape)
        return fit_ground(pixels)

    monkeypatch.setattr(reduced_photo, "fit_ground", counted)
    cut = cut_photo(photo_of(disc(1300)), [PlainGroundCutter(), HalfCutter()])
    assert list(cut.masks) == ["plain-ground", "half"]
    assert fitted == [(1024, 1024, 3)]


def test_the_flood_gives_the_same_mask_alone_and_with_others() -> None:
    photo = photo_of(disc(1300), noise=2.0)
    cut = cut_photo(photo, [PlainGroundCutter(), HalfCutter()])
    assert np.array_equal(cut.masks["plain-ground"], PlainGroundCutter().cut(photo))


@pytest.mark.parametrize(
    ("size", "reduced"), [((900, 1024), (900, 1024)), ((3000, 1500), (1024, 512)), ((1, 4096), (1, 1024))]
)
def test_photo_and_mask_are_reduced_to_the_same_size(size: tuple[int, int], reduced: tuple[int, int]) -> None:
    photo = Photo(np.full((*size, 3), 200, np.uint8), None, "")
    assert reduce_photo(photo).pixels.shape == (*reduced, 3)
    assert reduce_mask(np.full(size, 255, np.uint8)).shape == reduced


def test_the_difference_is_that_of_the_channel_that_differs_most() -> None:
    photo = photo_of(disc(256), (250, 250, 250), (240, 200, 245))
    assert reduce_photo(photo).difference[128, 128] == pytest.approx(50, abs=0.5)
    assert reduce_photo(photo).difference[3, 3] == pytest.approx(0, abs=0.5)
