"""Work items of a shard: the attempts to generate, the generated images, and the screened attempts.

Inputs: requests and attempt numbers. Outputs: a `WorkItem` for an engine, a `GeneratedImage` after it, a
`ScreenedAttempt` after the gates, and the rows of the shard's record.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

from catalogs.keys import digest, image_key, seed_from_image_key
from catalogs.planning.plan import Request
from catalogs.policy.channels import NOT_ELIGIBLE, ChannelEligibility
from catalogs.table_rows import RequestRow
from catalogs.table_schemas import RECORDS, REQUESTS
from catalogs.verdict import Verdict


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One attempt at a request."""

    request: Request
    attempt: int
    image_key: str = field(init=False, compare=False, repr=False)
    """The key of the staged image; computed once, since it is read a dozen times per image."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_key", image_key(self.request.key.hex(), self.attempt))

    @property
    def seed(self) -> int:
        """Return the attempt's seed: for attempt 0 the catalogue row's own, where it gives one."""
        if self.attempt == 0 and self.request.seed is not None:
            return self.request.seed
        return seed_from_image_key(self.image_key)

    @property
    def is_last(self) -> bool:
        """Tell whether the request has no attempts left after this one."""
        return self.attempt + 1 >= self.request.attempts_allowed


@dataclass(frozen=True, slots=True)
class ShardWork:
    """Work items of one model, which are generated together. Equal names mean equal items."""

    name: str
    items: tuple[WorkItem, ...]

    def __post_init__(self) -> None:
        """Refuse items of several models: one engine would generate all of them, under the other models' keys."""
        if len({order.request.model for order in self.items}) > 1:
            raise ValueError(f"the shard {self.name!r} has work items of several models: give each model its own shard")

    @property
    def model(self) -> str:
        """Return the recipe's name of the model."""
        return self.items[0].request.model


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """The result of a work item: a staged image with the sha256 of its pixels, or a code and a reason for none."""

    item: WorkItem
    origin: Literal["generated", "reused", "failed"]
    raw_sha: str = ""
    engine_seconds: float = 0.0
    failure_code: str = "engine-failed"
    failure_reason: str = ""
    backend: str = ""
    """The engine that made the image; empty where that is not known."""
    replaced: bool = False
    """It took the place of a staged image that was not believed."""


@dataclass(frozen=True, slots=True)
class ScreenedAttempt:
    """A generated image with what was measured and decided on it alone, without comparing it with others."""

    image: GeneratedImage
    verdict: Verdict
    finished_sha: str = ""
    file_sha: str = ""
    file_bytes: int = 0
    width: int = 0
    height: int = 0
    scores: Mapping[str, float] | None = None
    fingerprint: bytes = b""
    fingerprint_quality: float = 0.0
    crop: bytes = b""
    appearance: tuple[float, ...] = ()
    scanners: Mapping[str, str] | None = None
    errors: Mapping[str, str] | None = None
    source_mark: str = ""
    eligibility: ChannelEligibility = NOT_ELIGIBLE
    kept: str | None = None
    """The `KeptResult` as JSON; None where no photo's product was kept."""
    refused_work: tuple[str, ...] = ()
    """Finished files and scores that were found, not believed and made anew: `file`, `scores`."""

    @property
    def needs_retry(self) -> bool:
        """Tell whether another seed may help and an attempt is left for it."""
        return self.verdict.retryable and not self.image.item.is_last


@dataclass(slots=True)
class ShardScreening:
    """A shard's counts, and the attempts to retry."""

    shard: str
    generated: int = 0
    reused: int = 0
    failed: int = 0
    engine_seconds: float = 0.0
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    retries: list[WorkItem] = field(default_factory=list)


def retry_shard_name(items: Sequence[WorkItem]) -> str:
    """Return the name of a shard of new attempts: the same items always get the same name."""
    return "again-" + digest(sorted(order.image_key + order.request.finish_digest for order in items))[:16]


def requests_from_table(table: pa.Table) -> list[Request]:
    """Return the rows of a REQUESTS table as requests."""
    rows: list[RequestRow] = table.select(REQUESTS.names).to_pylist()
    return [
        Request(
            key=row["request_key"],
            prompt=row["prompt"],
            negative=row["negative"],
            seed=row["seed"],
            width=row["width"],
            height=row["height"],
            steps=row["steps"],
            guidance=row["guidance"],
            model=row["model"],
            finish_digest=row["finish_digest"],
            first_attempt=row["first_attempt"],
            attempts_allowed=row["attempts_allowed"],
            category=row["category"],
            verdict=Verdict(row["verdict"], tuple(row["reasons"])),
            priority="normal",
            kept=row["kept"],
        )
        for row in rows
    ]


def record_table(attempts: Iterable[ScreenedAttempt]) -> pa.Table:
    """Return a shard's record: one row per attempt, of the schema RECORDS."""
    rows = list(attempts)
    columns: dict[str, list[Any]] = {
        "request_key": [row.image.item.request.key for row in rows],
        "finish_digest": [row.image.item.request.finish_digest for row in rows],
        "attempt": [row.image.item.attempt for row in rows],
        "image_key": [bytes.fromhex(row.image.item.image_key) for row in rows],
        "made": [row.image.origin for row in rows],
        "engine_seconds": [row.image.engine_seconds for row in rows],
        "raw_sha": [bytes.fromhex(row.image.raw_sha) for row in rows],
        "finished_sha": [bytes.fromhex(row.finished_sha) for row in rows],
        "file_sha": [bytes.fromhex(row.file_sha) for row in rows],
        "file_bytes": [row.file_bytes for row in rows],
        "width": [row.width for row in rows],
        "height": [row.height for row in rows],
        "verdict": [row.verdict.decision for row in rows],
        "again": [row.needs_retry for row in rows],
        "reasons": [list(row.verdict.reasons) for row in rows],
        "scores": [_text(row.scores) for row in rows],
        "fingerprint": [row.fingerprint for row in rows],
        "fingerprint_quality": [row.fingerprint_quality for row in rows],
        "crop": [row.crop or None for row in rows],
        "looks": [list(row.appearance) or None for row in rows],
        "scanners": [_text(row.scanners) for row in rows],
        "errors": [_text(row.errors) for row in rows],
        "mark": [row.source_mark for row in rows],
        "channels": [list(row.eligibility.channels) for row in rows],
        "channel_reasons": [list(row.eligibility.reasons) for row in rows],
        "model": [row.image.item.request.model for row in rows],
        "backend": [row.image.backend or None for row in rows],
        "kept": [row.kept for row in rows],
        "refused_work": [[*(["image"] if row.image.replaced else []), *row.refused_work] or None for row in rows],
    }
    return pa.table([pa.array(columns[name], RECORDS.field(name).type) for name in RECORDS.names], schema=RECORDS)


def _text(values: Mapping[str, float] | Mapping[str, str] | None) -> str:
    # Unrounded: a score that was rounded across a threshold would be decided differently the next time.
    return json.dumps(values or {}, sort_keys=True)
