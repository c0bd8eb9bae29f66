"""The plan of a run, as plain values: slots to decide, requests to generate, shards to work in, and the counts.

Inputs: the values that `catalogs.planning.planner` fills. Outputs: rows of the tables in `catalogs.table_schemas`, and
the `Plan` that a run stores beside them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

import pyarrow as pa

from catalogs.ingest.row_rejects import Reject
from catalogs.ingest.row_validation import RowCounts
from catalogs.table_schemas import SOURCE_ROWS
from catalogs.verdict import Verdict

NEW, CHANGED, WAITING = "new", "changed", "waiting"


class Urgency(NamedTuple):
    """When a request is due; less is earlier. The rank of its priority, its deadline (see `schedule`), its SKU's state.

    `has_image`: 0 for a request of a SKU without any live image, which goes before the changes of others; else 1.
    """

    rank: int
    deadline: int
    has_image: int

    def combine(self, other: "Urgency") -> "Urgency":
        """Return the most urgent of each."""
        return Urgency(*map(min, zip(self, other, strict=True)))


@dataclass(slots=True)
class Request:
    """An image to generate: a prompt with its parameters, shared by every slot with the same key."""

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
    for_new_sku: bool = False
    edit: str = ""
    """Token of the answer whose prompt this is; empty where it is the row's own."""
    kept: str | None = None
    """The `KeptRequest` as JSON; None where a model generates the whole image."""


@dataclass(slots=True)
class Slot:
    """A slot to decide, and the live image that it was planned against."""

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
    """The prompt gates' verdict on this slot alone, which judges brands; the request has a verdict of its own."""
    reasons: tuple[str, ...] = ()
    answer: str | None = None
    """Token of the answer that decides the prompt, where a person's word does."""


class RenamedSlot(NamedTuple):
    """A slot that is live under a SKU that was read as an exponent; a row of RENAMED_SLOTS but for `kept`."""

    slot_id: bytes
    sku: str
    live_slot_id: bytes
    live_file_sha: bytes


class ReplacedSlot(NamedTuple):
    """A live slot of another variant, and the slot that its SKU has in its place; a row of REPLACED_SLOTS."""

    slot_id: bytes
    sku: str
    live_slot_id: bytes
    live_file_sha: bytes


@dataclass
class PlannedBatch:
    """One batch's part of the plan. `requests` are those that no earlier batch had, or had for refused slots only."""

    slots: list[Slot] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    priority_raises: list[tuple[bytes, Urgency]] = field(default_factory=list)
    """Requests of earlier batches that are more urgent now."""
    refreshed: list[tuple[bytes, str, bytes, bytes, str]] = field(default_factory=list)
    """Rows of the schema REFRESHED_DIGESTS."""
    source_rows: pa.Table = field(default_factory=SOURCE_ROWS.empty_table)
    renamed: list[RenamedSlot] = field(default_factory=list)
    replaced: list[ReplacedSlot] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    prompt_gate_reasons: Counter[str] = field(default_factory=Counter)
    """Reasons of the prompt gates -> slots."""


@dataclass
class PlanCounts:
    """Slots by kind, before anything is generated. `blocked` and `review` count the prompt gates' verdicts.

    `in_progress`: left out, because another run that lives has planned them; they are of no other kind.
    `photos_not_read`: new or changed, with photos that only a refresh reads, so it is not known what becomes of them.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    waiting: int = 0
    decided_anew: int = 0
    blocked: int = 0
    review: int = 0
    requests: int = 0
    rendered: int = 0
    in_progress: int = 0
    photos_not_read: int = 0


@dataclass(frozen=True)
class Shard:
    """A batch of requests and where it is stored: a row group, or some rows of it."""

    name: str
    part: str
    row_group: int
    requests: int
    rows: list[int] | None = None


WHOLE_ROW = "the whole row"
"""The place of a row that is damaged as a whole."""
MAX_NAMED_COLUMNS = 3
"""Columns that the sentence about rejected rows names."""
MAX_REPORTED_REJECTS = 100
"""Rejects that a report lists; the run's `rejects.parquet` holds all of them."""


@dataclass
class Plan:
    """What a run will do; its field names are the keys of `plan.json`."""

    base_version: int | None
    live: int
    rows: RowCounts
    slots: PlanCounts
    retired: int = 0
    refreshed: int = 0
    renamed: int = 0
    shards: list[Shard] = field(default_factory=list)
    images: int = 0
    gpu_seconds: float = 0.0
    expired: int = 0  # images whose review expired without an answer
    retries: dict[str, Any] = field(default_factory=dict)  # slots that a fault of our own keeps: see `retry_rules`
    skus_without_image: int = 0  # SKUs of which nothing is live and every slot waits
    first_skus_without_image: list[str] = field(default_factory=list)
    deferred: dict[str, int] = field(default_factory=dict)  # reason -> slots that the limits leave out
    rejects: list[Reject] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    prompts: list[dict[str, Any]] = field(default_factory=list)  # a few rows: see `prompt_samples`
    source_notes: list[str] = field(default_factory=list)  # what was found out about the source's files
    rows_without_sku: int = 0  # rejected rows with no readable SKU; any of them stops all retiring
    rejected_columns: dict[str, int] = field(default_factory=dict)  # column -> rows that were rejected for it
    shop_brands: dict[str, Any] = field(default_factory=dict)  # see `shop_brands.describe_for_plan`; {} where not asked
    photos: dict[str, Any] = field(default_factory=dict)  # what rows' photos ask for: see `kept_rows`; {} without any
    answers: dict[str, int] = field(default_factory=dict)  # newly taken: see `taken_answers`
    newest_answer: str = ""  # token of the newest answer that the plan knows
    outcomes_version: int | None = None  # None where there was no such table, and in plans of older versions

    @property
    def shared_slots(self) -> int:
        """Return how many slots use an image that is generated for another slot."""
        counts = self.slots
        return counts.new + counts.changed + counts.decided_anew - counts.requests

    @property
    def seconds_per_image(self) -> float:
        """Return the average of the estimated engine seconds of an image."""
        return self.gpu_seconds / self.images if self.images else 0.0

    def count_rejects(self, rejects: Sequence[Reject]) -> None:
        """Count rejected rows by column, and those whose SKU cannot be read."""
        for reject in rejects:
            self.rejected_columns[reject.column] = self.rejected_columns.get(reject.column, 0) + 1
            self.rows_without_sku += reject.sku is None

    def rejects_sentence(self) -> str:
        """Return the columns that rows were rejected for, the most frequent first, each with its first row."""
        first = {reject.column: reject for reject in reversed(self.rejects)}
        counted = sorted(self.rejected_columns.items(), key=lambda item: (-item[1], item[0]))[:MAX_NAMED_COLUMNS]
        parts = [
            f"{count:,} for {column}"
            + (f" (row {first[column].row}: {first[column].reason})" if column in first else "")
            for column, count in counted
        ]
        return f"Rejected rows: {'; '.join(parts)}"

    def document(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Plan":
        """Return the plan of plain values. Raises KeyError, TypeError or ValueError for those of no plan."""
        parts = {
            "rows": RowCounts(**document["rows"]),
            "slots": PlanCounts(**document["slots"]),
            "shards": [Shard(**shard) for shard in document["shards"]],
            "rejects": [Reject(**reject) for reject in document["rejects"]],
        }
        return cls(**{**document, **parts})


def rows_to_table(rows: Sequence[object], schema: pa.Schema) -> pa.Table:
    """Return dataclass rows as an Arrow table of the schema's columns."""
    columns = [pa.array([*map(attrgetter(field.name), rows)], field.type) for field in schema]
    return pa.table(columns, schema=schema)
