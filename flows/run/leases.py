"""Leases of a refresh: one full run of a catalogue at a time, and a sign of life for every run.

Inputs: a catalogue or a run. Outputs: leases, held while the block lasts. A full run that finds another waits for it,
or raises `LeaseHeld` naming it; partial runs may run beside it. Whoever waits is told so at once, and every 30 seconds:
by whom the catalogue is held, and until when.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from catalogs import layout
from catalogs.runs.job import Run
from infra.coordination.leases import Lease, acquire, read_lease
from infra.coordination.running_process import running_process
from infra.errors import LeaseHeld
from infra.interfaces import ObjectStore
from infra.settings import Settings

LEASE_POLL_SECONDS = 2.0
WAIT_REPORT_SECONDS = 30.0
"""How often a command that waits says so."""

ReportWait = Callable[[str], None]


def log_wait(message: str) -> None:
    """Write to the log that a command waits; without a log it goes to stderr."""
    logging.getLogger("packshot").warning("%s", message)


@contextmanager
def hold_catalogue_lease(
    store: ObjectStore,
    catalogue: str,
    settings: Settings,
    *,
    wait: bool,
    poll_seconds: float = LEASE_POLL_SECONDS,
    purpose: str = "full run",
    report_wait: ReportWait = log_wait,
) -> Iterator[Lease]:
    """Hold a catalogue, as full runs and rollbacks do; partial runs go without. `purpose` is told to others.

    Raises `LeaseHeld` where another process holds it and `wait` is False.
    """
    holder = f"{purpose} of {catalogue}"

    def acquire_once() -> Lease:
        return acquire(store, layout.full_lease(catalogue), holder, settings.lease_seconds)

    lease = _wait_for_catalogue(store, catalogue, acquire_once, poll_seconds, report_wait) if wait else acquire_once()
    try:
        with lease.keep_alive():
            yield lease
    finally:
        lease.release()


def acquire_run_lease(store: ObjectStore, run: Run, settings: Settings) -> Lease:
    """Acquire the run's own lease, which tells others that a process works on it.

    Raises `LeaseHeld` where another process holds it.
    """
    return acquire(store, layout.run_lease(run.catalogue, run.run_id), run.run_id, settings.lease_seconds)


@contextmanager
def hold_run_lease(store: ObjectStore, run: Run, settings: Settings) -> Iterator[Lease]:
    """Hold the run's own lease for as long as the block lasts."""
    lease = acquire_run_lease(store, run, settings)
    try:
        with lease.keep_alive():
            yield lease
    finally:
        lease.release()


def try_acquire_run_lease(store: ObjectStore, run: Run, settings: Settings) -> Lease | None:
    """Acquire the run's own lease, or return None where another process holds it."""
    try:
        return acquire_run_lease(store, run, settings)
    except LeaseHeld:
        return None


def lease_check(*leases: Lease | None) -> Callable[[], None]:
    """Return a function that raises `LeaseLost` where one of these leases was taken over."""
    held = [lease for lease in leases if lease is not None]

    def check() -> None:
        for lease in held:
            lease.check()

    return check


def _wait_for_catalogue(
    store: ObjectStore, catalogue: str, acquire_once: Callable[[], Lease], poll_seconds: float, report_wait: ReportWait
) -> Lease:
    waited, next_report = 0.0, 0.0
    while True:
        try:
            return acquire_once()
        except LeaseHeld:
            if waited >= next_report:
                next_report = waited + WAIT_REPORT_SECONDS
                report_wait(f"Waiting for {catalogue!r}: {_describe_holder(store, catalogue)}")
            running_process().sleep(poll_seconds)
            waited += poll_seconds


def _describe_holder(store: ObjectStore, catalogue: str) -> str:
    state = read_lease(store, layout.full_lease(catalogue))
    if state is None or not state.is_live(store.now()):
        return "it has just become free"
    return f"it is held by {state}, and longer where that is renewed"
