"""Shard pipeline: generate and screen shards, overlapped, with a bounded number in flight.

Inputs: the shards that have no record, and the retries that are pending. Outputs: every shard screened, nothing
pending. A shard is screened while the next ones are generated, and an image that another seed may improve joins the
queue at once, without a barrier. When the budget meter stops, the shards in flight are screened, and the rest of the
queue is left to the next run.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from catalogs.runs.work_items import ShardScreening, WorkItem
from flows.run.executors import Executor, ShardFuture
from flows.run.observers import Observer
from infra.settings import Settings
from tasks.pipeline.generate import generate_shard
from tasks.pipeline.screen import screen_shard
from tasks.runs.run_context import RunContext


@dataclass(frozen=True)
class PipelineLimits:
    """The number of shards in flight, and the number of images in a shard of new attempts, at most."""

    in_flight: int
    shard_size: int

    @classmethod
    def of(cls, settings: Settings) -> "PipelineLimits":
        """Return the limits that the settings name."""
        return cls(settings.shards_in_flight, settings.shard_size)


def process_shards(
    context: RunContext,
    shards: Iterable[str],
    pending_attempts: list[WorkItem],
    executor: Executor,
    limits: PipelineLimits,
    observer: Observer,
) -> None:
    """Generate and screen every shard, and every new attempt that screening asks for.

    The first error ends the pipeline: staged images stay, and the next run continues from them.
    """
    queue = deque(shards)
    retries = list(pending_attempts)
    events: SimpleQueue[tuple[Any, str, ShardFuture]] = SimpleQueue()
    running = 0

    def start(task: Any, shard: str) -> None:
        executor.submit_shard(task, context, shard).add_done_callback(_completion_callback(events, task, shard))

    while queue or retries or running:
        if context.meter.stop_reason is not None:
            queue.clear()
            retries.clear()
        while retries and (len(retries) >= limits.shard_size or not queue):
            retry_items, retries = _split_off_one_model(retries, limits.shard_size)
            queue.appendleft(context.add_retry_shard(retry_items))
        while queue and running < limits.in_flight:
            start(generate_shard, queue.popleft())
            running += 1
        if not running:
            break
        task, shard, handle = events.get()
        handle.result()
        if task is generate_shard:
            start(screen_shard, shard)
            continue
        running -= 1
        screening = context.take_screened(shard)
        retries += screening.retries
        _notify_observer(observer, screening)


def _split_off_one_model(work_items: list[WorkItem], max_items: int) -> tuple[list[WorkItem], list[WorkItem]]:
    """Return at most `max_items` items of the first item's model, and the rest: a shard has one engine."""
    model = work_items[0].request.model
    of_model = [item for item in work_items if item.request.model == model]
    return of_model[:max_items], of_model[max_items:] + [item for item in work_items if item.request.model != model]


def _completion_callback(
    events: "SimpleQueue[tuple[Any, str, ShardFuture]]", task: Any, shard: str
) -> Callable[[Any], None]:
    return lambda handle: events.put((task, shard, handle))


def _notify_observer(observer: Observer, screening: ShardScreening) -> None:
    passed = screening.verdicts["PASS"]
    settled = sum(screening.verdicts.values()) - len(screening.retries)
    observer.on_images_done(settled, passed=passed, refused=settled - passed)
