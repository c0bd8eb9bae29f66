"""Stored scores: evaluate the attempts and prompts of past runs under another policy, without a model or an image.

Inputs: run ids, a policy, and a function that evaluates prompts. Outputs: the policy's verdict on each attempt and each
prompt in those runs' folders. Requests hold prompts, slots hold categories, records hold scores and which scanners
reported. A run whose tables were swept yields nothing, and a lookup returns None for it.

Slots of several categories may show one image: each is judged by its own. A slot whose category is not stored (an older
version swept it, or the slot was renamed) gets the worst verdict of those that share the image.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import pyarrow as pa

from catalogs import layout
from catalogs.indexes.digest_set import DigestMap, row_digests, split_digests
from catalogs.policy.decisions import decide_image
from catalogs.policy.schema import Policy
from catalogs.verdict import Verdict, combine_verdicts
from infra.interfaces import ObjectStore, TableStore
from infra.stores.parquet_objects import parse_table, read_row_groups

_REQUIRED_COLUMNS = {
    "request_key",
    "finish_digest",
    "attempt",
    "made",
    "scores",
    "scanners",
    "errors",
}


class ReevaluatedAttempt(NamedTuple):
    """The verdict on an attempt, prompt and image together."""

    verdict: Verdict
    attempts_allowed: int


_EvaluatedAttempts = defaultdict[str, list[tuple[bytes, ReevaluatedAttempt]]]
"""Category -> the digests of attempts, and how each is judged there."""


class _ReevaluatedRequest(NamedTuple):
    categories: tuple[str, ...]
    """The categories that judge its images: "" stands for all without thresholds of their own."""
    prompt_verdict: Verdict
    attempts_allowed: int


class StoredScores:
    """The scores of some runs under one policy. Memory: 24 bytes for each attempt and category, request and slot."""

    def __init__(self, store: ObjectStore, policy: Policy, evaluate_prompt: Callable[[str], Verdict]) -> None:
        self._store, self._policy, self._evaluate_prompt = store, policy, evaluate_prompt
        self._attempts: dict[str, DigestMap[ReevaluatedAttempt]] = defaultdict(DigestMap)  # by category
        self._categories: DigestMap[str] = DigestMap()  # by slot; empty where the policy judges all alike
        self._judged_categories = policy.judged_categories
        self._prompts: DigestMap[Verdict] = DigestMap()

    def load(self, run_ids: Iterable[str]) -> None:
        """Read and evaluate these runs' folders.

        Of several runs that measured one attempt, the newest in which nothing failed counts: a scanner or engine that
        failed once says nothing of an image that was measured on another night. Where it always failed, that counts.
        """
        failures: list[_EvaluatedAttempts] = []
        for run_id in sorted(set(run_ids), reverse=True):
            evaluated_requests: DigestMap[_ReevaluatedRequest] = DigestMap()
            categories = self._read_categories(run_id)
            for requests in read_row_groups(self._store, layout.RunFiles(run_id).requests_prefix):
                keys, evaluated = _pair_digests(requests), list(self._evaluate_requests(requests, categories))
                evaluated_requests.add(keys, evaluated)
                self._prompts.add(keys, [request.prompt_verdict for request in evaluated])
            for record in read_row_groups(self._store, layout.RunFiles(run_id).records_prefix):
                if set(record.column_names) >= _REQUIRED_COLUMNS:
                    measured, failed = self._evaluate_record(record, evaluated_requests)
                    self._add_attempts(measured)
                    failures.append(failed)
        for failed in failures:
            self._add_attempts(failed)

    def find_attempts(self, rows: pa.Table | pa.RecordBatch) -> list[ReevaluatedAttempt | None]:
        """Return the result for each row's slot, request, finish and attempt; None where nothing is stored."""
        digests = _attempt_digests(rows)
        by_category = {category: attempts.find(digests) for category, attempts in self._attempts.items()}
        if len(by_category) < 2:
            return next(iter(by_category.values()), [None] * rows.num_rows)
        found = []
        for position, category in enumerate(self._categories.find(row_digests(_column(rows, "slot_id")))):
            own = by_category[category][position] if category in by_category else None
            every = [attempts[position] for attempts in by_category.values()]
            known = [attempt for attempt in every if attempt is not None]
            worst = max(known, key=lambda attempt: attempt.verdict.severity, default=None)
            found.append(own if own is not None else worst)
        return found

    def find_prompts(self, rows: pa.Table | pa.RecordBatch) -> list[Verdict | None]:
        """Return the verdict on each row's prompt, found by request and finish; None where it is not stored."""
        return self._prompts.find(_pair_digests(rows))

    def _read_categories(self, run_id: str) -> Mapping[tuple[bytes, str], tuple[str, ...]]:
        """Return the categories of each request that slots of several share, and keep those of the run's slots."""
        categories: dict[tuple[bytes, str], set[str]] = defaultdict(set)
        if not self._judged_categories:
            return {}
        for slots in read_row_groups(self._store, layout.RunFiles(run_id).slots):
            judged = [self._judged_category(category) for category in slots["category"].to_pylist()]
            self._categories.add(row_digests(_column(slots, "slot_id")), judged)
            keys = zip(slots["request_key"].to_pylist(), slots["finish_digest"].to_pylist(), strict=True)
            for key, category in zip(keys, judged, strict=True):
                categories[key].add(category)
        return {key: tuple(sorted(found)) for key, found in categories.items()}

    def _judged_category(self, category: str) -> str:
        return category if category in self._judged_categories else ""

    def _evaluate_requests(
        self, requests: pa.Table, categories: Mapping[tuple[bytes, str], tuple[str, ...]]
    ) -> Iterator[_ReevaluatedRequest]:
        names = ("request_key", "finish_digest", "category", "prompt", "attempts_allowed")
        for key, finish, category, prompt, allowed in zip(*(requests[name].to_pylist() for name in names), strict=True):
            judging = categories.get((key, finish)) or (self._judged_category(category),)
            yield _ReevaluatedRequest(judging, self._evaluate_prompt(prompt), allowed)

    def _evaluate_record(
        self, record: pa.Table, evaluated_requests: DigestMap[_ReevaluatedRequest]
    ) -> tuple[_EvaluatedAttempts, _EvaluatedAttempts]:
        """Return the attempts of a record that were measured whole, and those at which something failed."""
        requests = evaluated_requests.find(_pair_digests(record))
        known = [position for position, request in enumerate(requests) if request is not None]
        rows = record.take(pa.array(known, pa.int64()))  # a shard of which a budget started no image has no rows
        digests = split_digests(_attempt_digests(rows))
        columns = (rows[name].to_pylist() for name in ("made", "scores", "scanners", "errors"))
        measured, failed = _EvaluatedAttempts(list), _EvaluatedAttempts(list)
        for position, digest, (origin, *texts) in zip(known, digests, zip(*columns, strict=True), strict=True):
            request = requests[position]
            assert request is not None  # noqa: S101 - only such rows were taken
            evaluated = failed if origin == "failed" or json.loads(texts[-1]) else measured
            for category in request.categories:
                verdict = combine_verdicts([request.prompt_verdict, self._evaluate_image(origin, texts, category)])
                evaluated[category].append((digest, ReevaluatedAttempt(verdict, request.attempts_allowed)))
        return measured, failed

    def _add_attempts(self, evaluated: _EvaluatedAttempts) -> None:
        for category, attempts in evaluated.items():
            self._attempts[category].add(b"".join(digest for digest, _ in attempts), [result for _, result in attempts])

    def _evaluate_image(self, origin: str, texts: list[str], category: str) -> Verdict:
        scores, scanners, errors = map(json.loads, texts)
        if origin == "failed":
            return Verdict("BLOCK", tuple(errors) or ("engine-failed",))
        return decide_image(scores, scanners, errors, self._policy, category)


def find_scored_runs(store: ObjectStore, tables: TableStore, catalogue: str) -> set[str]:
    """Return the ids of the runs whose folders hold the scores of images that are live or wait for a decision.

    A run that applied a policy measured nothing itself: its list of withdrawals names the runs that did.
    """
    run_ids: set[str] = set()
    for table in (layout.manifest_table(catalogue), layout.outcomes_table(catalogue)):
        if tables.version(table) is not None:
            for batch in tables.batches(table, ("run_id",)):
                run_ids |= set(batch.column("run_id").unique().to_pylist())
    for run_id in sorted(run_ids):
        key = layout.RunFiles(run_id).withdrawals
        withdrawals = store.find(key)  # few runs have this file
        if withdrawals is not None:
            rows = parse_table(key, withdrawals, columns=["run_id"])
            run_ids |= set(rows["run_id"].unique().to_pylist())
    return run_ids


def _pair_digests(rows: pa.Table | pa.RecordBatch) -> bytes:
    return row_digests(_column(rows, "request_key"), _column(rows, "finish_digest"))


def _attempt_digests(rows: pa.Table | pa.RecordBatch) -> bytes:
    attempts = _column(rows, "attempt").cast(pa.string())
    return row_digests(_column(rows, "request_key"), _column(rows, "finish_digest"), attempts)


def _column(rows: pa.Table | pa.RecordBatch, name: str) -> pa.Array:
    column = rows.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
