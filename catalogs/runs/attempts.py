"""Attempt history: the attempts at each request, and the one that is selected for it.

Inputs: the rows of all shard records. Outputs: for each (request, finish) its attempts, and the selected one: the first
that passes, else the first for review, else the last. The selection depends only on what was generated and measured,
never on the order in which shards finished, so a resumed run selects as an undisturbed run does.
"""

import json
from collections.abc import Container, Iterable, Mapping, Set
from dataclasses import dataclass, field

import pyarrow as pa

from catalogs.answers.answer import AnswerKind
from catalogs.answers.standing_answers import StandingAnswer
from catalogs.planning.retry_rules import SCANNER_FAILED

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
    kept: str | None = None
    """The `KeptResult` as JSON; None where no photo's product was kept."""
    sentence: str | None = None
    """What the engine or the scanners that did not answer said themselves."""
    findings: tuple[str, str, str] | None = None
    """JSON of the scores, the scanners that answered and the errors, where another category is to judge them."""
    answer: StandingAnswer | None = None
    """What people said of this very image, where that decides it (see `catalogs.runs.answered_attempts`)."""

    @property
    def is_accepted(self) -> bool:
        """Tell whether a person has accepted this image, whatever the gates say of it."""
        return self.answer is not None and self.answer.verdict == AnswerKind.ACCEPT


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
        """Return the selected attempt, without those that are too similar to another image.

        One that a person has accepted goes before all others; of several, the one accepted last.
        """
        ordered = [self.attempts[number] for number in sorted(self.attempts) if number not in excluded]
        accepted = [attempt for attempt in ordered if attempt.is_accepted]
        if accepted:
            return max(accepted, key=lambda attempt: attempt.answer.token if attempt.answer else "")
        for decision in ("PASS", "REVIEW"):
            for attempt in ordered:
                if attempt.verdict == decision:
                    return attempt
        return self.last_attempt


def attempt_histories(
    records: Iterable[pa.Table], with_findings: Container[RequestFinishKey] = frozenset()
) -> dict[RequestFinishKey, AttemptHistory]:
    """Return the attempt histories of a run's records; those of some requests with their findings, which are large."""
    histories: dict[RequestFinishKey, AttemptHistory] = {}
    names = {"origin": "made", "needs_retry": "again", "appearance": "looks", "source_mark": "mark"}
    fields = [name for name in Attempt.__dataclass_fields__ if name not in ("findings", "sentence", "answer")]
    for table in records:
        columns = [table[names.get(name, name)].to_pylist() for name in fields]
        keys = zip(table["request_key"].to_pylist(), table["finish_digest"].to_pylist(), strict=True)
        errors = table["errors"].to_pylist()
        for position, (key, values) in enumerate(zip(keys, zip(*columns, strict=True), strict=True)):
            row: Mapping[str, object] = dict(zip(fields, values, strict=True))
            findings = _read_findings(table, position) if key in with_findings else None
            reasons: tuple[str, ...] = tuple(row["reasons"])  # type: ignore[arg-type]
            row = {**row, "reasons": reasons, "sentence": _read_sentence(errors[position], reasons)}
            attempt = Attempt(**row, findings=findings)  # type: ignore[arg-type]
            histories.setdefault(key, AttemptHistory()).attempts[attempt.attempt] = attempt
    return histories


def _read_sentence(errors: str | None, reasons: Container[str]) -> str | None:
    """Return what was said by the engine or the scanners for which the attempt was refused; None where nothing was.

    A record's errors are by the engine's code, or by the scanner's name.
    """
    if errors in (None, "", "{}"):
        return None
    spoken = json.loads(errors or "{}")
    refusing = (name for name in sorted(spoken) if name in reasons or f"{SCANNER_FAILED}{name}" in reasons)
    return "; ".join(f"{name}: {spoken[name]}" for name in refusing if spoken[name]) or None


def _read_findings(record: pa.Table, position: int) -> tuple[str, str, str]:
    scores, scanners, errors = (record[name][position].as_py() or "{}" for name in ("scores", "scanners", "errors"))
    return scores, scanners, errors
