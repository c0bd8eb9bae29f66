"""The meter lets images begin until the money or the time is used up, and then no more."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from catalogs.planning.budget import Allowance
from tasks.runs.budget_meter import AT_ONCE, FIRST_MEASURED, Meter


class Clock:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def begun(meter: Meter, seconds: float, at_once: int = 1) -> int:
    """Return how many images are begun when an engine holds so many at once, each taking so long."""
    held = count = 0
    while count < 1000:
        if not meter.begin(1):
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
    assert meter.begin(1)
    meter.count(1.0)
    assert [meter.begin(1) for _ in range(3)] == [1, 1, 0]


def test_what_earlier_processes_spent_is_spent() -> None:
    meter = Meter(Allowance(paid=10.0), spent=8.0)
    assert begun(meter, 1.0) == 2
    assert not Meter(Allowance(paid=10.0), spent=10.0).begin(1)


def test_a_budget_of_nothing_lets_only_what_costs_nothing_begin() -> None:
    meter = Meter(Allowance(paid=0.0))
    assert meter.begin(1)
    meter.count(0.001)
    assert (meter.begin(1), meter.stopped) == (0, "budget-used-up")


def test_time_is_counted_from_the_runs_beginning() -> None:
    clock = Clock()
    meter = Meter(Allowance(open=60.0), began=50.0, clock=clock)
    assert meter.begin(1)
    clock.now = 110.5
    assert (meter.begin(1), meter.stopped) == (0, "time-used-up")


def test_the_first_no_is_the_last_word() -> None:
    clock = Clock()
    meter = Meter(Allowance(open=1.0), began=0.0, clock=clock)
    assert not meter.begin(1)
    clock.now = 0.0
    assert not meter.begin(1)


def test_leave_is_given_for_as_many_as_the_budget_holds_and_few_before_any_is_measured() -> None:
    meter = Meter(Allowance(paid=100.0), expected=0.001)
    assert meter.begin(1000) == FIRST_MEASURED
    for _ in range(FIRST_MEASURED):
        meter.count(1.0)
    assert (meter.begin(1000), meter.begin(1000)) == (AT_ONCE, 100 - AT_ONCE - FIRST_MEASURED)
    assert (meter.begin(1), meter.stopped) == (0, "budget-used-up")
    assert Meter().begin(1000) == 1000


def test_what_a_dead_engine_had_made_is_counted_at_the_mean() -> None:
    meter = Meter(Allowance(paid=4.0))
    assert meter.begin(3) == 3
    meter.count(1.0)
    meter.count(2.0)
    meter.count(None)
    assert (meter.spent, meter.begin(1)) == (4.5, 0)


def test_time_is_shared_among_engines_and_money_is_not() -> None:
    def leave(allowance: Allowance) -> int:
        meter = Meter(allowance, expected=1.0, clock=Clock())
        return sum(meter.begin(1) for _ in range(100))

    assert (leave(Allowance(open=10.0)), leave(Allowance(open=10.0, engines=4))) == (10, 40)
    assert leave(Allowance(paid=10.0, engines=4)) == 10


def test_many_threads_are_counted_as_one() -> None:
    meter = Meter()

    def work(_: int) -> None:
        assert meter.begin(1)
        meter.count(0.5)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(400)))
    assert meter.spent == 200.0
