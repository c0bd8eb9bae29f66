"""How long is tried again, by a clock of our own: no test here waits."""

import random
from collections.abc import Callable

import pytest

from infra.errors import CommitConflict, TableUnavailable
from infra.stores.retry import MAX_BACKOFF_SECONDS, RetryPolicy


class FakeClock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def make_retry_policy(clock: FakeClock, seconds: float = 45.0, seed: int = 1) -> RetryPolicy:
    return RetryPolicy(seconds, clock=lambda: clock.now, sleep=clock.sleep, rng=random.Random(seed))


def failing(times: int, error: type[Exception] = ConnectionError) -> Callable[[], str]:
    left = iter(range(times))

    def operation() -> str:
        for _ in left:
            raise error("away")
        return "done"

    return operation


def always(_: Exception) -> bool:
    return True


def test_a_fault_that_passes_is_tried_again_with_longer_and_longer_random_pauses(clock: FakeClock) -> None:
    assert make_retry_policy(clock).call(failing(9), always) == "done"
    assert len(clock.pauses) == 9
    assert all(pause <= min(MAX_BACKOFF_SECONDS, 0.1 * 2**number) for number, pause in enumerate(clock.pauses))
    other = FakeClock()
    make_retry_policy(other, seed=2).call(failing(9), always)
    assert not set(clock.pauses) & set(other.pauses)


def test_a_fault_that_stays_is_raised_at_once(clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="away"):
        make_retry_policy(clock).call(failing(1, ValueError), lambda error: not isinstance(error, ValueError))
    assert clock.pauses == []


def test_an_outage_shorter_than_the_patience_is_sat_out_and_a_longer_one_is_told(clock: FakeClock) -> None:
    def out_until(end: float) -> Callable[[], str]:
        return lambda: "back" if clock.now >= end else failing(1)()

    assert make_retry_policy(clock).call(out_until(30.0), always) == "back"
    with pytest.raises(ConnectionError):
        make_retry_policy(clock).call(out_until(float("inf")), always)
    assert 30.0 + 40.0 <= clock.now <= 30.0 + 5.0 + 45.0


def test_what_one_operation_found_out_no_other_waits_for(clock: FakeClock) -> None:
    shared = make_retry_policy(clock)
    with pytest.raises(ConnectionError):
        shared.call(failing(1000), always)
    waited = clock.now
    with pytest.raises(ConnectionError):
        shared.call(failing(1000), always)
    assert clock.now - waited < MAX_BACKOFF_SECONDS


@pytest.mark.parametrize("how", ["an answer", "a long silence"])
def test_patience_comes_back_with_an_answer_and_with_time(clock: FakeClock, how: str) -> None:
    shared = make_retry_policy(clock)
    with pytest.raises(ConnectionError):
        shared.call(failing(1000), always)
    if how == "an answer":
        shared.call(failing(0), always)
    else:
        clock.now += 3600.0
    assert shared.call(failing(9), always) == "done"


def test_by_default_the_errors_class_says_whether_it_is_transient(clock: FakeClock) -> None:
    assert make_retry_policy(clock).call(failing(2, TableUnavailable)) == "done"
    with pytest.raises(CommitConflict):
        make_retry_policy(clock).call(failing(1, CommitConflict))


def test_the_number_of_attempts_can_be_bounded(clock: FakeClock) -> None:
    with pytest.raises(TableUnavailable):
        make_retry_policy(clock).call(failing(3, TableUnavailable), max_attempts=3)
    assert len(clock.pauses) == 2
