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

from catalogs.planning.budget import Allowance
from catalogs.planning.plan import Shard

OVER_BUDGET, OUT_OF_TIME, PAST_DEADLINE = "over-budget", "out-of-time", "past-deadline"
REASONS = (OVER_BUDGET, OUT_OF_TIME, PAST_DEADLINE)
"""Why a request is left out. A request's code is 0 where it is made, else 1 and its reason's place here."""
NEVER = np.iinfo(np.int64).max
"""The deadline of what has none."""
MARK_BYTES = 8
"""Bytes of a request key that tell requests apart here: two of 2,000,000 are alike once in ten million nights."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Marks = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.uint8]


def moment(deadline: datetime | None) -> int:
    """Return a deadline as whole microseconds since 1970, or `NEVER`."""
    return NEVER if deadline is None else round(deadline.timestamp() * 1e6)


def marks_of(keys: Sequence[bytes]) -> Marks:
    """Return the first bytes of request keys as numbers."""
    return np.frombuffer(b"".join([key[:MARK_BYTES] for key in keys]), np.uint64)


@dataclass(frozen=True)
class Filled:
    """What a closed shard holds: its priority's rank, engine seconds an image, deadlines where there are any, marks."""

    rank: int
    seconds: float
    deadlines: Ints | None
    marks: Marks

    def deadlines_of(self, size: int) -> Ints:
        """Return a deadline for each of its requests."""
        return np.full(size, NEVER, np.int64) if self.deadlines is None else self.deadlines


@dataclass
class Agenda:
    """The shards in the order of work, and the codes of those shards in which something is left out."""

    shards: list[Shard]
    left_out: dict[str, bytes] = field(default_factory=dict)
    gpu_seconds: float = 0.0
    overdue: int = 0
    """Requests whose deadline had passed before the run began."""
    _reasons: list[tuple[str, Marks]] = field(default_factory=list)

    def deferred(self, slots: Marks) -> dict[str, int]:
        """Return how many of these slots (by the marks of their requests) are left out, by reason."""
        counts = {reason: int(np.isin(slots, marks).sum()) for reason, marks in self._reasons}
        return {reason: count for reason, count in counts.items() if count}


def draw_up(
    shards: Sequence[Shard],
    filled: Sequence[Filled],
    raised: Mapping[bytes, tuple[int, int]],
    allowance: Allowance,
    now: datetime,
) -> Agenda:
    """Return the agenda of a plan. `raised` holds (rank, deadline) of requests that later rows made more urgent."""
    plain = not raised and not allowance.limited and all(one.deadlines is None for one in filled)
    if plain or not shards:
        seconds = sum(one.seconds * shard.requests for shard, one in zip(shards, filled, strict=True))
        return Agenda(sorted(shards, key=lambda shard: shard.name), gpu_seconds=seconds)
    sizes = [shard.requests for shard in shards]
    ranks = np.repeat(np.array([one.rank for one in filled], np.int64), sizes)
    seconds_each = np.repeat(np.array([one.seconds for one in filled], np.float64), sizes)
    deadlines = np.concatenate([one.deadlines_of(size) for one, size in zip(filled, sizes, strict=True)])
    marks = np.concatenate([one.marks for one in filled])
    _raise(ranks, deadlines, marks, raised)
    codes = cut(ranks, deadlines, seconds_each, allowance, moment(now))
    return Agenda(
        shards=_units(shards, ranks, deadlines, codes),
        left_out=_left_out(shards, codes),
        gpu_seconds=float(seconds_each[codes == 0].sum()),
        overdue=int((deadlines <= moment(now)).sum()),
        _reasons=[(reason, marks[codes == code]) for code, reason in enumerate(REASONS, 1)],
    )


def cut(ranks: Ints, deadlines: Ints, seconds: Floats, allowance: Allowance, now: int) -> Codes:
    """Return a code a request: 0 to make it, else why it is left out."""
    order = np.lexsort((deadlines, ranks))  # stable: equals stay as they came
    codes = np.zeros(len(order), np.uint8)
    late = _late(order, deadlines, seconds / allowance.engines, now)
    codes[late] = 1 + REASONS.index(PAST_DEADLINE)
    taken = order[codes[order] == 0]
    worked = np.cumsum(seconds[taken])
    hours = None if allowance.open is None else allowance.open * allowance.engines
    limits = {OVER_BUDGET: allowance.paid, OUT_OF_TIME: hours}
    fits = {reason: _fitting(worked, limit) for reason, limit in limits.items()}
    reason = min(fits, key=lambda name: fits[name])
    if fits[reason] < len(taken):
        first_out = taken[fits[reason]]
        place = int(np.flatnonzero(order == first_out)[0])
        # What comes after would be passed over on a day with more time: tonight the limit is what keeps it out.
        codes[order[place:]] = 1 + REASONS.index(reason)
    return codes


def _fitting(worked: Floats, limit: float | None) -> int:
    return len(worked) if limit is None else int(np.searchsorted(worked, limit, side="right"))


def _late(order: Ints, deadlines: Ints, seconds: Floats, now: int) -> list[int]:
    """Return the requests whose deadline lies ahead and comes before they would be done."""
    found: list[int] = []
    dated = (deadlines[order] != NEVER) & (deadlines[order] > now)
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


def _raise(ranks: Ints, deadlines: Ints, marks: Marks, raised: Mapping[bytes, tuple[int, int]]) -> None:
    if not raised:
        return
    by_mark = np.argsort(marks, kind="stable")
    wanted = marks_of(list(raised))
    urgency = np.array(list(raised.values()), np.int64)
    first = np.searchsorted(marks, wanted, side="left", sorter=by_mark)
    last = np.searchsorted(marks, wanted, side="right", sorter=by_mark)
    for start, end, (rank, deadline) in zip(first.tolist(), last.tolist(), urgency.tolist(), strict=True):
        places = by_mark[start:end]  # more than one where a request has several finishes: one image serves them
        ranks[places] = np.minimum(ranks[places], rank)
        deadlines[places] = np.minimum(deadlines[places], deadline)


def _units(shards: Sequence[Shard], ranks: Ints, deadlines: Ints, codes: Codes) -> list[Shard]:
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


def _left_out(shards: Sequence[Shard], codes: Codes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    start = 0
    for shard in shards:
        part = codes[start : start + shard.requests]
        start += shard.requests
        if part.any():
            found[shard.name] = part.tobytes()
    return found
