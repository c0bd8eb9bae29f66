"""One full run of a catalogue at a time, and a sign of life for every run."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.runs.job import Run
from flows.run import leases as leasing
from flows.run.leases import lease_if_free, leased_catalogue, leased_run
from infra.coordination.leases import peek
from infra.errors import LeaseHeld
from infra.settings import Settings
from infra.stores import open_store

SETTINGS = Settings(lease_seconds=30)
RUN = Run("r1", "home", "full", "f", datetime(2026, 11, 22, tzinfo=UTC), "home.csv")


def test_a_second_full_run_is_told_who_works(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    with (
        leased_catalogue(store, "home", SETTINGS, wait=False),
        pytest.raises(LeaseHeld, match="full run of home"),
        leased_catalogue(store, "home", SETTINGS, wait=False),
    ):
        pass


def test_a_second_full_run_that_waits_begins_when_the_first_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leasing, "LOOK_AGAIN_SECONDS", 0.05)
    store, order = open_store(str(tmp_path)), []

    def second() -> None:
        with leased_catalogue(store, "home", SETTINGS, wait=True):
            order.append("second")

    with leased_catalogue(store, "home", SETTINGS, wait=True):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.3)
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]


def test_other_catalogues_are_not_in_the_way(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    with leased_catalogue(store, "home", SETTINGS, wait=False), leased_catalogue(store, "toys", SETTINGS, wait=False):
        pass


def test_a_run_that_somebody_works_on_is_not_free_and_then_is(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    with leased_run(store, RUN, SETTINGS):
        assert lease_if_free(store, RUN, SETTINGS) is None
    state = peek(store, layout.run_lease("home", "r1"))
    assert state is not None
    assert state.released
    assert lease_if_free(store, RUN, SETTINGS) is not None
