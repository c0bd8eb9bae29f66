"""Schedule: order requests by priority and deadline, and defer what exceeds the budget.

Inputs: the shards as they were filled, priority raises of later rows, the budget limits. Outputs: shards in the order
of work, and a reason for each request that is deferred. Everything is an array with one number for each request, so
2,000,000 requests are ordered in a few seconds.

The order is: highest priority first, then the earliest deadline (requests without one last), then requests of SKUs that
have no live image before those that change one, then catalogue order.
Requests are taken in that order until the budget or the time is used up; nothing after the first request that does not
fit is taken. A request whose deadline lies ahead and cannot be met is deferred. A request whose deadline had passed
before the run began is overdue: it comes first, and is generated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from catalogs.ingest.overrides import PRIORITIES
from catalogs.planning.budget import BudgetLimits
from catalogs.planning.plan import Request, Shard, Urgency

OVER_BUDGET, OUT_OF_TIME, PAST_DEADLINE = "over-budget", "out-of-time", "past-deadline"
DEFERRAL_REASONS = (OVER_BUDGET, OUT_OF_TIME, PAST_DEADLINE)
"""Why a request is deferred. A request's code is 0 if it is generated, else 1 plus its reason's index here."""
NO_DEADLINE = np.iinfo(np.int64).max
"""Stands for no deadline."""
KEY_PREFIX_BYTES = 8
"""Bytes of a request key that identify requests here: two of 2,000,000 collide in one of ten million runs."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
KeyPrefixes = npt.NDArray[np.uint64]
DeferralCodes = npt.NDArray[np.uint8]


def to_epoch_us(deadline: datetime | None) -> int:
    """Return a deadline as whole microseconds since 1970, or `NO_DEADLINE`."""
    return NO_DEADLINE if deadline is None else round(deadline.timestamp() * 1e6)


def request_urgency(request: Request) -> Urgency:
    """Return when a request is due."""
    return Urgency(PRIORITIES.index(request.priority), to_epoch_us(request.deadline), int(not request.for_new_sku))


def key_prefixes(keys: Sequence[bytes]) -> KeyPrefixes:
    """Return the first bytes of request keys as numbers."""
    return np.frombuffer(b"".join([key[:KEY_PREFIX_BYTES] for key in keys]), np.uint64)


@dataclass(frozen=True)
class ShardSummary:
    """A closed shard: its priority's rank, engine seconds per image, deadlines if it has any, and key prefixes.

    `has_image` is 0 where all its requests are for SKUs without a live image, else 1.
    """

    rank: int
    seconds_per_image: float
    deadlines: Ints | None
    key_prefixes: KeyPrefixes
    has_image: int = 1

    def request_deadlines(self, size: int) -> Ints:
        """Return the deadline of each of the shard's requests."""
        return np.full(size, NO_DEADLINE, np.int64) if self.deadlines is None else self.deadlines


@dataclass
class ShardSchedule:
    """The shards in the order of work, and the deferral codes of those shards in which a request is deferred."""

    shards: list[Shard]
    deferral_codes: dict[str, bytes] = field(default_factory=dict)
    gpu_seconds: float = 0.0
    overdue: int = 0
    """Requests whose deadline had passed before the run began."""
    _deferred_requests: list[tuple[str, KeyPrefixes]] = field(default_factory=list)

    def count_deferred(self, slot_key_prefixes: KeyPrefixes) -> dict[str, int]:
        """Return how many of these slots (by the key prefixes of their requests) are deferred, by reason."""
        counts = {reason: int(np.isin(slot_key_prefixes, keys).sum()) for reason, keys in self._deferred_requests}
        return {reason: count for reason, count in counts.items() if count}


def build_schedule(
    shards: Sequence[Shard],
    summaries: Sequence[ShardSummary],
    priority_raises: Mapping[bytes, Urgency],
    budget: BudgetLimits,
    now: datetime,
) -> ShardSchedule:
    """Return the schedule of a plan. `priority_raises`: by their keys, requests that later rows made more urgent."""
    has_deadlines = any(summary.deadlines is not None for summary in summaries)
    if not shards or not (priority_raises or budget.has_limits or has_deadlines):
        seconds = sum(
            summary.seconds_per_image * shard.requests for shard, summary in zip(shards, summaries, strict=True)
        )
        pairs = sorted(zip(shards, summaries, strict=True), key=lambda pair: _undated_order(*pair))
        return ShardSchedule([shard for shard, _ in pairs], gpu_seconds=seconds)
    sizes = [shard.requests for shard in shards]
    urgency = RequestUrgency(
        ranks=np.repeat(np.array([summary.rank for summary in summaries], np.int64), sizes),
        deadlines=np.concatenate(
            [summary.request_deadlines(size) for summary, size in zip(summaries, sizes, strict=True)]
        ),
        has_image=np.repeat(np.array([summary.has_image for summary in summaries], np.int64), sizes),
    )
    image_seconds = np.repeat(np.array([summary.seconds_per_image for summary in summaries], np.float64), sizes)
    prefixes = np.concatenate([summary.key_prefixes for summary in summaries])
    _raise_priorities(urgency, prefixes, priority_raises)
    codes, deadlines = apply_limits(urgency, image_seconds, budget, to_epoch_us(now)), urgency.deadlines
    return ShardSchedule(
        shards=_ordered_shards(shards, urgency, codes),
        deferral_codes=_deferral_codes(shards, codes),
        gpu_seconds=float(image_seconds[codes == 0].sum()),
        overdue=int((deadlines <= to_epoch_us(now)).sum()),
        _deferred_requests=[(reason, prefixes[codes == code]) for code, reason in enumerate(DEFERRAL_REASONS, 1)],
    )


@dataclass(frozen=True)
class RequestUrgency:
    """The `Urgency` of each request, in catalogue order."""

    ranks: Ints
    deadlines: Ints
    has_image: Ints

    def order(self) -> Ints:
        """Return the requests in the order of work; equal ones keep their order."""
        return np.lexsort((self.has_image, self.deadlines, self.ranks))


def apply_limits(urgency: RequestUrgency, seconds: Floats, budget: BudgetLimits, now: int) -> DeferralCodes:
    """Return a code for each request: 0 to generate it, else why it is deferred.

    `now` and deadlines are in microseconds since 1970, `seconds` in engine seconds.
    """
    order, deadlines = urgency.order(), urgency.deadlines
    codes = np.zeros(len(order), np.uint8)
    missed = _missed_deadlines(order, deadlines, seconds / budget.engines, now)
    codes[missed] = 1 + DEFERRAL_REASONS.index(PAST_DEADLINE)
    candidates = order[codes[order] == 0]
    elapsed = np.cumsum(seconds[candidates])
    wall_limit = None if budget.wall_seconds is None else budget.wall_seconds * budget.engines
    limits = {OVER_BUDGET: budget.engine_seconds, OUT_OF_TIME: wall_limit}
    fitting = {reason: _count_within_limit(elapsed, limit) for reason, limit in limits.items()}
    reason = min(fitting, key=lambda name: fitting[name])
    if fitting[reason] < len(candidates):
        first_deferred = candidates[fitting[reason]]
        start = int(np.flatnonzero(order == first_deferred)[0])
        # A later request might miss its deadline even without this limit; in this run the limit is what defers it.
        codes[order[start:]] = 1 + DEFERRAL_REASONS.index(reason)
    return codes


def _count_within_limit(elapsed: Floats, limit: float | None) -> int:
    return len(elapsed) if limit is None else int(np.searchsorted(elapsed, limit, side="right"))


def _missed_deadlines(order: Ints, deadlines: Ints, seconds: Floats, now: int) -> list[int]:
    """Return the requests whose deadline lies ahead and would pass before they are generated."""
    missed: list[int] = []
    has_deadline = (deadlines[order] != NO_DEADLINE) & (deadlines[order] > now)
    if not has_deadline.any():
        return missed
    clock = 0.0
    seconds_left = np.where(has_deadline, (deadlines[order] - now) / 1e6, np.inf).tolist()
    for request, left, needed in zip(order.tolist(), seconds_left, seconds[order].tolist(), strict=True):
        if clock + needed > left:
            missed.append(request)
        else:
            clock += needed
    return missed


def _undated_order(shard: Shard, summary: ShardSummary) -> tuple[int, int, str]:
    return summary.rank, summary.has_image, shard.name


def _raise_priorities(urgency: RequestUrgency, prefixes: KeyPrefixes, priority_raises: Mapping[bytes, Urgency]) -> None:
    """Raise the urgency of requests in place."""
    if not priority_raises:
        return
    by_prefix = np.argsort(prefixes, kind="stable")
    raised = key_prefixes(list(priority_raises))
    raises = np.array(list(priority_raises.values()), np.int64)
    first = np.searchsorted(prefixes, raised, side="left", sorter=by_prefix)
    last = np.searchsorted(prefixes, raised, side="right", sorter=by_prefix)
    columns = (urgency.ranks, urgency.deadlines, urgency.has_image)
    for start, end, values in zip(first.tolist(), last.tolist(), raises.tolist(), strict=True):
        positions = by_prefix[start:end]  # several if a request has several finishes: one image serves all of them
        for column, value in zip(columns, values, strict=True):
            column[positions] = np.minimum(column[positions], value)


def _ordered_shards(shards: Sequence[Shard], urgency: RequestUrgency, codes: DeferralCodes) -> list[Shard]:
    """Return the shards in the order of work, split by priority and without the requests that are deferred."""
    entries: list[tuple[Urgency, int, Shard]] = []
    ranks, start = urgency.ranks, 0
    for number, shard in enumerate(shards):
        span = slice(start, start + shard.requests)
        start += shard.requests
        generated = codes[span] == 0
        own_rank = int(shard.name[0])
        for rank in np.unique(ranks[span][generated]).tolist():
            rows = np.flatnonzero(generated & (ranks[span] == rank))
            earliest, has_image = (int(column[span][rows].min()) for column in (urgency.deadlines, urgency.has_image))
            name = shard.name if rank == own_rank else f"{rank}-{shard.name}"
            chosen_rows = None if len(rows) == shard.requests else rows.tolist()
            ordered_shard = Shard(name, shard.part, shard.row_group, len(rows), chosen_rows)
            entries.append((Urgency(rank, earliest, has_image), number, ordered_shard))
    return [shard for *_, shard in sorted(entries, key=lambda entry: entry[:2])]


def _deferral_codes(shards: Sequence[Shard], codes: DeferralCodes) -> dict[str, bytes]:
    """Return shard name -> one byte for each of its requests, for shards in which a request is deferred."""
    codes_by_shard: dict[str, bytes] = {}
    start = 0
    for shard in shards:
        shard_codes = codes[start : start + shard.requests]
        start += shard.requests
        if shard_codes.any():
            codes_by_shard[shard.name] = shard_codes.tobytes()
    return codes_by_shard
