"""Executors: run stages and shards through Prefect, which records each, or on plain threads, which record nothing.

Inputs: stages and shard tasks. Outputs: their results. A refresh is the same under both; tests and benchmarks that
measure Packshot, and not Prefect, use threads.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner

from flows.orchestration.child_runs import run_parts_by_deployment
from flows.parameters import PartParameters
from infra.settings import MAX_IN_FLIGHT
from tasks.runs.run_context import RunContext

T = TypeVar("T")
SHARD_THREADS = MAX_IN_FLIGHT
"""Threads for shards: they wait for engines and screening processes, and compute nothing themselves."""


class ShardFuture(Protocol):
    """A shard's work in progress."""

    def add_done_callback(self, fn: Callable[[Any], None], /) -> None:
        """Call `fn` when the work ends, or at once if it has."""

    def result(self) -> Any:
        """Return what the work returned, or raise what it raised."""


class Executor(Protocol):
    """Runs stages one after another, and shards concurrently."""

    def run_stage(self, name: str, work: Callable[[], T]) -> T:
        """Run one stage here and now."""

    def run_remotely(self, parts: Mapping[str, PartParameters]) -> set[str]:
        """Have parts done by other processes where there are any; return the names of those that are done."""

    def run_part(self, name: str, work: Callable[[], T]) -> T:
        """Run one part of a run too large for one flow run."""

    def submit_shard(self, task: Any, context: RunContext, shard: str) -> ShardFuture:
        """Start a shard task on a thread."""


def run_task(name: str, function: Callable[[], T]) -> T:
    """Run a function as a task run of the current flow run, and return its result."""
    return _run_recorded(task(name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False), function)


def run_flow(name: str, function: Callable[[], T]) -> T:
    """Run a function as a child flow run with threads of its own, and return its result."""
    runner: Any = ThreadPoolTaskRunner(max_workers=SHARD_THREADS)
    return _run_recorded(flow(name="refresh-part", flow_run_name=name, task_runner=runner), function)


def _run_recorded(decorate: Callable[[Callable[[], None]], Callable[[], Any]], function: Callable[[], T]) -> T:
    """Run a decorated function that returns nothing to Prefect, so that no table or document enters its results."""
    results: list[T] = []

    def run() -> None:
        results.append(function())

    decorate(run)()
    return results[0]


class PrefectExecutor:
    """Runs every stage and every shard as a task run of the current flow run, and a part as a flow run of its own."""

    def run_stage(self, name: str, work: Callable[[], T]) -> T:
        """Run one stage as a task run."""
        return run_task(name, work)

    def run_remotely(self, parts: Mapping[str, PartParameters]) -> set[str]:
        """Have parts done as runs of their deployment, where this run is a deployment's too."""
        return run_parts_by_deployment(parts)

    def run_part(self, name: str, work: Callable[[], T]) -> T:
        """Run one part as a child flow run."""
        return run_flow(name, work)

    def submit_shard(self, task: Any, context: RunContext, shard: str) -> ShardFuture:
        """Submit a shard task to the flow run's threads."""
        handle: ShardFuture = task.submit(context, shard)
        return handle


class ThreadExecutor:
    """Runs stages here, and shards on plain threads."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    def run_stage(self, name: str, work: Callable[[], T]) -> T:  # noqa: ARG002 - threads have no names for stages
        """Run one stage here and now."""
        return work()

    def run_remotely(self, parts: Mapping[str, PartParameters]) -> set[str]:  # noqa: ARG002
        """Return nothing: there are no other processes."""
        return set()

    def run_part(self, name: str, work: Callable[[], T]) -> T:  # noqa: ARG002
        """Run one part here and now."""
        return work()

    def submit_shard(self, task: Any, context: RunContext, shard: str) -> ShardFuture:
        """Start a shard task on a thread."""
        return self._threads.submit(task.fn, context, shard)


@contextmanager
def open_thread_executor(workers: int = SHARD_THREADS) -> Iterator[ThreadExecutor]:
    """Open an executor on threads for one run, and end the threads after it."""
    threads = ThreadPoolExecutor(workers, "packshot")
    try:
        yield ThreadExecutor(threads)
    finally:
        threads.shutdown(wait=True, cancel_futures=True)
