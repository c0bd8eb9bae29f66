"""The meter lets images begin until the money or the time is used up, and then no more."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from catalogs.terms import Allowance
from tasks.meter import Meter


class Clock:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def begun(meter: Meter, seconds: float, at_once: int = 1) -> int:
    """Return how many images are begun when an engine holds so many at once, each taking so long."""
    held = count = 0
    while count < 1000:
        if not meter.allows():
            return count
        count, held = count + 1, held + 1
        if held == at_once:
            for _ in range(held):
                meter.count(seconds)
            held = 0
    return count


def test_without_limits_nothing_stops_it() -> None:
    meter = Meter()
    assert begun(meter, 3600.0) == 1000
    assert (meter.stopped, meter.spent) == (None, 3_600_000.0)


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_the_budget_is_never_run_over_by_images_of_like_length(at_once: int) -> None:
    meter = Meter(Allowance(paid=10.0))
    begun(meter, 1.0, at_once)
    assert (meter.stopped, meter.spent <= 10.0, meter.spent > 10.0 - at_once) == ("budget-used-up", True, True)


def test_images_that_the_engine_still_holds_are_counted_before_they_are_measured() -> None:
    meter = Meter(Allowance(paid=3.0))
    assert meter.allows()
    meter.count(1.0)
    assert [meter.allows() for _ in range(3)] == [True, True, False]


def test_what_earlier_processes_spent_is_spent() -> None:
    meter = Meter(Allowance(paid=10.0), spent=8.0)
    assert begun(meter, 1.0) == 2
    assert not Meter(Allowance(paid=10.0), spent=10.0).allows()


def test_a_budget_of_nothing_lets_only_what_costs_nothing_begin() -> None:
    meter = Meter(Allowance(paid=0.0))
    assert meter.allows()
    meter.count(0.001)
    assert (meter.allows(), meter.stopped) == (False, "budget-used-up")


def test_time_is_counted_from_the_runs_beginning() -> None:
    clock = Clock()
    meter = Meter(Allowance(open=60.0), began=50.0, clock=clock)
    assert meter.allows()
    clock.now = 110.5
    assert (meter.allows(), meter.stopped) == (False, "time-used-up")


def test_the_first_no_is_the_last_word() -> None:
    clock = Clock()
    meter = Meter(Allowance(open=1.0), began=0.0, clock=clock)
    assert not meter.allows()
    clock.now = 0.0
    assert not meter.allows()


def test_many_threads_are_counted_as_one() -> None:
    meter = Meter()

    def work(_: int) -> None:
        assert meter.allows()
        meter.count(0.5)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(400)))
    assert meter.spent == 200.0
