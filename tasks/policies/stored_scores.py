"""Stored scores: evaluate the attempts and prompts of past runs under another policy, without a model or an image.

Inputs: run ids, a policy, and a function that evaluates prompts. Outputs: the policy's verdict on each attempt and each
prompt in those runs' folders. Requests hold category and prompt; records hold scores and which scanners reported. A run
whose tables were swept yields nothing, and a lookup returns None for it.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from catalogs import layout
from catalogs.indexes.digest_set import DigestMap, row_digests
from catalogs.policy.decisions import decide_image
from catalogs.policy.schema import Policy
from catalogs.verdict import Verdict, combine_verdicts
from infra.interfaces import ObjectStore, TableStore
from infra.stores.parquet_objects import read_row_groups

_REQUIRED_COLUMNS = {
    "request_key",
    "finish_digest",
    "attempt",
    "made",
    "verdict",
    "reasons",
    "scores",
    "scanners",
    "errors",
}


class ReevaluatedAttempt(NamedTuple):
    """The verdict on an attempt, prompt and image together, and what its run decided on the image at the time."""

    verdict: Verdict
    previous_decision: str
    attempts_allowed: int


class _ReevaluatedRequest(NamedTuple):
    category: str
    prompt_verdict: Verdict
    attempts_allowed: int


class StoredScores:
    """The scores of some runs under one policy. Memory: 24 bytes for each attempt and each request."""

    def __init__(self, store: ObjectStore, policy: Policy, evaluate_prompt: Callable[[str], Verdict]) -> None:
        self._store, self._policy, self._evaluate_prompt = store, policy, evaluate_prompt
        self._attempts: DigestMap[ReevaluatedAttempt] = DigestMap()
        self._prompts: DigestMap[Verdict] = DigestMap()

    def load(self, run_ids: Iterable[str]) -> None:
        """Read and evaluate these runs' folders. Of several runs that measured one attempt, the newest counts."""
        for run_id in sorted(set(run_ids), reverse=True):
            evaluated_requests: DigestMap[_ReevaluatedRequest] = DigestMap()
            for requests in read_row_groups(self._store, layout.RunFiles(run_id).requests_prefix):
                keys, evaluated = _pair_digests(requests), list(self._evaluate_requests(requests))
                evaluated_requests.add(keys, evaluated)
                self._prompts.add(keys, [request.prompt_verdict for request in evaluated])
            for record in read_row_groups(self._store, layout.RunFiles(run_id).records_prefix):
                if set(record.column_names) >= _REQUIRED_COLUMNS:
                    self._evaluate_record(record, evaluated_requests)

    def find_attempts(self, rows: pa.Table | pa.RecordBatch) -> list[ReevaluatedAttempt | None]:
        """Return the result for each row's request, finish and attempt; None where nothing is stored."""
        return self._attempts.find(_attempt_digests(rows))

    def find_prompts(self, rows: pa.Table | pa.RecordBatch) -> list[Verdict | None]:
        """Return the verdict on each row's prompt, found by request and finish; None where it is not stored."""
        return self._prompts.find(_pair_digests(rows))

    def _evaluate_requests(self, requests: pa.Table) -> Iterator[_ReevaluatedRequest]:
        columns = (requests[name].to_pylist() for name in ("category", "prompt", "attempts_allowed"))
        for category, prompt, allowed in zip(*columns, strict=True):
            yield _ReevaluatedRequest(category, self._evaluate_prompt(prompt), allowed)

    def _evaluate_record(self, record: pa.Table, evaluated_requests: DigestMap[_ReevaluatedRequest]) -> None:
        requests = evaluated_requests.find(_pair_digests(record))
        known = [position for position, request in enumerate(requests) if request is not None]
        rows = record.take(pa.array(known, pa.int64()))  # a shard of which a budget started no image has no rows
        names = ("made", "verdict", "scores", "scanners", "errors")
        columns = (rows[name].to_pylist() for name in names)
        attempts = []
        for position, (origin, previous, *texts) in zip(known, zip(*columns, strict=True), strict=True):
            request = requests[position]
            assert request is not None  # noqa: S101 - only such rows were taken
            image_verdict = self._evaluate_image(origin, texts, request.category)
            verdict = combine_verdicts([request.prompt_verdict, image_verdict])
            attempts.append(ReevaluatedAttempt(verdict, previous, request.attempts_allowed))
        self._attempts.add(_attempt_digests(rows), attempts)

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
        withdrawals = store.find(layout.RunFiles(run_id).withdrawals)  # few runs have this file
        if withdrawals is not None:
            rows = pq.read_table(pa.BufferReader(withdrawals), columns=["run_id"])
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
