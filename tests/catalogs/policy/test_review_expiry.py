"""A question to a person has an end, which moves with the policy's days and never before its time."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from catalogs.policy.review_expiry import (
    REVIEW_EXPIRED,
    apply_review_expiry,
    expiry_changes,
    is_review_sample,
    was_sent_to_review,
)

ASKED = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)


def waiting_row(**changes: Any) -> dict[str, Any]:
    row = {"state": "review", "reasons": ["blurred"], "decided_at": ASKED, "expires_at": ASKED + timedelta(days=30)}
    return row | changes


def after(days: float) -> datetime:
    return ASKED + timedelta(days=days)


@pytest.mark.parametrize(("days", "state"), [(29.9999, "review"), (30, "blocked"), (300, "blocked")])
def test_an_unanswered_question_ends_to_the_moment(days: float, state: str) -> None:
    row = apply_review_expiry(waiting_row(), 30, after(days))
    assert row["state"] == state
    assert row["reasons"] == (["blurred", REVIEW_EXPIRED] if state == "blocked" else ["blurred"])


def test_nothing_moves_before_its_time_and_nothing_twice() -> None:
    assert list(expiry_changes([waiting_row()], 30, after(10))) == []
    (closed,) = expiry_changes([waiting_row()], 30, after(31))
    assert list(expiry_changes([closed], 30, after(50))) == []


def test_more_days_open_a_question_again_and_fewer_close_it_at_once() -> None:
    (closed,) = expiry_changes([waiting_row()], 7, after(10))
    assert (closed["state"], closed["expires_at"]) == ("blocked", after(7))
    (again,) = expiry_changes([closed], 30, after(10))
    assert again == waiting_row()
    (sooner,) = expiry_changes([waiting_row()], 12, after(10))
    assert (sooner["state"], sooner["expires_at"]) == ("review", after(12))


@pytest.mark.parametrize("state", ["blocked", "failed", "deferred", "withdrawn"])
def test_an_outcome_that_was_never_in_review_never_expires(state: str) -> None:
    row = waiting_row(state=state, expires_at=None)
    assert not was_sent_to_review(row)
    assert list(expiry_changes([row], 30, after(99))) == []


# The sample of what passes

KEYS = [sha256(str(number).encode()).digest() for number in range(10_000)]


@pytest.mark.parametrize(("share", "least", "most"), [(0.01, 70, 130), (0.02, 160, 240), (0.5, 4_850, 5_150)])
def test_of_ten_thousand_images_the_share_is_sampled(share: float, least: int, most: int) -> None:
    assert least <= sum(is_review_sample(key, share) for key in KEYS) <= most


def test_the_choice_is_the_same_every_time_and_a_larger_share_only_adds() -> None:
    first = [key for key in KEYS if is_review_sample(key, 0.01)]
    assert [key for key in reversed(KEYS) if is_review_sample(key, 0.01)] == first[::-1]
    assert all(is_review_sample(key, 0.02) for key in first)
    assert first[:2] == [KEYS[64], KEYS[466]]


def test_nothing_and_everything_can_be_asked_for() -> None:
    assert not any(is_review_sample(key, 0) for key in KEYS[:100])
    assert all(is_review_sample(key, 1) for key in KEYS[:100])
