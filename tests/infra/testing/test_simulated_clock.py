"""The clock of a simulation: it stands still until it is moved."""

from datetime import UTC, datetime, timedelta

from infra.testing.simulated_clock import SimulatedClock


def test_time_moves_only_when_it_is_told_to() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    clock = SimulatedClock(start)
    assert [clock.now(), clock.now()] == [start, start]
    clock.advance(90.5)
    assert clock.now() == start + timedelta(seconds=90.5)
