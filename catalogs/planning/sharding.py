"""Sharding: groups requests into fixed batches of one model and size, the unit of GPU work.

Inputs: requests in the plan's order. Outputs: full shards as tables, each to be written as one Parquet row group, and a
summary of each for `catalogs.planning.schedule`.

Memory is bounded: there is one open shard for each (priority, model, size) that occurs, and all of them are closed,
full or not, before `max_open_requests` wait in them. Requests with a deadline wait until then and are sorted, so that
the requests of one shard are due at about the same time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

import numpy as np
import pyarrow as pa

from catalogs.ingest.overrides import PRIORITIES
from catalogs.planning.budget import CostModel
from catalogs.planning.plan import Request, Shard
from catalogs.planning.schedule import ShardSummary, key_prefixes, to_epoch_us
from catalogs.table_schemas import REQUESTS

SHARDS_PER_PART = 700
"""Row groups in one part file: with two tasks a shard, a part stays below 1,500 task runs in a flow run."""
MAX_OPEN_REQUESTS = 50_000
"""Requests that may wait in open shards, about 60 MB: a catalogue could name a different size in every row."""
REFUSED_SHARD = ""
"""The shard of requests that the prompt gates refused: stored for the report, never generated."""


@dataclass
class Sharder:
    """Fills shards of `size` requests."""

    size: int
    max_open_requests: int = MAX_OPEN_REQUESTS
    cost_model: CostModel = field(default_factory=CostModel)
    shards: list[Shard] = field(default_factory=list, init=False)
    summaries: list[ShardSummary] = field(default_factory=list, init=False)
    _waiting: int = field(default=0, init=False)
    _open: dict[tuple[object, ...], list[Request]] = field(default_factory=dict, init=False)
    _shards_by_rank: dict[int, int] = field(default_factory=dict, init=False)

    def add(self, request: Request) -> Iterator[tuple[str, pa.Table]]:
        """Add a request; yield (part, row group) for each shard that it closes."""
        rank = PRIORITIES.index(request.priority)
        if request.verdict.decision != "PASS":
            group: tuple[object, ...] = (rank, REFUSED_SHARD)
        else:
            engine = (request.model, request.width, request.height, request.steps, request.guidance)
            group = (rank, request.deadline is not None, *engine, request.for_new_sku)
        waiting = self._open.setdefault(group, [])
        waiting.append(request)
        self._waiting += 1
        if len(waiting) == self.size and group[1] is not True:
            yield self._close(group, self._open.pop(group))
        elif self._waiting >= self.max_open_requests:
            yield from self.flush()

    def flush(self) -> Iterator[tuple[str, pa.Table]]:
        """Yield (part, row group) for each open shard, and close it."""
        for group in list(self._open):
            requests = self._open.pop(group)
            if group[1] is True:
                requests.sort(key=lambda request: to_epoch_us(request.deadline))
            for start in range(0, len(requests), self.size):
                yield self._close(group, requests[start : start + self.size])

    def _close(self, group: tuple[object, ...], requests: list[Request]) -> tuple[str, pa.Table]:
        self._waiting -= len(requests)
        rank = int(str(group[0]))
        if group[1] == REFUSED_SHARD and len(group) == 2:
            return "refused", request_table(requests, REFUSED_SHARD)
        number = self._shards_by_rank.get(rank, 0)
        self._shards_by_rank[rank] = number + 1
        part = f"{rank}-{number // SHARDS_PER_PART:05d}"
        shard = Shard(f"{rank}-{number:06d}", part, number % SHARDS_PER_PART, len(requests))
        self.shards.append(shard)
        self.summaries.append(self._summarize(rank, group[1] is True, requests))
        return part, request_table(requests, shard.name)

    def _summarize(self, rank: int, dated: bool, requests: Sequence[Request]) -> ShardSummary:
        first = requests[0]
        deadlines = np.array([to_epoch_us(request.deadline) for request in requests], np.int64) if dated else None
        seconds = self.cost_model.seconds_per_image(first.width, first.height, first.steps)
        keys = key_prefixes([request.key for request in requests])
        return ShardSummary(rank, seconds, deadlines, keys, int(not all(each.for_new_sku for each in requests)))


def request_table(requests: list[Request], shard: str) -> pa.Table:
    """Return requests as a table of the schema REQUESTS."""
    columns: dict[str, list[object]] = {
        "request_key": [request.key for request in requests],
        "shard": [shard] * len(requests),
        "verdict": [request.verdict.decision for request in requests],
        "reasons": [request.verdict.reasons for request in requests],
    }
    columns |= {name: [*map(attrgetter(name), requests)] for name in REQUESTS.names if name not in columns}
    return pa.table([pa.array(columns[field.name], field.type) for field in REQUESTS], schema=REQUESTS)
