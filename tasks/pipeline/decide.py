"""Judge the pictures of a run beside one another and beside what is published, and say what becomes of each slot.

Comes in: the plan's slots, the shard records, the published fingerprints, the policy. Goes out: the batch, one row a
slot (DECISIONS), or the orders of a last wave: pictures too like another that may have a new attempt.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa

from catalogs import layout
from catalogs.models.weights import Maker
from catalogs.planning.schedule import REASONS
from catalogs.policy.duplicates import Candidate, Distinctness, judge_duplicates
from catalogs.policy.schema import Policy
from catalogs.runs.attempts import Attempt, Chain, ChainKey, chains_of
from catalogs.runs.work_items import Order, requests_of
from catalogs.table_schemas import DECISIONS, LEFT_OUT, RETIRED, SLOTS
from catalogs.verdict import PASS, STATES, Verdict, worst
from infra.interfaces import ObjectStore, TableStore
from infra.stores.parquet_objects import read_records, read_table
from tasks.gates.near_duplicates import Shown, resemblances

ROWS_AT_ONCE = 50_000
"""Slots that are Python objects at a time."""
NOT_MADE = "not-made"
"""Why a request has no attempt where nothing else is known of it."""


@dataclass
class Decided:
    """The batch, or what must be made before there can be one."""

    batch: pa.Table | None
    last_wave: list[Order] = field(default_factory=list)


class _Request(NamedTuple):
    """What of a request a decision needs; millions of prompts stay on the disk."""

    verdict: str
    reasons: list[str]
    model: str
    attempts_allowed: int
    left_out: str
    """Why the plan left it out; empty where it did not."""


@dataclass(frozen=True, slots=True)
class _Stop:
    """Why what is not made is not made, and which requests are owed an attempt that they did not get."""

    reason: str
    owing: Set[ChainKey]


@dataclass(frozen=True, slots=True)
class _Pick:
    attempt: Attempt
    distinctness: Distinctness | None
    spent: int

    @property
    def verdict(self) -> Verdict:
        if self.distinctness is not None and self.distinctness.verdict.word != "PASS":
            return self.distinctness.verdict
        return Verdict(self.attempt.verdict, self.attempt.reasons)  # type: ignore[arg-type]


def decide(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    run_id: str,
    policy: Policy,
    makers: Mapping[str, Maker],
    stopped: str | None = None,
) -> Decided:
    """Decide a run's batch from what its folder holds.

    `stopped` says why the run makes no further images: then nothing is ordered, and requests that are owed another
    attempt are deferred with what there is of them.
    """
    slots = read_table(store, layout.run_file(run_id, "slots.parquet"), SLOTS)
    chains = chains_of(read_records(store, layout.run_records(run_id)))
    requests = _requests(store, run_id)
    skus = _skus(slots)
    retired = read_table(store, layout.run_file(run_id, "retired.parquet"), RETIRED)
    moving = pa.concat_arrays([slots["slot_id"].combine_chunks(), retired["slot_id"].combine_chunks()])
    shown = Shown(store, tables, catalogue, moving)
    excluded: dict[ChainKey, set[int]] = {}
    picks, again = _judge_round(chains, excluded, skus, shown, policy)
    last_wave: dict[ChainKey, int] = {}
    for key in again:
        attempt = picks[key].attempt.attempt
        if attempt + 1 >= requests[key].attempts_allowed:
            continue
        excluded[key] = {attempt}
        if attempt + 1 not in chains[key].attempts:
            last_wave[key] = attempt + 1
    if last_wave and stopped is None:
        return Decided(None, _orders(store, run_id, last_wave))
    if excluded:
        picks, _ = _judge_round(chains, excluded, skus, shown, policy)
    owing: set[ChainKey] = set()
    if stopped is not None:
        owing = last_wave.keys() | {key for key, chain in chains.items() if chain.last.wants_another}
    return Decided(_batch(slots, picks, requests, makers, _Stop(stopped or NOT_MADE, owing)))


def _judge_round(
    chains: Mapping[ChainKey, Chain],
    excluded: Mapping[ChainKey, set[int]],
    skus: Mapping[ChainKey, tuple[str, ...]],
    shown: Shown,
    policy: Policy,
) -> tuple[dict[ChainKey, _Pick], list[ChainKey]]:
    """Pick an attempt a chain, compare the passing ones, and name those that another seed may help."""
    attempts = {key: chain.pick(excluded.get(key, frozenset())) for key, chain in chains.items()}
    passing = [key for key, attempt in attempts.items() if attempt.verdict == "PASS"]
    candidates = [
        Candidate(
            request_key=key[0],
            skus=skus.get(key, ()),
            fingerprint=attempts[key].fingerprint,
            quality=attempts[key].fingerprint_quality,
            pixel_sha=attempts[key].finished_sha,
            crop=attempts[key].crop or b"",
            looks=attempts[key].looks,
        )
        for key in passing
    ]
    among, published, against = resemblances(candidates, shown, policy.duplicates)
    answers = judge_duplicates(candidates, published, among, against, policy.duplicates)
    words = dict(zip(passing, answers, strict=True))
    picks = {key: _Pick(attempt, words.get(key), chains[key].spent) for key, attempt in attempts.items()}
    return picks, [key for key in passing if words[key].verdict.again]


def _skus(slots: pa.Table) -> dict[ChainKey, tuple[str, ...]]:
    found: dict[ChainKey, set[str]] = {}
    columns = (slots[name].to_pylist() for name in ("request_key", "finish_digest", "sku"))
    for key, finish, sku in zip(*columns, strict=True):
        found.setdefault((key, finish), set()).add(sku)
    return {key: tuple(sorted(skus)) for key, skus in found.items()}


def _requests(store: ObjectStore, run_id: str) -> dict[ChainKey, _Request]:
    columns = ("request_key", "finish_digest", "verdict", "reasons", "model", "attempts_allowed")
    found: dict[ChainKey, _Request] = {}
    left_out = read_table(store, layout.run_file(run_id, "left_out.parquet"), LEFT_OUT).to_pylist()
    codes = {row["shard"]: iter(row["codes"]) for row in left_out}
    for table in read_records(store, layout.run_file(run_id, "requests/")):
        shards = table["shard"].to_pylist()
        for shard, key, finish, *rest in zip(shards, *(table[name].to_pylist() for name in columns), strict=True):
            code = next(codes[shard]) if shard in codes else 0
            request = _Request(*[*rest, REASONS[code - 1] if code else ""])
            if request.verdict == "PASS" or (key, finish) not in found:
                found[(key, finish)] = request
    return found


def _orders(store: ObjectStore, run_id: str, wanted: Mapping[ChainKey, int]) -> list[Order]:
    """Return orders for some requests, read from the plan: their prompts are not kept in memory."""
    return [
        Order(request, wanted[(request.key, request.finish_digest)])
        for table in read_records(store, layout.run_file(run_id, "requests/"))
        for request in requests_of(table)
        if (request.key, request.finish_digest) in wanted and request.verdict == PASS
    ]


def _batch(
    slots: pa.Table,
    picks: Mapping[ChainKey, _Pick],
    requests: Mapping[ChainKey, _Request],
    makers: Mapping[str, Maker],
    stop: _Stop,
) -> pa.Table:
    parts = [
        pa.Table.from_pylist(
            [_decision(slot, picks, requests, makers, stop) for slot in part.to_pylist()], schema=DECISIONS
        )
        for part in slots.to_batches(max_chunksize=ROWS_AT_ONCE)
    ]
    return pa.concat_tables(parts) if parts else DECISIONS.empty_table()


def _decision(
    slot: dict[str, Any],
    picks: Mapping[ChainKey, _Pick],
    requests: Mapping[ChainKey, _Request],
    makers: Mapping[str, Maker],
    stop: _Stop,
) -> dict[str, Any]:
    key = (slot["request_key"], slot["finish_digest"])
    request, pick = requests[key], picks.get(key)
    row = {name: slot[name] for name in DECISIONS.names if name in slot} | makers[request.model]._asdict()
    if request.verdict != "PASS" or slot["verdict"] != "PASS":
        words = ((request.verdict, request.reasons), (slot["verdict"], slot["reasons"]))
        word = worst(Verdict(said, tuple(reasons)) for said, reasons in words)  # type: ignore[arg-type]
        state = STATES[word.word]
        return row | {"state": state, "verdict": word.word, "reasons": list(word.reasons), "attempts_spent": 0}
    if pick is None or (key in stop.owing and pick.verdict.word != "PASS"):
        reason = request.left_out or stop.reason
        spent = pick.spent if pick is not None else 0
        return row | {"state": "deferred", "verdict": "REVIEW", "reasons": [reason], "attempts_spent": spent}
    attempt, verdict = pick.attempt, pick.verdict
    state = "failed" if attempt.how == "failed" else STATES[verdict.word]
    return row | {
        "state": state,
        "verdict": verdict.word,
        "reasons": list(verdict.reasons),
        "attempt": attempt.attempt,
        "attempts_spent": pick.spent,
        "image_key": None if state == "failed" else attempt.image_key,
        "finished_sha": attempt.finished_sha or None,
        "file_sha": attempt.file_sha or None,
        "file_bytes": attempt.file_bytes,
        "width": attempt.width,
        "height": attempt.height,
        "fingerprint": attempt.fingerprint or None,
        "crop": attempt.crop,
        "looks": attempt.looks,
        "mark": attempt.mark or None,
        "channels": attempt.channels,
        "channel_reasons": attempt.channel_reasons,
        "backend": attempt.backend,
    }
