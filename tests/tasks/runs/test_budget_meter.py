"""The meter lets images begin until the money or the time is used up, and then no more."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from catalogs.planning.budget import BudgetLimits
from tasks.runs.budget_meter import MAX_IN_FLIGHT_IMAGES, PROBE_IMAGES, TIME_USED_UP, BudgetMeter


class FakeClock:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def begun(meter: BudgetMeter, seconds: float, at_once: int = 1) -> int:
    """Return how many images are begun when an engine holds so many at once, each taking so long."""
    held = count = 0
    while count < 1000:
        if not meter.reserve(1):
            return count
        count, held = count + 1, held + 1
        if held == at_once:
            for _ in range(held):
                meter.record_image(seconds)
            held = 0
    return count


def test_without_limits_nothing_stops_it() -> None:
    meter = BudgetMeter()
    assert begun(meter, 3600.0) == 1000
    assert (meter.stop_reason, meter.spent_seconds) == (None, 3_600_000.0)


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_the_budget_is_never_run_over_by_images_of_like_length(at_once: int) -> None:
    meter = BudgetMeter(BudgetLimits(engine_seconds=10.0))
    begun(meter, 1.0, at_once)
    assert (meter.stop_reason, meter.spent_seconds <= 10.0, meter.spent_seconds > 10.0 - at_once) == (
        "budget-used-up",
        True,
        True,
    )


def test_images_that_the_engine_still_holds_are_counted_before_they_are_measured() -> None:
    meter = BudgetMeter(BudgetLimits(engine_seconds=3.0))
    assert meter.reserve(1)
    meter.record_image(1.0)
    assert [meter.reserve(1) for _ in range(3)] == [1, 1, 0]


def test_what_earlier_processes_spent_is_spent() -> None:
    meter = BudgetMeter(BudgetLimits(engine_seconds=10.0), spent_before=8.0)
    assert begun(meter, 1.0) == 2
    assert not BudgetMeter(BudgetLimits(engine_seconds=10.0), spent_before=10.0).reserve(1)


def test_a_budget_of_nothing_lets_only_what_costs_nothing_begin() -> None:
    meter = BudgetMeter(BudgetLimits(engine_seconds=0.0))
    assert meter.reserve(1)
    meter.record_image(0.001)
    assert (meter.reserve(1), meter.stop_reason) == (0, "budget-used-up")


def test_time_is_counted_from_the_runs_beginning() -> None:
    clock = FakeClock()
    meter = BudgetMeter(BudgetLimits(wall_seconds=60.0), started=50.0, clock=clock)
    assert meter.reserve(1)
    clock.now = 110.5
    assert (meter.reserve(1), meter.stop_reason) == (0, "time-used-up")


def test_the_first_no_is_the_last_word() -> None:
    clock = FakeClock()
    meter = BudgetMeter(BudgetLimits(wall_seconds=1.0), started=0.0, clock=clock)
    assert not meter.reserve(1)
    clock.now = 0.0
    assert not meter.reserve(1)


def test_leave_is_given_for_as_many_as_the_budget_holds_and_few_before_any_is_measured() -> None:
    meter = BudgetMeter(BudgetLimits(engine_seconds=100.0), expected_seconds=0.001)
    assert meter.reserve(1000) == PROBE_IMAGES
    for _ in range(PROBE_IMAGES):
        meter.record_image(1.0)
    assert (meter.reserve(1000), meter.reserve(1000)) == (
        MAX_IN_FLIGHT_IMAGES,
        100 - MAX_IN_FLIGHT_IMAGES - PROBE_IMAGES,
    )
    assert (meter.reserve(1), meter.stop_reason) == (0, "budget-used-up")
    assert BudgetMeter().reserve(1000) == 1000


def test_what_a_dead_engine_had_made_is_counted_at_the_mean() -> None:
    meter = BudgetMeter(BudgetLimits(engine_seconds=4.0))
    assert meter.reserve(3) == 3
    meter.record_image(1.0)
    meter.record_image(2.0)
    meter.record_image(None)
    assert (meter.spent_seconds, meter.reserve(1)) == (4.5, 0)


def test_time_is_shared_among_engines_and_money_is_not() -> None:
    def leave(allowance: BudgetLimits) -> int:
        meter = BudgetMeter(allowance, expected_seconds=1.0, clock=FakeClock())
        return sum(meter.reserve(1) for _ in range(100))

    assert (leave(BudgetLimits(wall_seconds=10.0)), leave(BudgetLimits(wall_seconds=10.0, engines=4))) == (10, 40)
    assert leave(BudgetLimits(engine_seconds=10.0, engines=4)) == 10


def test_many_threads_are_counted_as_one() -> None:
    meter = BudgetMeter()

    def work(_: int) -> None:
        assert meter.reserve(1)
        meter.record_image(0.5)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(400)))
    assert meter.spent_seconds == 200.0


def test_images_that_take_no_engine_are_started_until_the_time_is_up_and_change_no_mean() -> None:
    now = [0.0]
    meter = BudgetMeter(BudgetLimits(engine_seconds=10.0, wall_seconds=60.0), started=0.0, clock=lambda: now[0])
    assert BudgetMeter().reserve_unmetered(1_000) == 1_000
    assert meter.reserve_unmetered(1_000) == MAX_IN_FLIGHT_IMAGES
    assert (meter.spent_seconds, meter.reserve(1_000)) == (0.0, PROBE_IMAGES)
    now[0] = 61.0
    assert (meter.reserve_unmetered(1), meter.stop_reason) == (0, TIME_USED_UP)
