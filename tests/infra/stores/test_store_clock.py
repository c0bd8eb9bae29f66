"""The store's clock: its dates decide, however wrong this machine's time of day is."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.stores.store_clock import StoreClock, elapsed_seconds

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Ticks:
    """Seconds since this machine started."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


def after_noon(clock: StoreClock) -> float:
    now = clock.now()
    assert now is not None
    return (now - NOON).total_seconds()


def test_a_store_that_gave_no_date_has_no_time(ticks: Ticks) -> None:
    clock = StoreClock(3.0, ticks)
    assert (clock.now(), clock.seconds_since_date()) == (None, None)


def test_time_goes_on_between_two_dates(ticks: Ticks) -> None:
    clock = StoreClock(3.0, ticks)
    clock.observe(NOON)
    ticks.seconds += 90
    assert (after_noon(clock), clock.seconds_since_date()) == (90, 90)


def test_whole_seconds_and_late_answers_do_not_set_the_clock_back(ticks: Ticks) -> None:
    clock = StoreClock(3.0, ticks)
    clock.observe(NOON)
    for _ in range(20):  # the true time is half a second later, cut to whole seconds, and up to two seconds on its way
        ticks.seconds += 2.5
        clock.observe(NOON + timedelta(seconds=int(ticks.seconds - 1000 - 2)))
        assert after_noon(clock) == ticks.seconds - 1000


def test_a_date_ahead_is_taken_at_once(ticks: Ticks) -> None:
    clock = StoreClock(3.0, ticks)
    clock.observe(NOON)
    clock.observe(NOON + timedelta(seconds=0.9))
    assert after_noon(clock) == 0.9


def test_a_store_whose_clock_was_set_back_is_followed(ticks: Ticks) -> None:
    clock = StoreClock(3.0, ticks)
    clock.observe(NOON + timedelta(hours=1))
    clock.observe(NOON)
    assert after_noon(clock) == 0


def test_without_slack_each_date_counts(ticks: Ticks) -> None:
    clock = StoreClock(0.0, ticks)
    clock.observe(NOON)
    clock.observe(NOON - timedelta(seconds=0.004))
    assert after_noon(clock) == -0.004


def test_elapsed_seconds_only_grow() -> None:
    first = elapsed_seconds()
    assert elapsed_seconds() >= first
