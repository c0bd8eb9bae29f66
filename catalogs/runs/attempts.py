"""Attempt history: the attempts at each request, and the one that is selected for it.

Inputs: the rows of all shard records. Outputs: for each (request, finish) its attempts, and the selected one: the first
that passes, else the first for review, else the last. The selection depends only on what was generated and measured,
never on the order in which shards finished, so a resumed run selects as an undisturbed run does.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

import pyarrow as pa

RequestFinishKey = tuple[bytes, str]
"""A request key and a finish digest."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, as its record holds it."""

    attempt: int
    image_key: bytes
    origin: str
    verdict: str
    reasons: tuple[str, ...]
    needs_retry: bool
    finished_sha: bytes
    file_sha: bytes
    file_bytes: int
    width: int
    height: int
    fingerprint: bytes
    fingerprint_quality: float
    crop: bytes | None
    appearance: list[float] | None
    source_mark: str
    channels: list[str]
    channel_reasons: list[str]
    backend: str | None


@dataclass(slots=True)
class AttemptHistory:
    """The attempts at one request, by number."""

    attempts: dict[int, Attempt] = field(default_factory=dict)

    @property
    def last_attempt(self) -> Attempt:
        """Return the highest attempt."""
        return self.attempts[max(self.attempts)]

    @property
    def attempts_spent(self) -> int:
        """Return how many attempts the request has used up, in all runs."""
        return max(self.attempts) + 1

    def select_attempt(self, excluded: Set[int] = frozenset()) -> Attempt:
        """Return the selected attempt, without those that are too similar to another image."""
        ordered = [self.attempts[number] for number in sorted(self.attempts) if number not in excluded]
        for decision in ("PASS", "REVIEW"):
            for attempt in ordered:
                if attempt.verdict == decision:
                    return attempt
        return self.last_attempt


def attempt_histories(records: Iterable[pa.Table]) -> dict[RequestFinishKey, AttemptHistory]:
    """Return the attempt histories of a run's records."""
    histories: dict[RequestFinishKey, AttemptHistory] = {}
    names = {"origin": "made", "needs_retry": "again", "appearance": "looks", "source_mark": "mark"}
    fields = list(Attempt.__dataclass_fields__)
    for table in records:
        columns = [table[names.get(name, name)].to_pylist() for name in fields]
        keys = zip(table["request_key"].to_pylist(), table["finish_digest"].to_pylist(), strict=True)
        for key, values in zip(keys, zip(*columns, strict=True), strict=True):
            row: Mapping[str, object] = dict(zip(fields, values, strict=True))
            attempt = Attempt(**{**row, "reasons": tuple(row["reasons"])})  # type: ignore[arg-type]
            histories.setdefault(key, AttemptHistory()).attempts[attempt.attempt] = attempt
    return histories
