"""The assembly line: shards through generation and screening, overlapped, a bounded number in flight.

Comes in: the shards that have no record, the attempts still owed. Goes out: nothing owed. A shard is screened while the
next are painted, and a picture that another seed may help joins the queue at once: there is no barrier anywhere. When
the meter stops, what is in flight is screened, and the rest of the queue is left to another night.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from catalogs.runs.work_items import Order, Screening
from flows.run.executors import Handle, Hands
from flows.run.observers import Watch
from tasks.pipeline.generate import generate_shard
from tasks.pipeline.screen import screen_shard
from tasks.runs.run_context import Workbench


@dataclass(frozen=True)
class Limits:
    """How much may be in flight, in shards, and how large a shard of new attempts may grow."""

    in_flight: int
    shard_size: int


def work_through(
    bench: Workbench, shards: Iterable[str], again: list[Order], hands: Hands, limits: Limits, watch: Watch
) -> None:
    """Generate and screen every shard, and every new attempt that screening asks for.

    The first error ends the line: what is staged stays, and the next run takes it from there.
    """
    queue = deque(shards)
    owed = list(again)
    events: SimpleQueue[tuple[Any, str, Handle]] = SimpleQueue()
    running = 0

    def start(verb: Any, shard: str) -> None:
        hands.start(verb, bench, shard).add_done_callback(_reporter(events, verb, shard))

    while queue or owed or running:
        if bench.meter.stopped is not None:
            queue.clear()
            owed.clear()
        while owed and (len(owed) >= limits.shard_size or not queue):
            some, owed = _of_one_model(owed, limits.shard_size)
            queue.appendleft(bench.again(some))
        while queue and running < limits.in_flight:
            start(generate_shard, queue.popleft())
            running += 1
        if not running:
            break
        verb, shard, handle = events.get()
        handle.result()
        if verb is generate_shard:
            start(screen_shard, shard)
            continue
        running -= 1
        screening = bench.take_screened(shard)
        owed += screening.again
        _tell(watch, screening)


def _of_one_model(orders: list[Order], most: int) -> tuple[list[Order], list[Order]]:
    """Return the first order and those of its model, at most so many, and the rest: a shard has one engine."""
    model = orders[0].request.model
    same = [order for order in orders if order.request.model == model]
    return same[:most], same[most:] + [order for order in orders if order.request.model != model]


def _reporter(events: "SimpleQueue[tuple[Any, str, Handle]]", verb: Any, shard: str) -> Callable[[Any], None]:
    return lambda handle: events.put((verb, shard, handle))


def _tell(watch: Watch, screening: Screening) -> None:
    passed = screening.verdicts["PASS"]
    settled = sum(screening.verdicts.values()) - len(screening.again)
    watch.advance(settled, passed=passed, refused=settled - passed)
