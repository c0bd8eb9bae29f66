"""A request's attempts, and the one that stands for it.

Comes in: the rows of all shard records. Goes out: for each (request, finish) its chain of attempts, and the pick: the
first that passes, else the first for a person, else the last no. A pick depends on what was made and measured alone,
never on the order in which shards came back, so a resumed run picks as an undisturbed one does.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

import pyarrow as pa

RequestFinishKey = tuple[bytes, str]
"""A request key and a finish digest."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, as its record says."""

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
        """Return how many attempts the request has used up, over all nights."""
        return max(self.attempts) + 1

    def select_attempt(self, excluded: Set[int] = frozenset()) -> Attempt:
        """Return the attempt that stands for the request, leaving out those that are too like another picture."""
        ordered = [self.attempts[number] for number in sorted(self.attempts) if number not in excluded]
        for word in ("PASS", "REVIEW"):
            for attempt in ordered:
                if attempt.verdict == word:
                    return attempt
        return self.last_attempt


def attempt_histories(records: Iterable[pa.Table]) -> dict[RequestFinishKey, AttemptHistory]:
    """Return every chain of a run's records."""
    chains: dict[RequestFinishKey, AttemptHistory] = {}
    names = {"origin": "made", "needs_retry": "again", "appearance": "looks", "source_mark": "mark"}
    fields = list(Attempt.__dataclass_fields__)
    for table in records:
        columns = [table[names.get(name, name)].to_pylist() for name in fields]
        keys = zip(table["request_key"].to_pylist(), table["finish_digest"].to_pylist(), strict=True)
        for key, values in zip(keys, zip(*columns, strict=True), strict=True):
            row: Mapping[str, object] = dict(zip(fields, values, strict=True))
            attempt = Attempt(**{**row, "reasons": tuple(row["reasons"])})  # type: ignore[arg-type]
            chains.setdefault(key, AttemptHistory()).attempts[attempt.attempt] = attempt
    return chains
