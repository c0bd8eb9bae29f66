"""What holds back the slots that a plan leaves alone is counted once, by what holds it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from catalogs.planning.current_state import Outcome
from catalogs.planning.retry_rules import RetryClock
from catalogs.planning.waiting_slots import MAX_LISTED_SKUS, RowPresence, WaitingSlots

NOW = datetime(2026, 11, 1, 2, tzinfo=UTC)
REVIEW = Outcome(
    request_key=bytes(32), state="review", attempts=1, source_digest=b"", finish_digest="", policy_digest="",
    image_key=None, reasons=["blurred"], tries=None, retry_at=None, collides_with=None, decided_at=NOW,
)  # fmt: skip


@pytest.fixture
def waiting() -> WaitingSlots:
    return WaitingSlots(RetryClock(NOW, {"pixels"}), review_days=30)


@pytest.mark.parametrize(
    ("state", "days", "expired"), [("review", 30, 1), ("review", 29, 0), ("blocked", 99, 0), ("withdrawn", 99, 0)]
)
def test_a_review_expires_after_the_policys_days(waiting: WaitingSlots, state: str, days: int, expired: int) -> None:
    waiting.add_slot(replace(REVIEW, state=state, decided_at=NOW - timedelta(days=days)))
    assert waiting.expired == expired


def test_faults_of_our_own_are_counted_with_their_next_try(waiting: WaitingSlots) -> None:
    waiting.add_slot(replace(REVIEW, reasons=["scanner-failed.pixels"], tries=1, retry_at=NOW))
    waiting.add_slot(replace(REVIEW, reasons=["scanner-missing.nudity"], tries=1, retry_at=NOW - timedelta(days=1)))
    waiting.add_slot(REVIEW)
    summary = waiting.own_faults
    assert (summary.slots, dict(summary.reasons), summary.next_try) == (
        2, {"scanner-failed.pixels": 1, "scanner-missing.nudity": 1}, NOW
    )  # fmt: skip


def test_a_sku_shows_nothing_where_all_of_its_slots_wait(waiting: WaitingSlots) -> None:
    presence = RowPresence.of_rows(4)
    presence.waiting[:] = True
    presence.live[1] = presence.decided[2] = True
    waiting.add_rows(["a", "b", "c", "d"], presence)
    assert (waiting.skus_without_image, waiting.first_skus) == (2, ["a", "d"])


def test_only_the_first_skus_are_named(waiting: WaitingSlots) -> None:
    for batch in range(2):
        presence = RowPresence.of_rows(15)
        presence.waiting = np.ones(15, bool)
        waiting.add_rows([f"{batch}-{number}" for number in range(15)], presence)
    assert (waiting.skus_without_image, len(waiting.first_skus)) == (30, MAX_LISTED_SKUS)
    assert waiting.first_skus[14:16] == ["0-14", "1-0"]
