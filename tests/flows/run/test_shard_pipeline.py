"""The assembly line: everything is done once, a bounded number at a time, and a new attempt joins at once."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, cast

import pytest

from catalogs.planning.budget import BudgetLimits
from catalogs.planning.plan import Request
from catalogs.runs.work_items import ShardScreening, WorkItem
from catalogs.verdict import PASS
from flows.run.executors import ShardFuture
from flows.run.observers import NullObserver
from flows.run.shard_pipeline import PipelineLimits, process_shards
from tasks.pipeline.generate import generate_shard
from tasks.runs.budget_meter import BudgetMeter
from tasks.runs.run_context import RunContext

REQUEST = Request(bytes(32), "a mug", "", None, 64, 64, 8, 0.0, "stub", "f", 0, 3, "", PASS, "normal")


def work_item(number: int, attempt: int = 1) -> WorkItem:
    return WorkItem(replace(REQUEST, key=number.to_bytes(32, "big")), attempt)


class FakeRunContext:
    """Stands for a workbench: it knows which shards want new attempts, and writes down what is asked of it."""

    def __init__(self, wants: dict[str, list[WorkItem]] | None = None) -> None:
        self.wants = wants or {}
        self.retried: list[list[WorkItem]] = []
        self.meter = BudgetMeter()

    def add_retry_shard(self, items: list[WorkItem]) -> str:
        self.retried.append(items)
        return f"again-{len(self.retried)}"

    def take_screened(self, name: str) -> ShardScreening:
        return ShardScreening(name, retries=self.wants.pop(name, []))


class ReadyExecutor:
    """Work that is done when it is started: what is in flight is what was started and not looked at yet."""

    def __init__(self, fails: str = "") -> None:
        self.log: list[str] = []
        self.fails = fails

    def run_stage(self, name: str, work: Callable[[], Any]) -> Any:
        raise NotImplementedError(name)

    run_part = run_stage

    def submit_shard(self, task: Any, context: RunContext, shard: str) -> ShardFuture:  # noqa: ARG002 - a hand has a bench
        name = f"{'generate' if task is generate_shard else 'screen'} {shard}"
        self.log.append(name)
        future: Future[None] = Future()
        if name == self.fails:
            future.set_exception(OSError(name))
        else:
            future.set_result(None)
        return future


def run(
    bench: FakeRunContext, hands: ReadyExecutor, shards: list[str], owed: list[WorkItem] | None = None, size: int = 4
) -> None:
    process_shards(cast(RunContext, bench), shards, owed or [], hands, PipelineLimits(2, size), NullObserver())


def test_every_shard_is_generated_and_then_screened() -> None:
    hands = ReadyExecutor()
    run(FakeRunContext(), hands, ["a", "b", "c"])
    assert sorted(hands.log) == sorted(f"{verb} {shard}" for verb in ("generate", "screen") for shard in "abc")
    for shard in "abc":
        assert hands.log.index(f"generate {shard}") < hands.log.index(f"screen {shard}")


def test_no_more_shards_are_in_flight_than_the_limit() -> None:
    hands = ReadyExecutor()
    run(FakeRunContext(), hands, ["a", "b", "c"])
    assert hands.log[:4] == ["generate a", "generate b", "screen a", "screen b"]


def test_new_attempts_become_a_shard_when_nothing_else_is_queued() -> None:
    bench, hands = FakeRunContext({"a": [work_item(1)], "b": [work_item(2)]}), ReadyExecutor()
    run(bench, hands, ["a", "b"])
    retried = [one.request.key for orders in bench.retried for one in orders]
    assert sorted(retried) == [work_item(1).request.key, work_item(2).request.key]
    assert hands.log[-1].startswith("screen again-")


def test_new_attempts_are_cut_to_the_size_of_a_shard() -> None:
    bench, hands = FakeRunContext(), ReadyExecutor()
    run(bench, hands, [], [work_item(number) for number in range(10)], size=4)
    assert [len(orders) for orders in bench.retried] == [4, 4, 2]


def test_what_a_killed_process_owed_comes_first_when_it_fills_a_shard() -> None:
    hands = ReadyExecutor()
    run(FakeRunContext(), hands, ["a"], [work_item(number) for number in range(4)], size=4)
    assert hands.log[0] == "generate again-1"


def test_the_first_error_ends_the_line() -> None:
    hands = ReadyExecutor(fails="screen a")
    with pytest.raises(OSError, match="screen a"):
        run(FakeRunContext(), hands, ["a", "b", "c", "d", "e"])
    assert "generate e" not in hands.log


def test_nothing_to_do_is_done_at_once() -> None:
    hands = ReadyExecutor()
    run(FakeRunContext(), hands, [])
    assert hands.log == []


def test_when_the_meter_stops_what_is_in_flight_is_screened_and_the_rest_is_left() -> None:
    bench, hands = FakeRunContext({"a": [work_item(1)]}), ReadyExecutor()
    bench.meter = BudgetMeter(BudgetLimits(engine_seconds=0.0), spent_before=1.0)
    take = bench.take_screened

    def stop(name: str) -> ShardScreening:
        bench.meter.reserve(1)
        return take(name)

    bench.take_screened = stop  # type: ignore[method-assign]
    run(bench, hands, ["a", "b", "c", "d"], [])
    assert sorted(hands.log) == ["generate a", "generate b", "screen a", "screen b"]
    assert bench.retried == []


def test_a_meter_that_has_stopped_before_the_line_begins_leaves_everything() -> None:
    bench, hands = FakeRunContext(), ReadyExecutor()
    bench.meter = BudgetMeter(BudgetLimits(engine_seconds=0.0), spent_before=1.0)
    assert not bench.meter.reserve(1)
    run(bench, hands, ["a"], [work_item(1)])
    assert hands.log == []


def test_new_attempts_of_several_models_become_shards_of_one_model_each() -> None:
    def of(model: str, number: int) -> WorkItem:
        return WorkItem(replace(REQUEST, key=number.to_bytes(32, "big"), model=model), 1)

    owed = [of("turbo@1" if number % 2 else "turbo@2", number) for number in range(9)]
    bench = FakeRunContext()
    run(bench, ReadyExecutor(), [], owed)
    assert sorted(len(orders) for orders in bench.retried) == [1, 4, 4]
    assert all(len({each.request.model for each in orders}) == 1 for orders in bench.retried)
    assert sorted(each.image_key for orders in bench.retried for each in orders) == sorted(o.image_key for o in owed)
