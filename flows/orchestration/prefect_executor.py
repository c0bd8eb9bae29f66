"""Prefect executor: runs stages and shards as task runs, and parts as flow runs.

Inputs: stages and shard tasks, inside a flow run. Outputs: their results. Invariant: no result passes through Prefect,
so no table or document enters its database.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner

from flows.orchestration.child_runs import run_parts_by_deployment
from flows.parameters import PartParameters
from flows.run.executors import SHARD_THREADS, ShardFuture
from tasks.runs.error_boundary import one_sentence_errors
from tasks.runs.run_context import RunContext

T = TypeVar("T")


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
        with one_sentence_errors():
            results.append(function())

    decorate(run)()
    return results[0]


class PrefectExecutor:
    """Runs every stage and every shard as a task run of the current flow run, and a part as a flow run of its own."""

    def run_stage(self, name: str, work: Callable[[], T]) -> T:
        """Run one stage as a task run."""
        return run_task(name, work)

    def run_remotely(self, parts: Mapping[str, PartParameters]) -> set[str]:
        """Run parts by their deployment, where this run was started by a deployment; return the names of those done."""
        return run_parts_by_deployment(parts)

    def run_part(self, name: str, work: Callable[[], T]) -> T:
        """Run one part as a child flow run."""
        return run_flow(name, work)

    def submit_shard(self, task: Any, context: RunContext, shard: str) -> ShardFuture:
        """Submit a shard task to the flow run's threads."""
        handle: ShardFuture = task.submit(context, shard)
        return handle
