"""One full run of a catalogue at a time, and a sign of life for every run."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.runs.job import Run
from flows.run.leases import hold_catalogue_lease, hold_run_lease, try_acquire_run_lease
from infra.coordination.leases import read_lease
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
