"""Who looks on: the terminal's progress face where a command runs, nobody where a worker does.

A flow's parameters are plain values, so the face cannot travel as one; the process that has a terminal lends it here.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from catalogs.planning.plan import Plan
from catalogs.planning.pricing import Estimate
from tasks.reporting.run_report import Tile


class Watch(Protocol):
    """Looks on: a progress bar, a page of Prefect's, or nobody."""

    def stage(self, name: str) -> None:
        """A stage begins."""

    def plan(self, plan: Plan, estimate: Estimate) -> None:
        """The plan is made, and work is about to start."""

    def total(self, images: int) -> None:
        """So many images are to be made."""

    def advance(self, images: int, *, passed: int = 0, refused: int = 0) -> None:
        """A shard of so many images is done."""

    def report(self, report: Mapping[str, Any], tiles: Sequence[Tile]) -> None:
        """The run has ended: its report, and the pictures to look at."""


class NoWatch:
    """Looks at nothing."""

    def stage(self, name: str) -> None:
        """A stage begins."""

    def plan(self, plan: Plan, estimate: Estimate) -> None:
        """The plan is made, and work is about to start."""

    def total(self, images: int) -> None:
        """So many images are to be made."""

    def advance(self, images: int, *, passed: int = 0, refused: int = 0) -> None:
        """A shard of so many images is done."""

    def report(self, report: Mapping[str, Any], tiles: Sequence[Tile]) -> None:
        """The run has ended."""


_lent: list[Watch] = []


def watch_of_this_process() -> Watch:
    """Return the watch that this process lends, or one that looks at nothing."""
    return _lent[-1] if _lent else NoWatch()


@contextmanager
def lend(watch: Watch) -> Iterator[None]:
    """Lend a watch to the flows of this process."""
    _lent.append(watch)
    try:
        yield
    finally:
        _lent.pop()
