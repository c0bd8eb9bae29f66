"""Observers of a run: they receive its stages, plan, progress and report.

Inputs: events of the run. Outputs: a progress display, artifacts of a Prefect flow run, or nothing. A flow's parameters
are plain values, so an observer cannot be one of them: a command puts its observer into a context variable, where the
flow finds it. Prefect (3.x) runs a flow in the caller's context, and copies it to the threads of its tasks (tried in
`tests/flows/run/test_observers.py`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from catalogs.planning.plan import Plan
from catalogs.planning.pricing import CostEstimate
from catalogs.runs.report_schema import RunReport
from flows.run.leases import log_wait
from tasks.reporting.contact_sheet import Tile


class Observer(Protocol):
    """Receives the events of a run."""

    def on_wait(self, message: str) -> None:
        """The run waits for another one: whose turn it is, and until when."""

    def on_stage(self, name: str) -> None:
        """A stage begins."""

    def on_photos_read(self, photos: int) -> None:
        """Further `photos` of the catalogue were asked for, while it is planned."""

    def on_plan(self, plan: Plan, estimate: CostEstimate) -> None:
        """The plan is made, and work is about to start."""

    def on_images_planned(self, images: int) -> None:
        """Further `images` are to be generated."""

    def on_images_done(self, images: int, *, passed: int = 0, refused: int = 0) -> None:
        """A shard of `images` is done."""

    def on_report(self, report: RunReport, tiles: Sequence[Tile]) -> None:
        """The run has ended: its report, and the images of its contact sheet."""


class NullObserver:
    """Ignores all events, except that a run waits: that goes to the log, which the command line shows on stderr."""

    def on_wait(self, message: str) -> None:
        """The run waits for another one."""
        log_wait(message)

    def on_stage(self, name: str) -> None:
        """A stage begins."""

    def on_photos_read(self, photos: int) -> None:
        """Further photos were asked for."""

    def on_plan(self, plan: Plan, estimate: CostEstimate) -> None:
        """The plan is made, and work is about to start."""

    def on_images_planned(self, images: int) -> None:
        """Further `images` are to be generated."""

    def on_images_done(self, images: int, *, passed: int = 0, refused: int = 0) -> None:
        """A shard of `images` is done."""

    def on_report(self, report: RunReport, tiles: Sequence[Tile]) -> None:
        """The run has ended."""


_observer: ContextVar[Observer] = ContextVar("observer")


def current_observer() -> Observer:
    """Return the observer of the enclosing `use_observer` block, or one that ignores all events."""
    return _observer.get(None) or NullObserver()


@contextmanager
def use_observer(observer: Observer) -> Iterator[None]:
    """Give the flows that run inside the block an observer."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)
