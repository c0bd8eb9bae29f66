"""An executor without threads: a shard's work is done when it is submitted, so that a seed replays."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from flows.parameters import PartParameters
from tasks.runs.run_context import RunContext

T = TypeVar("T")


class SynchronousExecutor:
    """Runs stages, parts and shards in the calling thread."""

    def run_stage(self, name: str, work: Callable[[], T]) -> T:
        """Run one stage."""
        del name
        return work()

    def run_remotely(self, parts: Mapping[str, PartParameters]) -> set[str]:
        """Return nothing: there are no other processes."""
        del parts
        return set()

    def run_part(self, name: str, work: Callable[[], T]) -> T:
        """Run one part."""
        del name
        return work()

    def submit_shard(self, task: Any, context: RunContext, shard: str) -> "Future[Any]":
        """Run a shard task, and return it done."""
        future: Future[Any] = Future()
        try:
            future.set_result(task.fn(context, shard))
        except Exception as error:
            future.set_exception(error)
        return future
