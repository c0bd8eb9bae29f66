"""One full run of a catalogue at a time, and a sign of life for every run."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.runs.job import Run
from flows.run.leases import LEASE_POLL_SECONDS, hold_catalogue_lease, hold_run_lease, try_acquire_run_lease
from infra.coordination.leases import read_lease
from infra.coordination.running_process import SystemProcess, run_as
from infra.errors import LeaseHeld
from infra.settings import Settings
from infra.stores import open_store

SETTINGS = Settings(lease_seconds=30)
RUN = Run("r1", "home", "full", "f", datetime(2026, 11, 22, tzinfo=UTC), "home.csv")


def test_a_second_full_run_is_told_who_works(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    with (
        hold_catalogue_lease(store, "home", SETTINGS, wait=False),
        pytest.raises(LeaseHeld, match="full run of home"),
        hold_catalogue_lease(store, "home", SETTINGS, wait=False),
    ):
        pass


def test_a_second_full_run_that_waits_begins_when_the_first_ends(tmp_path: Path) -> None:
    store, order = open_store(str(tmp_path)), []

    def second() -> None:
        with hold_catalogue_lease(store, "home", SETTINGS, wait=True, poll_seconds=0.05):
            order.append("second")

    with hold_catalogue_lease(store, "home", SETTINGS, wait=True):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.3)
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]


def test_one_that_waits_says_so_at_once_and_every_30_seconds(tmp_path: Path) -> None:
    store, said = open_store(str(tmp_path)), []
    polls = 0

    def hear(message: str) -> None:
        said.append(message)

    class Clock(SystemProcess):
        def sleep(self, seconds: float) -> None:
            assert seconds == LEASE_POLL_SECONDS == 2
            nonlocal polls
            polls += 1
            if polls == 40:  # 80 seconds
                holding.__exit__(None, None, None)

    holding = hold_catalogue_lease(store, "home", SETTINGS, wait=False, purpose="policy apply")
    holding.__enter__()
    with run_as(Clock()), hold_catalogue_lease(store, "home", SETTINGS, wait=True, report_wait=hear):
        pass
    assert len(said) == 3
    assert all("it is held by 'policy apply of home' (process" in message for message in said)


def test_other_catalogues_are_not_in_the_way(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    with (
        hold_catalogue_lease(store, "home", SETTINGS, wait=False),
        hold_catalogue_lease(store, "toys", SETTINGS, wait=False),
    ):
        pass


def test_a_run_that_somebody_works_on_is_not_free_and_then_is(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    with hold_run_lease(store, RUN, SETTINGS):
        assert try_acquire_run_lease(store, RUN, SETTINGS) is None
    state = read_lease(store, layout.run_lease("home", "r1"))
    assert state is not None
    assert state.released
    assert try_acquire_run_lease(store, RUN, SETTINGS) is not None
