"""What Prefect's run page shows: the plan before work starts, progress while it goes on, the report at the end.

Comes in: plans, reports and shard counts. Goes out: artifacts and tags of the current flow run. They are a view: a
server that drops one costs a picture of the run, never the run. They stay small, since they fill Prefect's database:
counts and a few small pictures; the whole report is in the store.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectException
from prefect.runtime import flow_run

from catalogs.planning.plan import Plan
from catalogs.planning.pricing import Estimate
from flows.run.observers import Watch
from tasks.reporting import formatting as figures
from tasks.reporting.run_report import Tile, markdown_summary

EVERY_SECONDS = 2.0
HELD = "held"
"""The tag of a run whose batch waits for a person."""


class RunPage:
    """Shows a run on the page of the current flow run, and passes on to another watch."""

    def __init__(self, other: Watch, catalogue: str) -> None:
        self._other, self._catalogue = other, catalogue
        self._artifact: UUID | None = None
        self._total = self._done = 0
        self._last = 0.0

    def stage(self, name: str) -> None:
        """A stage begins."""
        self._other.stage(name)

    def plan(self, plan: Plan, estimate: Estimate) -> None:
        """Show the plan as a table."""
        self._other.plan(plan, estimate)
        words = f"{plan.images:,} images planned for {self._catalogue}"
        show_table(f"plan-{self._catalogue}", plan_table(plan, estimate), words)

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

    def report(self, report: Mapping[str, Any], tiles: Sequence[Tile]) -> None:
        """Show the report with its contact sheet, and tag the run of a held batch."""
        self._other.report(report, tiles)
        words = f"report of {report['run_id']}"
        with _only_a_view():
            create_markdown_artifact(
                markdown_summary(report, tiles), key=f"report-{self._catalogue}", description=words
            )
        if report["held"]:
            tag_run(HELD)

    def _words(self) -> str:
        return f"{self._done:,} of {self._total:,} images of {self._catalogue}"


def run_name() -> str:
    """Return a flow run's name that says what is refreshed: catalogue, scope, and when it began (UTC)."""
    asked = flow_run.parameters
    name = str(asked.get("catalogue") or asked.get("source") or "catalogue").rstrip("/").rsplit("/", 1)[-1]
    return f"{name.rsplit('.', 1)[0]}-{asked.get('scope', 'full')}-{datetime.now(UTC):%Y-%m-%d-%H%M%S}"


def plan_table(plan: Plan, estimate: Estimate) -> list[dict[str, str]]:
    """Return what a plan comes to, a row a figure."""
    slots, rows = plan.slots, plan.rows
    figures_by_name: list[tuple[str, str]] = [
        *(
            (f"rows {name}", figures.number(getattr(rows, name)))
            for name in ("input", "accepted", "rejected", "ignored")
        ),
        *(
            (f"slots {name}", figures.number(getattr(slots, name)))
            for name in ("new", "changed", "unchanged", "waiting")
        ),
        ("slots retired", figures.number(plan.retired)),
        ("images to make", figures.number(plan.images)),
        ("slots that share one", figures.number(plan.shared)),
        ("shards", figures.number(len(plan.shards))),
        (f"time on {estimate.gpu}", figures.duration(estimate.gpu_seconds)),
        ("cost", figures.money(estimate.cost, estimate.currency)),
    ]
    return [{"what": name, "how many": value} for name, value in figures_by_name]


def show_table(key: str, rows: list[dict[str, str]], words: str) -> None:
    """Put a small table on the current flow run's page."""
    with _only_a_view():
        create_table_artifact(rows, key=key, description=words)


def tag_run(*tags: str) -> None:
    """Add tags to the current flow run; the ones that it has stay."""
    if flow_run.id is None:
        return
    with _only_a_view(), get_client(sync_client=True) as client:
        known = client.read_flow_run(UUID(flow_run.id)).tags
        client.update_flow_run(UUID(flow_run.id), tags=sorted({*known, *tags}))


@contextmanager
def _only_a_view() -> Iterator[None]:
    """Let a server that is away cost a picture of the run, and not the run."""
    try:
        yield
    except (httpx.HTTPError, OSError, PrefectException) as error:
        logging.getLogger(__name__).warning("Prefect did not take an artifact: %s", error)
