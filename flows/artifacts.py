"""What Prefect's run page shows: the plan before work starts, progress while it goes on, the report at the end.

Comes in: reports and shard counts. Goes out: artifacts of the current flow run. They are a view: a server that drops
one costs a picture of the run, never the run.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.exceptions import PrefectException

from flows.line import Watch

EVERY_SECONDS = 2.0


class ArtifactWatch:
    """Keeps a progress artifact, and passes on to another watch."""

    def __init__(self, other: Watch, catalogue: str) -> None:
        self._other, self._catalogue = other, catalogue
        self._artifact: UUID | None = None
        self._total = self._done = 0
        self._last = 0.0

    def stage(self, name: str) -> None:
        """A stage begins."""
        self._other.stage(name)

    def total(self, images: int) -> None:
        """So many images are to be made."""
        self._other.total(images)
        self._total += images
        if images and self._artifact is None:
            with _only_a_view():
                made = create_progress_artifact(0.0, key=f"images-{self._catalogue}", description=self._words())
                self._artifact = made if isinstance(made, UUID) else None

    def advance(self, images: int, *, passed: int = 0, refused: int = 0) -> None:
        """A shard of so many images is done."""
        self._other.advance(images, passed=passed, refused=refused)
        self._done += images
        now = time.monotonic()
        if self._artifact is not None and (now - self._last > EVERY_SECONDS or self._done >= self._total):
            self._last = now
            share = min(100.0, 100.0 * self._done / max(self._total, 1))
            with _only_a_view():
                update_progress_artifact(self._artifact, share, description=self._words())

    def _words(self) -> str:
        return f"{self._done:,} of {self._total:,} images of {self._catalogue}"


def show_report(report: dict[str, Any], markdown: str) -> None:
    """Put a report on the run's page."""
    kind = "plan" if report["dry_run"] else "report"
    words = f"{kind} of {report['run_id']}"
    with _only_a_view():
        create_markdown_artifact(markdown, key=f"{kind}-{report['catalogue']}", description=words)


@contextmanager
def _only_a_view() -> Iterator[None]:
    """Let a server that is away cost a picture of the run, and not the run."""
    try:
        yield
    except (httpx.HTTPError, OSError, PrefectException) as error:
        logging.getLogger(__name__).warning("Prefect did not take an artifact: %s", error)
