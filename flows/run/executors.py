"""Who does the work: Prefect, which records every task, or plain threads, which record nothing.

Comes in: stages and shard verbs. Goes out: their answers. The sentence in `flows.refresh` is the same for both; tests
and benchmarks that measure Packshot, and not Prefect, use threads.
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
"""Threads for shard verbs: they wait for engines and measuring processes, and compute nothing themselves."""


class ShardFuture(Protocol):
    """A shard's work under way."""

    def add_done_callback(self, fn: Callable[[Any], None], /) -> None:
        """Call `fn` when the work ends, or at once if it has."""

    def result(self) -> Any:
        """Return what the work returned, or raise what it raised."""


class Executor(Protocol):
    """Runs stages one after another and shard verbs side by side."""

    def run_stage(self, name: str, work: Callable[[], T]) -> T:
        """Run one stage here and now."""

    def run_remotely(self, parts: Mapping[str, PartParameters]) -> set[str]:
        """Have parts done by other processes, where there are some; return the ones that are done."""

    def run_part(self, name: str, work: Callable[[], T]) -> T:
        """Run one part of a run too large for one flow run."""

    def submit_shard(self, task: Any, context: RunContext, shard: str) -> ShardFuture:
        """Start a shard verb on a thread."""


class PrefectExecutor:
    """Every stage and every shard verb is a task run of the flow run around it; a part is a flow run of its own."""

    def run_stage(self, name: str, work: Callable[[], T]) -> T:
        """Run one stage as a task run."""
        # The task returns nothing, so that no table or document ends in Prefect's results.
        answers: list[T] = []
        task(name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False)(
            lambda: answers.append(work())
        )()
        return answers[0]

    def run_remotely(self, parts: Mapping[str, PartParameters]) -> set[str]:
        """Have parts done as runs of their deployment, where this run is a deployment's too."""
        return run_parts_by_deployment(parts)

    def run_part(self, name: str, work: Callable[[], T]) -> T:
        """Run one part as a child flow run."""
        answers: list[T] = []

        def run() -> None:
            answers.append(work())

        runner: Any = ThreadPoolTaskRunner(max_workers=SHARD_THREADS)
        flow(name="refresh-part", flow_run_name=name, task_runner=runner)(run)()
        return answers[0]

    def submit_shard(self, task: Any, context: RunContext, shard: str) -> ShardFuture:
        """Submit a shard verb to the flow run's threads."""
        handle: ShardFuture = task.submit(context, shard)
        return handle


class ThreadExecutor:
    """The same on plain threads."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    def run_stage(self, name: str, work: Callable[[], T]) -> T:  # noqa: ARG002 - threads have no names for stages
        """Run one stage here and now."""
        return work()

    def run_remotely(self, parts: Mapping[str, PartParameters]) -> set[str]:  # noqa: ARG002
        """Nobody else is there."""
        return set()

    def run_part(self, name: str, work: Callable[[], T]) -> T:  # noqa: ARG002
        """Run one part here and now."""
        return work()

    def submit_shard(self, task: Any, context: RunContext, shard: str) -> ShardFuture:
        """Start a shard verb on a thread."""
        return self._threads.submit(task.fn, context, shard)


@contextmanager
def open_thread_executor(workers: int = SHARD_THREADS) -> Iterator[ThreadExecutor]:
    """Give hands for one run, and let the threads go after it."""
    threads = ThreadPoolExecutor(workers, "packshot")
    try:
        yield ThreadExecutor(threads)
    finally:
        threads.shutdown(wait=True, cancel_futures=True)
