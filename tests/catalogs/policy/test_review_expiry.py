"""A question to a person has an end, which moves with the policy's days and never before its time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalogs.policy.review_expiry import REVIEW_EXPIRED, apply_review_expiry, expiry_changes, was_sent_to_review

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
def test_what_asks_nobody_never_ends(state: str) -> None:
    row = waiting_row(state=state, expires_at=None)
    assert not was_sent_to_review(row)
    assert list(expiry_changes([row], 30, after(99))) == []
