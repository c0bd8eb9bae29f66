"""A plan, as plain values: slots to decide, requests to make, shards to work in, and what it all comes to.

Comes in: what `catalogs.planning.planner` finds. Goes out: the same, as rows of the tables in `catalogs.table_schemas`
and as the `Plan` that a run keeps beside them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

import pyarrow as pa

from catalogs.ingest.row_validation import Reject, RowCounts
from catalogs.verdict import Verdict

NEW, CHANGED, WAITING = "new", "changed", "waiting"


@dataclass(slots=True)
class Request:
    """An image to make: a prompt with its parameters, shared by every slot with the same key."""

    key: bytes
    prompt: str
    negative: str
    seed: int | None
    width: int
    height: int
    steps: int
    guidance: float
    model: str
    finish_digest: str
    first_attempt: int
    attempts_allowed: int
    category: str
    verdict: Verdict
    priority: str
    deadline: datetime | None = None


@dataclass(slots=True)
class Slot:
    """A slot to decide, and the picture it was planned against."""

    slot_id: bytes
    sku: str
    category: str
    view: str
    variant: str
    index: int
    kind: str
    request_key: bytes
    source_digest: bytes
    finish_digest: str
    attempts_allowed: int
    live_file_sha: bytes | None
    priority: str
    created_at: datetime | None
    deadline: datetime | None
    verdict: str = "PASS"
    """The prompt gates' word on this slot, apart from that on its request: whose brand it is."""
    reasons: tuple[str, ...] = ()


@dataclass
class PlannedBatch:
    """One batch's part of the plan. `requests` holds keys that no earlier batch had, or had for refused slots only."""

    slots: list[Slot] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    priority_raises: list[tuple[bytes, int, int]] = field(
        default_factory=list
    )  # request key, rank, deadline: see agenda
    refreshed: list[tuple[bytes, str, bytes, bytes]] = field(default_factory=list)  # rows of the schema REFRESHED
    rejects: list[Reject] = field(default_factory=list)
    prompt_gate_reasons: Counter[str] = field(default_factory=Counter)  # of the prompt gates, by slot


@dataclass
class PlanCounts:
    """Slots by what the plan found, before anything is made. `blocked` and `review` are the prompt gates' words."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    waiting: int = 0
    decided_anew: int = 0
    blocked: int = 0
    review: int = 0
    requests: int = 0
    rendered: int = 0


@dataclass(frozen=True)
class Shard:
    """A batch of requests and where it is kept: a row group, or some rows of it."""

    name: str
    part: str
    row_group: int
    requests: int
    rows: list[int] | None = None


MAX_REPORTED_REJECTS = 100
"""Rejects that a report shows; the run's `rejects.parquet` has them all."""


@dataclass
class Plan:
    """What a run will do."""

    base_version: int | None
    live: int
    rows: RowCounts
    slots: PlanCounts
    retired: int = 0
    refreshed: int = 0
    shards: list[Shard] = field(default_factory=list)
    images: int = 0
    gpu_seconds: float = 0.0
    expired: int = 0  # pictures that nobody gave a word on in time
    deferred: dict[str, int] = field(default_factory=dict)  # reason -> slots that the terms leave out
    rejects: list[Reject] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def shared_slots(self) -> int:
        """Return how many slots take a picture that another slot has made."""
        counts = self.slots
        return counts.new + counts.changed + counts.decided_anew - counts.requests

    @property
    def seconds_per_image(self) -> float:
        """Return the engine seconds that an image should take on average."""
        return self.gpu_seconds / self.images if self.images else 0.0

    @property
    def idle(self) -> bool:
        """Tell whether there is nothing to decide, to retire or to write anew."""
        counts = self.slots
        return not (counts.new or counts.changed or counts.decided_anew or self.retired or self.refreshed)

    def document(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        return asdict(self)


def rows_to_table(rows: Sequence[object], schema: pa.Schema) -> pa.Table:
    """Return dataclass rows as an Arrow table of the schema's columns."""
    columns = [pa.array([*map(attrgetter(field.name), rows)], field.type) for field in schema]
    return pa.table(columns, schema=schema)
