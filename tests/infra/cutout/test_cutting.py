"""A photo is cut by the cutter that may be believed there, and the next one says whether it agrees."""

import numpy as np
import pytest

from catalogs.photos.photo_rules import built_in_photo_rules
from infra.cutout.cutting import cut_photo
from infra.cutout.plain_ground import PlainGroundCutter
from infra.interfaces import AlphaMask, Photo
from tests.infra.cutout.drawn_products import GREEN, boards, disc, iou, photo_of


class DrawnCutter:
    version = "1"

    def __init__(self, name: str, mask: AlphaMask) -> None:
        self.name, self._mask = name, mask

    def cut(self, photo: Photo) -> AlphaMask:  # noqa: ARG002
        return self._mask


FLOOD, DRAWN = PlainGroundCutter(), DrawnCutter("drawn", disc())


@pytest.mark.parametrize("cutters", [[FLOOD, DRAWN], [DRAWN, FLOOD]])
def test_before_a_plain_ground_the_flood_is_used_and_the_other_agrees(cutters: list[DrawnCutter]) -> None:
    cut = cut_photo(photo_of(disc()), cutters)
    assert cut.cutter == "plain-ground"
    assert list(cut.masks) == ["plain-ground", "drawn"]
    assert cut.scores["mask.agreement"] > 0.99
    assert (cut.scores["mask.flooded"], cut.scores["mask.given"]) == (1.0, 0.0)


def test_before_a_busy_ground_the_flood_has_no_vote() -> None:
    cut = cut_photo(photo_of(disc(), boards(256)), [FLOOD, DRAWN])
    assert cut.cutter == "drawn"
    assert list(cut.masks) == ["drawn"]
    assert "mask.agreement" not in cut.scores
    assert cut.scores["mask.flooded"] == 0.0


def test_two_networks_confirm_each_other_before_any_ground() -> None:
    cut = cut_photo(photo_of(disc(), boards(256)), [DRAWN, DrawnCutter("second", disc(256, 0.2)), FLOOD])
    assert list(cut.masks) == ["drawn", "second"]
    assert cut.scores["mask.agreement"] < 0.6


def test_the_flood_alone_is_used_wherever_there_is_no_other() -> None:
    cut = cut_photo(photo_of(disc(), boards(256)), [FLOOD])
    assert cut.cutter == "plain-ground"
    assert "mask.agreement" not in cut.scores


def test_a_photo_with_transparency_was_cut_by_its_shop() -> None:
    cut = cut_photo(photo_of(disc(), GREEN, alpha=disc()), [FLOOD, DRAWN])
    assert (cut.cutter, cut.scores["mask.given"]) == ("file-alpha", 1.0)
    assert np.array_equal(cut.alpha, disc())


def test_the_cutout_is_refined() -> None:
    cut = cut_photo(photo_of(disc(512), GREEN), [DrawnCutter("drawn", disc(512, 0.303))])
    assert iou(cut.alpha, disc(512)) > 0.995
    assert 0 < cut.scores["mask.soft"] < 0.03


def test_every_score_that_the_built_in_rules_need_is_measured() -> None:
    measured = cut_photo(photo_of(disc()), [FLOOD, DRAWN]).scores
    rules = built_in_photo_rules()
    needed = {rule.score for rule in (*rules.mask, *rules.photo) if not rule.optional}
    assert needed <= measured.keys()
