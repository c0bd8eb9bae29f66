"""Which refusals are faults of our own, and when they are tried again (A5)."""

from datetime import UTC, datetime, timedelta

import pytest

from catalogs.planning.retry_rules import (
    RetryClock,
    RetrySummary,
    is_collision,
    may_be_readmitted,
    next_retry,
    own_fault_reasons,
)

NOW = datetime(2026, 11, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "reasons", "own"),
    [
        ("review", ["scanner-failed.pixels"], ["scanner-failed.pixels"]),
        ("review", ["blurred", "scanner-missing.nudity"], ["scanner-missing.nudity"]),
        ("review", ["score-missing.classifier.weapons"], ["score-missing.classifier.weapons"]),
        ("review", ["score-missing.blur.foreground"], []),
        ("review", ["blurred"], []),
        ("blocked", ["blank", "scanner-failed.nudity"], []),
        ("blocked", ["review-expired", "scanner-failed.nudity"], ["scanner-failed.nudity"]),
        ("blocked", ["review-expired", "blurred"], []),
        ("failed", ["engine-failed"], ["engine-failed"]),
        ("failed", ["set-aside"], ["set-aside"]),
        ("deferred", ["over-budget"], []),
        ("withdrawn", ["rolled-back"], []),
        ("review", None, []),
    ],
)
def test_a_reason_is_our_own_fault_where_the_outcome_rests_on_it(
    state: str, reasons: list[str] | None, own: list[str]
) -> None:
    assert own_fault_reasons(state, reasons) == own
    assert may_be_readmitted(state, reasons) is (bool(own) or state == "withdrawn")


@pytest.mark.parametrize(
    ("state", "reasons", "collides"),
    [
        ("blocked", ["duplicate-exact"], True),
        ("review", ["duplicate-maybe", "views-differ"], True),
        ("blocked", ["view-not-distinct"], True),
        ("review", ["views-differ"], False),
        ("withdrawn", ["duplicate-exact"], False),
    ],
)
def test_collisions_are_told_by_their_reasons(state: str, reasons: list[str], collides: bool) -> None:
    assert is_collision(state, reasons) is collides


def test_the_nights_between_tries_double_up_to_sixteen() -> None:
    waits = [next_retry(tries, NOW) - NOW for tries in (1, 2, 3, 4, 5, 6, 7, 100)]
    four_hours = timedelta(hours=4)
    assert [(wait + four_hours).days for wait in waits] == [1, 1, 2, 4, 8, 16, 16, 16]
    assert all((wait + four_hours).seconds == 0 for wait in waits)


def test_an_outcome_is_due_from_the_time_of_its_next_try_on() -> None:
    for now, due in ((NOW - timedelta(seconds=1), False), (NOW, True)):
        assert RetryClock(now).is_due("review", ["scanner-failed.pixels"], 1, NOW) is due
    assert not RetryClock(NOW).is_due("blocked", ["blank"], None, None)


@pytest.mark.parametrize(
    ("scanners", "tries", "retry_at", "due"),
    [
        (None, 1, NOW, True),
        ({"pixels"}, 1, NOW, False),
        ({"nudity"}, 1, NOW + timedelta(days=9), True),
        ({"nudity"}, None, None, True),
        ({"nudity"}, 4, NOW + timedelta(days=9), False),
        ({"nudity"}, 4, NOW, True),
    ],
)
def test_a_missing_scanner_is_used_at_once_when_it_can_be_opened_but_not_over_and_over(
    scanners: set[str] | None, tries: int | None, retry_at: datetime | None, due: bool
) -> None:
    assert RetryClock(NOW, scanners).is_due("review", ["scanner-missing.nudity"], tries, retry_at) is due


def test_nothing_says_when_a_scanner_will_be_installed() -> None:
    clock = RetryClock(NOW, {"pixels"})
    assert clock.expected_retry("review", ["scanner-missing.nudity"], NOW) is None
    assert clock.expected_retry("review", ["scanner-failed.pixels"], NOW) == NOW


def test_a_summary_counts_slots_and_reasons_and_names_the_first_next_try() -> None:
    plan, run = RetrySummary(), RetrySummary()
    plan.add(["scanner-failed.pixels"], NOW + timedelta(days=2))
    plan.add(["scanner-failed.pixels", "scanner-missing.nudity"], None)
    run.add(["engine-failed"], NOW)
    document = plan.combined(run).document()
    assert document == {
        "slots": 3,
        "reasons": {"scanner-failed.pixels": 2, "scanner-missing.nudity": 1, "engine-failed": 1},
        "next_try": "2026-11-01T02:00:00+00:00",
    }
    assert RetrySummary.from_document(document) == plan.combined(run)
    assert RetrySummary.from_document({}) == RetrySummary()
