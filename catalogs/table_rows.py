"""Row types: what a row of the tables in `catalogs.table_schemas` is in Python, for mypy.

Inputs: none. Outputs: one `TypedDict` per table whose rows are handled one by one; a test holds their names, order and
types against the schemas. `| None`: null for some rows. Rows that are read with fewer columns have a type of their own.
"""

from datetime import datetime
from typing import Literal, TypedDict

from catalogs.verdict import Decision


class WithdrawalKeyRow(TypedDict):
    """The columns that a withdrawal binds: one request's image, in one finish, in one slot."""

    slot_id: bytes
    request_key: bytes
    finish_digest: str


class ChannelColumns(TypedDict):
    """The channels on which an image may be used, and why not on the others, as `channel:reason`."""

    channels: list[str] | None
    channel_reasons: list[str] | None


class SlotRow(TypedDict):
    """A row of SLOTS."""

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
    verdict: Decision
    reasons: list[str]
    answer: str | None


class RequestRow(TypedDict):
    """A row of REQUESTS."""

    request_key: bytes
    shard: str
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
    verdict: Decision
    reasons: list[str]
    kept: str | None


class RecordRow(TypedDict):
    """A row of RECORDS: one attempt."""

    request_key: bytes
    finish_digest: str
    attempt: int
    image_key: bytes
    made: str
    engine_seconds: float
    raw_sha: bytes
    finished_sha: bytes
    file_sha: bytes
    file_bytes: int
    width: int
    height: int
    verdict: Decision
    again: bool
    reasons: list[str]
    scores: str
    fingerprint: bytes
    fingerprint_quality: float
    crop: bytes | None
    looks: list[float] | None
    scanners: str
    errors: str
    mark: str
    channels: list[str] | None
    channel_reasons: list[str] | None
    model: str
    backend: str | None
    refused_work: list[str] | None
    kept: str | None


class DecisionRow(TypedDict):
    """A row of DECISIONS. What describes an image is None in a slot that has none."""

    slot_id: bytes
    sku: str
    category: str
    view: str
    variant: str
    index: int
    kind: str
    state: str
    verdict: Decision
    reasons: list[str]
    attempt: int | None
    attempts_spent: int | None
    request_key: bytes
    image_key: bytes | None
    source_digest: bytes
    finish_digest: str
    finished_sha: bytes | None
    file_sha: bytes | None
    file_bytes: int | None
    width: int | None
    height: int | None
    fingerprint: bytes | None
    crop: bytes | None
    looks: list[float] | None
    mark: str | None
    channels: list[str] | None
    channel_reasons: list[str] | None
    model: str
    live_file_sha: bytes | None
    created_at: datetime | None
    model_version: str | None
    precision: str | None
    backend: str | None
    collides_with: bytes | None
    sentence: str | None
    answer: str | None
    kept: str | None


class ReportedDecisionRow(TypedDict):
    """The columns of DECISIONS that a report shows. Those of an image are None in a slot that has none."""

    slot_id: bytes
    sku: str
    category: str | None
    view: str
    variant: str
    index: int
    state: str
    verdict: Decision | None
    reasons: list[str] | None
    attempt: int | None
    request_key: bytes
    image_key: bytes | None
    finish_digest: str | None
    file_sha: bytes | None
    kept: str | None


class PublishedDecisionRow(TypedDict):
    """A row of DECISIONS in the state `publish`: it has an image. Only the columns that a release needs."""

    slot_id: bytes
    sku: str
    view: str
    variant: str
    index: int
    attempt: int
    request_key: bytes
    image_key: bytes
    source_digest: bytes
    finish_digest: str
    finished_sha: bytes
    file_sha: bytes
    width: int
    height: int
    channels: list[str] | None
    channel_reasons: list[str] | None
    model: str
    model_version: str | None
    precision: str | None
    backend: str | None
    kept: str | None


class ManifestRow(TypedDict):
    """A row of MANIFEST."""

    slot_id: bytes
    sku: str
    view: str
    variant: str
    index: int
    object: str
    file_sha: bytes
    pixel_sha: bytes
    width: int
    height: int
    channels: list[str] | None
    channel_reasons: list[str] | None
    request_key: bytes
    attempt: int
    source_digest: bytes
    finish_digest: str
    model: str
    model_version: str | None
    precision: str | None
    backend: str | None
    run_id: str
    released_at: datetime
    mode: str | None
    photo_sha: bytes | None
    stage: bytes | None
    kept: str | None


class PublishedFileRow(TypedDict):
    """The columns of MANIFEST that say which file a slot shows. Where another tool wrote the row, any may be null."""

    slot_id: bytes
    sku: str
    view: str
    variant: str
    index: int
    object: str | None
    file_sha: bytes | None
    pixel_sha: bytes | None
    run_id: str
    finish_digest: str
    mode: str | None
    photo_sha: bytes | None


class KeptFileRow(TypedDict):
    """The columns of MANIFEST that a kept product is proven by. Where another tool wrote the row, any may be null."""

    slot_id: bytes
    sku: str
    view: str
    variant: str
    index: int
    object: str | None
    file_sha: bytes | None
    pixel_sha: bytes | None
    request_key: bytes | None
    attempt: int | None
    mode: str | None
    photo_sha: bytes | None
    kept: str | None


class ManifestChangeRow(ManifestRow):
    """A row of a manifest commit: `put` writes the row, `drop` deletes its slot."""

    _op: Literal["put", "drop"]


class OutcomeRow(TypedDict):
    """A row of OUTCOMES."""

    slot_id: bytes
    request_key: bytes
    sku: str
    state: str
    attempts: int
    reasons: list[str]
    source_digest: bytes
    finish_digest: str
    policy_digest: str
    image_key: bytes | None
    run_id: str
    decided_at: datetime
    expires_at: datetime | None
    tries: int | None
    retry_at: datetime | None
    collides_with: bytes | None
    sentence: str | None
    answer: str | None
    pixel_sha: bytes | None


class OutcomeDecision(TypedDict):
    """The columns of an outcome that its cause decides: a rollback or a policy."""

    state: str
    reasons: list[str]
    policy_digest: str
    decided_at: datetime
    expires_at: datetime | None
    answer: str | None


class WithdrawalRow(TypedDict):
    """A row of WITHDRAWALS."""

    slot_id: bytes
    sku: str
    view: str
    variant: str
    index: int
    object: str
    file_sha: bytes
    request_key: bytes
    attempt: int
    finish_digest: str
    run_id: str
    verdict: Decision
    reasons: list[str]
    again: bool
    answer: str | None
