"""Prefect artifacts of a run: the plan before work starts, progress during it, the report at the end.

Inputs: plans, reports and shard counts. Outputs: artifacts and tags of the current flow run. They are a view: a server
that drops one loses a display, never the run. They stay small, since they fill Prefect's database: counts and a few
small images; the whole report is in the store.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.events import emit_event
from prefect.exceptions import PrefectException
from prefect.runtime import flow_run

from catalogs.planning.plan import Plan
from catalogs.planning.pricing import CostEstimate
from catalogs.runs.report_schema import RunReport
from flows.run.observers import Observer
from infra.redaction import redact
from tasks.reporting import formatting as figures
from tasks.reporting.contact_sheet import Tile
from tasks.reporting.run_report import render_markdown
from tasks.runs.review_alarm import PEOPLE_ARE_LATE

MIN_UPDATE_SECONDS = 2.0
MAX_NAME_CHARACTERS = 100
"""How much of a parameter stands in a run's name."""
REVIEW_OVERDUE = "packshot.review.overdue"
"""The event of a run that finds people late with answers; `prefect.yaml` names it too."""
MAX_ALARM_CHARACTERS = 1000
HELD_TAG = "held"
"""The tag of a run whose batch waits for a person."""


class PrefectObserver:
    """Shows a run on the page of the current flow run, and passes every event on to another observer."""

    def __init__(self, inner: Observer, catalogue: str) -> None:
        self._inner, self._catalogue = inner, catalogue
        self._artifact: UUID | None = None
        self._total = self._done = 0
        self._last = 0.0

    def on_stage(self, name: str) -> None:
        """Pass the beginning of a stage on."""
        self._inner.on_stage(name)

    def on_photos_read(self, photos: int) -> None:
        """Pass the photos that were asked for on."""
        self._inner.on_photos_read(photos)

    def on_plan(self, plan: Plan, estimate: CostEstimate) -> None:
        """Show the plan as a table."""
        self._inner.on_plan(plan, estimate)
        description = f"{plan.images:,} images planned for {self._catalogue}"
        publish_table(f"plan-{self._catalogue}", plan_table(plan, estimate), description)

    def on_wait(self, message: str) -> None:
        """Write it into the flow run's log."""
        self._inner.on_wait(message)
        with _tolerate_prefect_errors():
            get_run_logger().warning(message)

    def on_images_planned(self, images: int) -> None:
        """Add `images` to the total, and create the progress artifact at the first call."""
        self._inner.on_images_planned(images)
        self._total += images
        if images and self._artifact is None:
            with _tolerate_prefect_errors():
                artifact = create_progress_artifact(
                    0.0, key=f"images-{self._catalogue}", description=self._description()
                )
                self._artifact = artifact if isinstance(artifact, UUID) else None

    def on_images_done(self, images: int, *, passed: int = 0, refused: int = 0) -> None:
        """Add `images` to the count of done ones, and update the artifact every two seconds and at the end."""
        self._inner.on_images_done(images, passed=passed, refused=refused)
        self._done += images
        now = time.monotonic()
        if self._artifact is not None and (now - self._last > MIN_UPDATE_SECONDS or self._done >= self._total):
            self._last = now
            share = min(100.0, 100.0 * self._done / max(self._total, 1))
            with _tolerate_prefect_errors():
                update_progress_artifact(self._artifact, share, description=self._description())

    def on_report(self, report: RunReport, tiles: Sequence[Tile]) -> None:
        """Show the report with its contact sheet, and tag the run of a held batch."""
        self._inner.on_report(report, tiles)
        description = f"report of {report.run_id}"
        with _tolerate_prefect_errors():
            create_markdown_artifact(
                render_markdown(report, tiles), key=f"report-{self._catalogue}", description=description
            )
        if report.held:
            tag_run(HELD_TAG)
        if late := [warning for warning in report.warnings if warning.startswith(PEOPLE_ARE_LATE)]:
            emit_review_overdue(self._catalogue, late)

    def _description(self) -> str:
        return f"{self._done:,} of {self._total:,} images of {self._catalogue}"


def emit_review_overdue(catalogue: str, late: Sequence[str]) -> None:
    """Tell Prefect that people are late with answers: the automation of `prefect.yaml` starts `review/alarm`."""
    message = "\n".join(figures.printable(sentence, MAX_ALARM_CHARACTERS) for sentence in late)
    resource = {"prefect.resource.id": f"packshot.catalogue.{catalogue}", "prefect.resource.name": catalogue}
    with _tolerate_prefect_errors():
        emit_event(REVIEW_OVERDUE, resource, payload={"catalogue": catalogue, "message": message})


def refresh_run_name() -> str:
    """Return a flow run's name: catalogue, scope, and the time at which it began (UTC)."""
    parameters = flow_run.parameters
    name = last_part(parameters.get("catalogue") or parameters.get("source") or "catalogue").rsplit(".", 1)[0]
    return f"{name}-{last_part(parameters.get('scope', 'full'))}-{datetime.now(UTC):%Y-%m-%d-%H%M%S}"


def last_part(value: object) -> str:
    """Return the last part of a path or URL for a run's name: visible, short, without credentials.

    Prefect names a run before its parameters are validated, so a value may be anything.
    """
    place = redact(str(value)).partition("?")[0] if "://" in str(value) else str(value)
    return figures.printable(place.rstrip("/").rsplit("/", 1)[-1], MAX_NAME_CHARACTERS)


def plan_table(plan: Plan, estimate: CostEstimate) -> list[dict[str, str]]:
    """Return the figures of a plan, one per row."""
    slots, rows = plan.slots, plan.rows
    figures_by_name: list[tuple[str, str]] = [
        *(
            (f"rows {name}", figures.format_number(getattr(rows, name)))
            for name in ("input", "accepted", "rejected", "ignored")
        ),
        *(
            (f"slots {name}", figures.format_number(getattr(slots, name)))
            for name in ("new", "changed", "unchanged", "waiting")
        ),
        ("slots retired", figures.format_number(plan.retired)),
        ("images to make", figures.format_number(plan.images)),
        ("slots that share one", figures.format_number(plan.shared_slots)),
        ("shards", figures.format_number(len(plan.shards))),
        (f"time on {estimate.gpu}", figures.format_duration(estimate.gpu_seconds)),
        ("cost", figures.format_money(estimate.cost, estimate.currency)),
    ]
    return [{"what": name, "how many": value} for name, value in figures_by_name]


def publish_table(key: str, rows: list[dict[str, str]], description: str) -> None:
    """Put a small table on the current flow run's page."""
    shown = [{name: figures.printable(value) for name, value in row.items()} for row in rows]
    with _tolerate_prefect_errors():
        create_table_artifact(shown, key=key, description=figures.printable(description))


def tag_run(*tags: str) -> None:
    """Add tags to the current flow run, and keep those that it has."""
    if flow_run.id is None:
        return
    with _tolerate_prefect_errors(), get_client(sync_client=True) as client:
        current_tags = client.read_flow_run(UUID(flow_run.id)).tags
        client.update_flow_run(UUID(flow_run.id), tags=sorted({*current_tags, *tags}))


@contextmanager
def _tolerate_prefect_errors() -> Iterator[None]:
    """Log an unreachable server's error: it must not end the run."""
    try:
        yield
    except (httpx.HTTPError, OSError, PrefectException) as error:
        logging.getLogger(__name__).warning("Prefect did not take an artifact: %s", error)
