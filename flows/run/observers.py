"""Who looks on: the terminal's progress face where a command runs, nobody where a worker does.

A flow's parameters are plain values, so the face cannot travel as one; the process that has a terminal lends it here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from catalogs.planning.plan import Plan
from catalogs.planning.pricing import CostEstimate
from catalogs.runs.report_schema import RunReport
from tasks.reporting.run_report import Tile


class Observer(Protocol):
    """Looks on: a progress bar, a page of Prefect's, or nobody."""

    def on_stage(self, name: str) -> None:
        """A stage begins."""

    def on_plan(self, plan: Plan, estimate: CostEstimate) -> None:
        """The plan is made, and work is about to start."""

    def on_images_planned(self, images: int) -> None:
        """So many images are to be made."""

    def on_images_done(self, images: int, *, passed: int = 0, refused: int = 0) -> None:
        """A shard of so many images is done."""

    def on_report(self, report: RunReport, tiles: Sequence[Tile]) -> None:
        """The run has ended: its report, and the pictures to look at."""


class NullObserver:
    """Looks at nothing."""

    def on_stage(self, name: str) -> None:
        """A stage begins."""

    def on_plan(self, plan: Plan, estimate: CostEstimate) -> None:
        """The plan is made, and work is about to start."""

    def on_images_planned(self, images: int) -> None:
        """So many images are to be made."""

    def on_images_done(self, images: int, *, passed: int = 0, refused: int = 0) -> None:
        """A shard of so many images is done."""

    def on_report(self, report: RunReport, tiles: Sequence[Tile]) -> None:
        """The run has ended."""


_active_observers: list[Observer] = []


def current_observer() -> Observer:
    """Return the watch that this process lends, or one that looks at nothing."""
    return _active_observers[-1] if _active_observers else NullObserver()


@contextmanager
def use_observer(observer: Observer) -> Iterator[None]:
    """Lend a watch to the flows of this process."""
    _active_observers.append(observer)
    try:
        yield
    finally:
        _active_observers.pop()
