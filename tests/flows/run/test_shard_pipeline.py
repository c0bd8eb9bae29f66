"""The assembly line: everything is done once, a bounded number at a time, and a new attempt joins at once."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, cast

import pytest

from catalogs.planning.budget import Allowance
from catalogs.planning.plan import Request
from catalogs.runs.work_items import Order, Screening
from catalogs.verdict import PASS
from flows.run.executors import Handle
from flows.run.observers import NoWatch
from flows.run.shard_pipeline import Limits, work_through
from tasks.pipeline.generate import generate_shard
from tasks.runs.budget_meter import Meter
from tasks.runs.run_context import Workbench

REQUEST = Request(bytes(32), "a mug", "", None, 64, 64, 8, 0.0, "stub", "f", 0, 3, "", PASS, "normal")


def order(number: int, attempt: int = 1) -> Order:
    return Order(replace(REQUEST, key=number.to_bytes(32, "big")), attempt)


class Bench:
    """Stands for a workbench: it knows which shards want new attempts, and writes down what is asked of it."""

    def __init__(self, wants: dict[str, list[Order]] | None = None) -> None:
        self.wants = wants or {}
        self.retried: list[list[Order]] = []
        self.meter = Meter()

    def again(self, orders: list[Order]) -> str:
        self.retried.append(orders)
        return f"again-{len(self.retried)}"

    def take_screened(self, name: str) -> Screening:
        return Screening(name, again=self.wants.pop(name, []))


class ReadyHands:
    """Work that is done when it is started: what is in flight is what was started and not looked at yet."""

    def __init__(self, fails: str = "") -> None:
        self.log: list[str] = []
        self.fails = fails

    def stage(self, name: str, work: Callable[[], Any]) -> Any:
        raise NotImplementedError(name)

    part = stage

    def start(self, verb: Any, bench: Workbench, shard: str) -> Handle:  # noqa: ARG002 - a hand has a bench
        name = f"{'generate' if verb is generate_shard else 'screen'} {shard}"
        self.log.append(name)
        future: Future[None] = Future()
        if name == self.fails:
            future.set_exception(OSError(name))
        else:
            future.set_result(None)
        return future


def run(bench: Bench, hands: ReadyHands, shards: list[str], owed: list[Order] | None = None, size: int = 4) -> None:
    work_through(cast(Workbench, bench), shards, owed or [], hands, Limits(2, size), NoWatch())


def test_every_shard_is_generated_and_then_screened() -> None:
    hands = ReadyHands()
    run(Bench(), hands, ["a", "b", "c"])
    assert sorted(hands.log) == sorted(f"{verb} {shard}" for verb in ("generate", "screen") for shard in "abc")
    for shard in "abc":
        assert hands.log.index(f"generate {shard}") < hands.log.index(f"screen {shard}")


def test_no_more_shards_are_in_flight_than_the_limit() -> None:
    hands = ReadyHands()
    run(Bench(), hands, ["a", "b", "c"])
    assert hands.log[:4] == ["generate a", "generate b", "screen a", "screen b"]


def test_new_attempts_become_a_shard_when_nothing_else_is_queued() -> None:
    bench, hands = Bench({"a": [order(1)], "b": [order(2)]}), ReadyHands()
    run(bench, hands, ["a", "b"])
    retried = [one.request.key for orders in bench.retried for one in orders]
    assert sorted(retried) == [order(1).request.key, order(2).request.key]
    assert hands.log[-1].startswith("screen again-")


def test_new_attempts_are_cut_to_the_size_of_a_shard() -> None:
    bench, hands = Bench(), ReadyHands()
    run(bench, hands, [], [order(number) for number in range(10)], size=4)
    assert [len(orders) for orders in bench.retried] == [4, 4, 2]


def test_what_a_killed_process_owed_comes_first_when_it_fills_a_shard() -> None:
    hands = ReadyHands()
    run(Bench(), hands, ["a"], [order(number) for number in range(4)], size=4)
    assert hands.log[0] == "generate again-1"


def test_the_first_error_ends_the_line() -> None:
    hands = ReadyHands(fails="screen a")
    with pytest.raises(OSError, match="screen a"):
        run(Bench(), hands, ["a", "b", "c", "d", "e"])
    assert "generate e" not in hands.log


def test_nothing_to_do_is_done_at_once() -> None:
    hands = ReadyHands()
    run(Bench(), hands, [])
    assert hands.log == []


def test_when_the_meter_stops_what_is_in_flight_is_screened_and_the_rest_is_left() -> None:
    bench, hands = Bench({"a": [order(1)]}), ReadyHands()
    bench.meter = Meter(Allowance(paid=0.0), spent=1.0)
    take = bench.take_screened

    def stop(name: str) -> Screening:
        bench.meter.begin(1)
        return take(name)

    bench.take_screened = stop  # type: ignore[method-assign]
    run(bench, hands, ["a", "b", "c", "d"], [])
    assert sorted(hands.log) == ["generate a", "generate b", "screen a", "screen b"]
    assert bench.retried == []


def test_a_meter_that_has_stopped_before_the_line_begins_leaves_everything() -> None:
    bench, hands = Bench(), ReadyHands()
    bench.meter = Meter(Allowance(paid=0.0), spent=1.0)
    assert not bench.meter.begin(1)
    run(bench, hands, ["a"], [order(1)])
    assert hands.log == []


def test_new_attempts_of_several_models_become_shards_of_one_model_each() -> None:
    def of(model: str, number: int) -> Order:
        return Order(replace(REQUEST, key=number.to_bytes(32, "big"), model=model), 1)

    owed = [of("turbo@1" if number % 2 else "turbo@2", number) for number in range(9)]
    bench = Bench()
    run(bench, ReadyHands(), [], owed)
    assert sorted(len(orders) for orders in bench.retried) == [1, 4, 4]
    assert all(len({each.request.model for each in orders}) == 1 for orders in bench.retried)
    assert sorted(each.image_key for orders in bench.retried for each in orders) == sorted(o.image_key for o in owed)
