"""The sample is a fair share, always the same one, and grows with its share."""

from hashlib import sha256

import pytest

from catalogs.samples import is_review_sample

KEYS = [sha256(str(number).encode()).digest() for number in range(10_000)]


@pytest.mark.parametrize(("share", "least", "most"), [(0.01, 70, 130), (0.02, 160, 240), (0.5, 4_850, 5_150)])
def test_of_ten_thousand_pictures_the_share_is_sampled(share: float, least: int, most: int) -> None:
    assert least <= sum(is_review_sample(key, share) for key in KEYS) <= most


def test_the_choice_is_the_same_every_time_and_a_larger_share_only_adds() -> None:
    first = [key for key in KEYS if is_review_sample(key, 0.01)]
    assert [key for key in reversed(KEYS) if is_review_sample(key, 0.01)] == first[::-1]
    assert all(is_review_sample(key, 0.02) for key in first)
    assert first[:2] == [KEYS[64], KEYS[466]]


def test_nothing_and_everything_can_be_asked_for() -> None:
    assert not any(is_review_sample(key, 0) for key in KEYS[:100])
    assert all(is_review_sample(key, 1) for key in KEYS[:100])
