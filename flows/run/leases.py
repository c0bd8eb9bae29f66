"""Leases of a refresh: one full run of a catalogue at a time, and a sign of life for every run.

Inputs: a catalogue or a run. Outputs: leases, held while the block lasts. A full run that finds another waits for it,
or raises `LeaseHeld` naming it; partial runs may run beside it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from catalogs import layout
from catalogs.runs.job import Run
from infra.coordination.leases import Lease, acquire
from infra.coordination.running_process import running_process
from infra.errors import LeaseHeld
from infra.interfaces import ObjectStore
from infra.settings import Settings

LEASE_POLL_SECONDS = 2.0


@contextmanager
def hold_catalogue_lease(
    store: ObjectStore, catalogue: str, settings: Settings, *, wait: bool, poll_seconds: float = LEASE_POLL_SECONDS
) -> Iterator[None]:
    """Hold a catalogue, as full runs and rollbacks do; partial runs go without.

    Raises `LeaseHeld` where another process holds it and `wait` is False.
    """
    lease = _acquire_catalogue_lease(store, catalogue, settings, poll_seconds if wait else None)
    try:
        with lease.keep_alive():
            yield
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


def _acquire_catalogue_lease(
    store: ObjectStore, catalogue: str, settings: Settings, poll_seconds: float | None
) -> Lease:
    while True:
        try:
            return acquire(store, layout.full_lease(catalogue), f"full run of {catalogue}", settings.lease_seconds)
        except LeaseHeld:
            if poll_seconds is None:
                raise
            running_process().sleep(poll_seconds)
