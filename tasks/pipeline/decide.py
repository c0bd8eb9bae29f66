"""Judge the pictures of a run beside one another and beside what is published, and say what becomes of each slot.

Comes in: the plan's slots, the shard records, the published fingerprints, the policy. Goes out: the batch, one row a
slot (DECISIONS), or the orders of a last wave: pictures too like another that may have a new attempt.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa

from catalogs import layout
from catalogs.models.weights import ModelProvenance
from catalogs.planning.schedule import DEFERRAL_REASONS
from catalogs.policy.duplicates import DuplicateCandidate, DuplicateVerdict, judge_duplicates
from catalogs.policy.schema import Policy
from catalogs.runs.attempts import Attempt, AttemptHistory, RequestFinishKey, attempt_histories
from catalogs.runs.work_items import WorkItem, requests_from_table
from catalogs.slot_states import SlotState
from catalogs.table_schemas import DECISIONS, DEFERRALS, RETIRED_SLOTS, SLOTS
from catalogs.verdict import DECISION_STATES, PASS, Verdict, combine_verdicts
from infra.interfaces import ObjectStore, TableStore
from infra.stores.parquet_objects import read_row_groups, read_table
from tasks.gates.near_duplicates import PublishedFingerprints, find_near_duplicates

ROWS_AT_ONCE = 50_000
"""Slots that are Python objects at a time."""
NOT_MADE = "not-made"
"""Why a request has no attempt where nothing else is known of it."""


@dataclass
class DecisionResult:
    """The batch, or what must be made before there can be one."""

    batch: pa.Table | None
    retry_items: list[WorkItem] = field(default_factory=list)


class _RequestSummary(NamedTuple):
    """What of a request a decision needs; millions of prompts stay on the disk."""

    verdict: str
    reasons: list[str]
    model: str
    attempts_allowed: int
    deferral_reason: str
    """Why the plan left it out; empty where it did not."""


@dataclass(frozen=True, slots=True)
class _StopState:
    """Why what is not made is not made, and which requests are owed an attempt that they did not get."""

    reason: str
    pending: Set[RequestFinishKey]


@dataclass(frozen=True, slots=True)
class _SelectedAttempt:
    attempt: Attempt
    distinctness: DuplicateVerdict | None
    attempts_spent: int

    @property
    def verdict(self) -> Verdict:
        if self.distinctness is not None and self.distinctness.verdict.decision != "PASS":
            return self.distinctness.verdict
        return Verdict(self.attempt.verdict, self.attempt.reasons)  # type: ignore[arg-type]


def decide(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    run_id: str,
    policy: Policy,
    model_provenance: Mapping[str, ModelProvenance],
    stop_reason: str | None = None,
) -> DecisionResult:
    """Decide a run's batch from what its folder holds.

    `stopped` says why the run makes no further images: then nothing is ordered, and requests that are owed another
    attempt are deferred with what there is of them.
    """
    slots = read_table(store, layout.RunFiles(run_id).slots, SLOTS)
    chains = attempt_histories(read_row_groups(store, layout.RunFiles(run_id).records_prefix))
    requests = _read_request_summaries(store, run_id)
    skus = _skus_by_request(slots)
    retired = read_table(store, layout.RunFiles(run_id).retired, RETIRED_SLOTS)
    moving = pa.concat_arrays([slots["slot_id"].combine_chunks(), retired["slot_id"].combine_chunks()])
    shown = PublishedFingerprints(store, tables, catalogue, moving)
    excluded: dict[RequestFinishKey, set[int]] = {}
    picks, again = _select_attempts(chains, excluded, skus, shown, policy)
    last_wave: dict[RequestFinishKey, int] = {}
    for key in again:
        attempt = picks[key].attempt.attempt
        if attempt + 1 >= requests[key].attempts_allowed:
            continue
        excluded[key] = {attempt}
        if attempt + 1 not in chains[key].attempts:
            last_wave[key] = attempt + 1
    if last_wave and stop_reason is None:
        return DecisionResult(None, _read_work_items(store, run_id, last_wave))
    if excluded:
        picks, _ = _select_attempts(chains, excluded, skus, shown, policy)
    owing: set[RequestFinishKey] = set()
    if stop_reason is not None:
        owing = last_wave.keys() | {key for key, chain in chains.items() if chain.last_attempt.needs_retry}
    return DecisionResult(
        _build_decisions(slots, picks, requests, model_provenance, _StopState(stop_reason or NOT_MADE, owing))
    )


def _select_attempts(
    histories: Mapping[RequestFinishKey, AttemptHistory],
    excluded: Mapping[RequestFinishKey, set[int]],
    skus: Mapping[RequestFinishKey, tuple[str, ...]],
    published_fingerprints: PublishedFingerprints,
    policy: Policy,
) -> tuple[dict[RequestFinishKey, _SelectedAttempt], list[RequestFinishKey]]:
    """Pick an attempt a chain, compare the passing ones, and name those that another seed may help."""
    attempts = {key: chain.select_attempt(excluded.get(key, frozenset())) for key, chain in histories.items()}
    passing = [key for key, attempt in attempts.items() if attempt.verdict == "PASS"]
    candidates = [
        DuplicateCandidate(
            request_key=key[0],
            skus=skus.get(key, ()),
            fingerprint=attempts[key].fingerprint,
            quality=attempts[key].fingerprint_quality,
            pixel_sha=attempts[key].finished_sha,
            crop=attempts[key].crop or b"",
            looks=attempts[key].appearance,
        )
        for key in passing
    ]
    among, published, against = find_near_duplicates(candidates, published_fingerprints, policy.duplicates)
    answers = judge_duplicates(candidates, published, among, against, policy.duplicates)
    words = dict(zip(passing, answers, strict=True))
    picks = {
        key: _SelectedAttempt(attempt, words.get(key), histories[key].attempts_spent)
        for key, attempt in attempts.items()
    }
    return picks, [key for key in passing if words[key].verdict.retryable]


def _skus_by_request(slots: pa.Table) -> dict[RequestFinishKey, tuple[str, ...]]:
    found: dict[RequestFinishKey, set[str]] = {}
    columns = (slots[name].to_pylist() for name in ("request_key", "finish_digest", "sku"))
    for key, finish, sku in zip(*columns, strict=True):
        found.setdefault((key, finish), set()).add(sku)
    return {key: tuple(sorted(skus)) for key, skus in found.items()}


def _read_request_summaries(store: ObjectStore, run_id: str) -> dict[RequestFinishKey, _RequestSummary]:
    columns = ("request_key", "finish_digest", "verdict", "reasons", "model", "attempts_allowed")
    found: dict[RequestFinishKey, _RequestSummary] = {}
    left_out = read_table(store, layout.RunFiles(run_id).deferrals, DEFERRALS).to_pylist()
    codes = {row["shard"]: iter(row["codes"]) for row in left_out}
    for table in read_row_groups(store, layout.RunFiles(run_id).requests_prefix):
        shards = table["shard"].to_pylist()
        for shard, key, finish, *rest in zip(shards, *(table[name].to_pylist() for name in columns), strict=True):
            code = next(codes[shard]) if shard in codes else 0
            request = _RequestSummary(*[*rest, DEFERRAL_REASONS[code - 1] if code else ""])
            if request.verdict == "PASS" or (key, finish) not in found:
                found[(key, finish)] = request
    return found


def _read_work_items(
    store: ObjectStore, run_id: str, attempt_numbers: Mapping[RequestFinishKey, int]
) -> list[WorkItem]:
    """Return orders for some requests, read from the plan: their prompts are not kept in memory."""
    return [
        WorkItem(request, attempt_numbers[(request.key, request.finish_digest)])
        for table in read_row_groups(store, layout.RunFiles(run_id).requests_prefix)
        for request in requests_from_table(table)
        if (request.key, request.finish_digest) in attempt_numbers and request.verdict == PASS
    ]


def _build_decisions(
    slots: pa.Table,
    selected_attempts: Mapping[RequestFinishKey, _SelectedAttempt],
    requests: Mapping[RequestFinishKey, _RequestSummary],
    model_provenance: Mapping[str, ModelProvenance],
    stop: _StopState,
) -> pa.Table:
    parts = [
        pa.Table.from_pylist(
            [_decide_slot(slot, selected_attempts, requests, model_provenance, stop) for slot in part.to_pylist()],
            schema=DECISIONS,
        )
        for part in slots.to_batches(max_chunksize=ROWS_AT_ONCE)
    ]
    return pa.concat_tables(parts) if parts else DECISIONS.empty_table()


def _decide_slot(
    slot: dict[str, Any],
    selected_attempts: Mapping[RequestFinishKey, _SelectedAttempt],
    requests: Mapping[RequestFinishKey, _RequestSummary],
    model_provenance: Mapping[str, ModelProvenance],
    stop: _StopState,
) -> dict[str, Any]:
    key = (slot["request_key"], slot["finish_digest"])
    request, pick = requests[key], selected_attempts.get(key)
    row = {name: slot[name] for name in DECISIONS.names if name in slot} | model_provenance[request.model]._asdict()
    if request.verdict != "PASS" or slot["verdict"] != "PASS":
        words = ((request.verdict, request.reasons), (slot["verdict"], slot["reasons"]))
        word = combine_verdicts(Verdict(said, tuple(reasons)) for said, reasons in words)  # type: ignore[arg-type]
        state = DECISION_STATES[word.decision]
        return row | {"state": state, "verdict": word.decision, "reasons": list(word.reasons), "attempts_spent": 0}
    if pick is None or (key in stop.pending and pick.verdict.decision != "PASS"):
        reason = request.deferral_reason or stop.reason
        spent = pick.attempts_spent if pick is not None else 0
        return row | {"state": SlotState.DEFERRED, "verdict": "REVIEW", "reasons": [reason], "attempts_spent": spent}
    attempt, verdict = pick.attempt, pick.verdict
    state = SlotState.FAILED if attempt.origin == "failed" else DECISION_STATES[verdict.decision]
    return row | {
        "state": state,
        "verdict": verdict.decision,
        "reasons": list(verdict.reasons),
        "attempt": attempt.attempt,
        "attempts_spent": pick.attempts_spent,
        "image_key": None if state == SlotState.FAILED else attempt.image_key,
        "finished_sha": attempt.finished_sha or None,
        "file_sha": attempt.file_sha or None,
        "file_bytes": attempt.file_bytes,
        "width": attempt.width,
        "height": attempt.height,
        "fingerprint": attempt.fingerprint or None,
        "crop": attempt.crop,
        "looks": attempt.appearance,
        "mark": attempt.source_mark or None,
        "channels": attempt.channels,
        "channel_reasons": attempt.channel_reasons,
        "backend": attempt.backend,
    }
