"""What is made tonight, in which order, and what waits for another night.

Comes in: the shards as they were filled, how urgent each request turned out to be, the terms. Goes out: shards in the
order of work, and a reason for each request that is left out. Everything is arrays of a number a request: 2,000,000
requests are put in order in a few seconds.

The rule: highest priority first, then the earliest deadline (those without one last), then as the catalogue has them.
In that order requests are taken until the budget or the time is used up, and nothing after the first that does not fit
is taken. A request whose deadline lies ahead and cannot be kept is passed over; one whose deadline had passed before
the run began is late already, comes first, and is made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from catalogs.planning.budget import BudgetLimits
from catalogs.planning.plan import Shard

OVER_BUDGET, OUT_OF_TIME, PAST_DEADLINE = "over-budget", "out-of-time", "past-deadline"
DEFERRAL_REASONS = (OVER_BUDGET, OUT_OF_TIME, PAST_DEADLINE)
"""Why a request is left out. A request's code is 0 where it is made, else 1 and its reason's place here."""
NO_DEADLINE = np.iinfo(np.int64).max
"""The deadline of what has none."""
KEY_PREFIX_BYTES = 8
"""Bytes of a request key that tell requests apart here: two of 2,000,000 are alike once in ten million nights."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
KeyPrefixes = npt.NDArray[np.uint64]
DeferralCodes = npt.NDArray[np.uint8]


def to_epoch_us(deadline: datetime | None) -> int:
    """Return a deadline as whole microseconds since 1970, or `NO_DEADLINE`."""
    return NO_DEADLINE if deadline is None else round(deadline.timestamp() * 1e6)


def key_prefixes(keys: Sequence[bytes]) -> KeyPrefixes:
    """Return the first bytes of request keys as numbers."""
    return np.frombuffer(b"".join([key[:KEY_PREFIX_BYTES] for key in keys]), np.uint64)


@dataclass(frozen=True)
class ShardSummary:
    """What a closed shard holds: its priority's rank, engine seconds an image, deadlines where there are any, marks."""

    rank: int
    seconds_per_image: float
    deadlines: Ints | None
    key_prefixes: KeyPrefixes

    def request_deadlines(self, size: int) -> Ints:
        """Return a deadline for each of its requests."""
        return np.full(size, NO_DEADLINE, np.int64) if self.deadlines is None else self.deadlines


@dataclass
class ShardSchedule:
    """The shards in the order of work, and the codes of those shards in which something is left out."""

    shards: list[Shard]
    deferral_codes: dict[str, bytes] = field(default_factory=dict)
    gpu_seconds: float = 0.0
    overdue: int = 0
    """Requests whose deadline had passed before the run began."""
    _deferred_requests: list[tuple[str, KeyPrefixes]] = field(default_factory=list)

    def count_deferred(self, slot_key_prefixes: KeyPrefixes) -> dict[str, int]:
        """Return how many of these slots (by the marks of their requests) are left out, by reason."""
        counts = {reason: int(np.isin(slot_key_prefixes, marks).sum()) for reason, marks in self._deferred_requests}
        return {reason: count for reason, count in counts.items() if count}


def build_schedule(
    shards: Sequence[Shard],
    summaries: Sequence[ShardSummary],
    priority_raises: Mapping[bytes, tuple[int, int]],
    budget: BudgetLimits,
    now: datetime,
) -> ShardSchedule:
    """Return the agenda of a plan. `raised` holds (rank, deadline) of requests that later rows made more urgent."""
    plain = not priority_raises and not budget.has_limits and all(one.deadlines is None for one in summaries)
    if plain or not shards:
        seconds = sum(one.seconds_per_image * shard.requests for shard, one in zip(shards, summaries, strict=True))
        return ShardSchedule(sorted(shards, key=lambda shard: shard.name), gpu_seconds=seconds)
    sizes = [shard.requests for shard in shards]
    ranks = np.repeat(np.array([one.rank for one in summaries], np.int64), sizes)
    seconds_each = np.repeat(np.array([one.seconds_per_image for one in summaries], np.float64), sizes)
    deadlines = np.concatenate([one.request_deadlines(size) for one, size in zip(summaries, sizes, strict=True)])
    marks = np.concatenate([one.key_prefixes for one in summaries])
    _raise_priorities(ranks, deadlines, marks, priority_raises)
    codes = apply_limits(ranks, deadlines, seconds_each, budget, to_epoch_us(now))
    return ShardSchedule(
        shards=_ordered_shards(shards, ranks, deadlines, codes),
        deferral_codes=_deferral_codes(shards, codes),
        gpu_seconds=float(seconds_each[codes == 0].sum()),
        overdue=int((deadlines <= to_epoch_us(now)).sum()),
        _deferred_requests=[(reason, marks[codes == code]) for code, reason in enumerate(DEFERRAL_REASONS, 1)],
    )


def apply_limits(ranks: Ints, deadlines: Ints, seconds: Floats, budget: BudgetLimits, now: int) -> DeferralCodes:
    """Return a code a request: 0 to make it, else why it is left out."""
    order = np.lexsort((deadlines, ranks))  # stable: equals stay as they came
    codes = np.zeros(len(order), np.uint8)
    late = _missed_deadlines(order, deadlines, seconds / budget.engines, now)
    codes[late] = 1 + DEFERRAL_REASONS.index(PAST_DEADLINE)
    taken = order[codes[order] == 0]
    worked = np.cumsum(seconds[taken])
    hours = None if budget.wall_seconds is None else budget.wall_seconds * budget.engines
    limits = {OVER_BUDGET: budget.engine_seconds, OUT_OF_TIME: hours}
    fits = {reason: _count_within_limit(worked, limit) for reason, limit in limits.items()}
    reason = min(fits, key=lambda name: fits[name])
    if fits[reason] < len(taken):
        first_out = taken[fits[reason]]
        place = int(np.flatnonzero(order == first_out)[0])
        # What comes after would be passed over on a day with more time: tonight the limit is what keeps it out.
        codes[order[place:]] = 1 + DEFERRAL_REASONS.index(reason)
    return codes


def _count_within_limit(worked: Floats, limit: float | None) -> int:
    return len(worked) if limit is None else int(np.searchsorted(worked, limit, side="right"))


def _missed_deadlines(order: Ints, deadlines: Ints, seconds: Floats, now: int) -> list[int]:
    """Return the requests whose deadline lies ahead and comes before they would be done."""
    found: list[int] = []
    dated = (deadlines[order] != NO_DEADLINE) & (deadlines[order] > now)
    if not dated.any():
        return found
    clock = 0.0
    ahead = np.where(dated, (deadlines[order] - now) / 1e6, np.inf).tolist()
    for request, left, needed in zip(order.tolist(), ahead, seconds[order].tolist(), strict=True):
        if clock + needed > left:
            found.append(request)
        else:
            clock += needed
    return found


def _raise_priorities(
    ranks: Ints, deadlines: Ints, marks: KeyPrefixes, priority_raises: Mapping[bytes, tuple[int, int]]
) -> None:
    if not priority_raises:
        return
    by_mark = np.argsort(marks, kind="stable")
    wanted = key_prefixes(list(priority_raises))
    urgency = np.array(list(priority_raises.values()), np.int64)
    first = np.searchsorted(marks, wanted, side="left", sorter=by_mark)
    last = np.searchsorted(marks, wanted, side="right", sorter=by_mark)
    for start, end, (rank, deadline) in zip(first.tolist(), last.tolist(), urgency.tolist(), strict=True):
        places = by_mark[start:end]  # more than one where a request has several finishes: one image serves them
        ranks[places] = np.minimum(ranks[places], rank)
        deadlines[places] = np.minimum(deadlines[places], deadline)


def _ordered_shards(shards: Sequence[Shard], ranks: Ints, deadlines: Ints, codes: DeferralCodes) -> list[Shard]:
    """Return what is worked on together: a shard's requests of one priority, without those that are left out."""
    found: list[tuple[int, int, int, Shard]] = []
    start = 0
    for number, shard in enumerate(shards):
        part = slice(start, start + shard.requests)
        start += shard.requests
        made = codes[part] == 0
        own = int(shard.name[0])
        for rank in np.unique(ranks[part][made]).tolist():
            rows = np.flatnonzero(made & (ranks[part] == rank))
            earliest = int(deadlines[part][rows].min())
            name = shard.name if rank == own else f"{rank}-{shard.name}"
            chosen = None if len(rows) == shard.requests else rows.tolist()
            unit = Shard(name, shard.part, shard.row_group, len(rows), chosen)
            found.append((rank, earliest, number, unit))
    return [unit for *_, unit in sorted(found, key=lambda entry: entry[:3])]


def _deferral_codes(shards: Sequence[Shard], codes: DeferralCodes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    start = 0
    for shard in shards:
        part = codes[start : start + shard.requests]
        start += shard.requests
        if part.any():
            found[shard.name] = part.tobytes()
    return found
