"""A photo's own fault blocks its slot; a fault of ours is tried again."""

import pytest

from catalogs.photos.photo_faults import (
    CORE_EMPTY,
    PHOTO_LOST,
    STAGE_LOST,
    STAGE_TOO_SMALL,
    is_photos_own_fault,
)
from infra.composing import composer
from infra.photos.invalid_photo import PHOTO_REASONS


@pytest.mark.parametrize("reason", ["photo.too-small", "photo.unreadable", "mask.empty", CORE_EMPTY, STAGE_TOO_SMALL])
def test_what_a_photo_or_a_stage_is_stays_so(reason: str) -> None:
    assert is_photos_own_fault([reason])


@pytest.mark.parametrize(
    "reason", [PHOTO_LOST, STAGE_LOST, "cutter-changed", "cutter-failed", "engine-failed", "set-aside"]
)
def test_what_is_ours_may_be_better_another_night(reason: str) -> None:
    assert not is_photos_own_fault([reason])


def test_every_reason_of_a_photo_that_cannot_be_read_is_its_own_and_the_lost_one_is_not_among_them() -> None:
    assert all(is_photos_own_fault([reason]) for reason in PHOTO_REASONS)
    assert (composer.PHOTO_LOST, composer.STAGE_LOST) == (PHOTO_LOST, STAGE_LOST)
    assert PHOTO_LOST not in PHOTO_REASONS
