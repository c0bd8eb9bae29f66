"""Executors: the protocol that runs stages and shards, and its implementation on plain threads.

Inputs: stages and shard tasks. Outputs: their results. A refresh is the same on threads, which record nothing, and
under `flows.orchestration.prefect_executor`, which records each; tests and benchmarks that measure Packshot, and not
Prefect, use threads.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

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
        """Return the work's result, or raise its exception."""


class Executor(Protocol):
    """Runs stages one after another, and shards concurrently."""

    def run_stage(self, name: str, work: Callable[[], T]) -> T:
        """Run one stage in this thread."""

    def run_remotely(self, parts: Mapping[str, PartParameters]) -> set[str]:
        """Run parts in other processes where a deployment exists; return the names of those that are done."""

    def run_part(self, name: str, work: Callable[[], T]) -> T:
        """Run one part of a run too large for one flow run."""

    def submit_shard(self, task: Any, context: RunContext, shard: str) -> ShardFuture:
        """Start a shard task on a thread."""


class ThreadExecutor:
    """Runs stages in the calling thread, and shards on plain threads."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    def run_stage(self, name: str, work: Callable[[], T]) -> T:  # noqa: ARG002 - threads have no names for stages
        """Run one stage in this thread."""
        return work()

    def run_remotely(self, parts: Mapping[str, PartParameters]) -> set[str]:  # noqa: ARG002
        """Return nothing: there are no other processes."""
        return set()

    def run_part(self, name: str, work: Callable[[], T]) -> T:  # noqa: ARG002
        """Run one part in this thread."""
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
