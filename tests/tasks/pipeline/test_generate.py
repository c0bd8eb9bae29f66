"""Results of generating the items of a shard: staged images, retries, budgets and quarantined work."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from catalogs import layout
from catalogs.planning.budget import BudgetLimits
from catalogs.planning.plan import Request
from catalogs.runs.work_items import ShardWork, WorkItem
from catalogs.verdict import PASS
from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.engines.threaded import MAX_READY_BATCHES
from infra.errors import WorkQuarantined
from infra.imaging.codecs import decode, encode_png, pixel_sha
from infra.interfaces import Engine, Failure, Frame, ObjectStore, Pool, Prompt
from infra.pools.inline import InlinePool
from infra.stores import open_store
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.pipeline.generate import MAX_QUEUED_FRAMES, MAX_SINGLE_RETRIES, generate_on_engine, generate_within_budget
from tasks.runs.budget_meter import PROBE_IMAGES, BudgetMeter
from tests.fixtures.crash_harness import open_counting_engine

REQUEST = Request(
    key=bytes(32),
    prompt="a mug",
    negative="",
    seed=None,
    width=64,
    height=64,
    steps=8,
    guidance=0.0,
    model="stub",
    finish_digest="f1",
    first_attempt=0,
    attempts_allowed=3,
    category="",
    verdict=PASS,
    priority="normal",
)


def shard_work(*requests: Request) -> ShardWork:
    return ShardWork("s", tuple(WorkItem(request, 0) for request in requests))


@contextmanager
def stub_pool(seconds: float = 0.0) -> Iterator[Pool]:
    pool = InlinePool(lambda: open_engine(EngineSpec("stub", stub_seconds=seconds)))
    try:
        yield pool
    finally:
        pool.close()


def made(store: ObjectStore, shard: ShardWork) -> list[tuple[str, str, str]]:
    with stub_pool() as pool:
        return [
            (one.item.request.finish_digest, one.origin, one.raw_sha)
            for one in generate_within_budget(pool, shard, store)
        ]


def test_an_image_is_staged_under_its_key_with_the_sha_of_its_pixels() -> None:
    store = open_store("memory://generate-1")
    shard = shard_work(REQUEST)
    [(_, how, sha)] = made(store, shard)
    assert how == "generated"
    assert pixel_sha(decode(store.read(layout.staged_image(shard.items[0].image_key)))) == sha


def test_what_is_staged_is_not_made_again() -> None:
    store = open_store("memory://generate-2")
    first, second = made(store, shard_work(REQUEST)), made(store, shard_work(REQUEST))
    assert [how for _, how, _ in first + second] == ["generated", "reused"]
    assert first[0][2] == second[0][2]


def test_a_staged_image_remembers_the_engine_that_made_it_and_an_older_one_is_honest_about_it() -> None:
    store, shard = open_store("memory://generate-backend"), shard_work(REQUEST)
    engine = open_engine(EngineSpec("stub"))
    try:
        assert [(one.origin, one.backend) for one in generate_on_engine(engine, shard, store)] == [
            ("generated", "stub")
        ]
        engine.name = "another"
        assert [(one.origin, one.backend) for one in generate_on_engine(engine, shard, store)] == [("reused", "stub")]
        key = layout.staged_image(shard.items[0].image_key)
        store.write(key, encode_png(decode(store.read(key))))  # as it was staged before engines were remembered
        assert [(one.origin, one.backend) for one in generate_on_engine(engine, shard, store)] == [("reused", "")]
    finally:
        engine.close()


def test_an_image_that_another_run_staged_first_names_the_backend_of_that_run() -> None:
    store, shard = open_store("memory://generate-rival"), shard_work(REQUEST)
    engine = open_engine(EngineSpec("stub"))

    class Overtaken:
        name = "stub"

        def generate(self, prompts: Iterable[Prompt]) -> Iterator[Frame | Failure]:
            for answer in engine.generate(prompts):
                theirs = np.full((64, 64, 3), 7, np.uint8)
                store.write(layout.staged_image(shard.items[0].image_key), encode_png(theirs, "tensorrt"))
                yield answer

    try:
        [one] = generate_on_engine(Overtaken(), shard, store)  # type: ignore[arg-type]
    finally:
        engine.close()
    assert (one.origin, one.backend, one.raw_sha) == (
        "generated", "tensorrt", pixel_sha(np.full((64, 64, 3), 7, np.uint8)),
    )  # fmt: skip


def test_a_damaged_staged_image_is_generated_again() -> None:
    store = open_store("memory://generate-3")
    shard = shard_work(REQUEST)
    [before] = made(store, shard)
    store.write(layout.staged_image(shard.items[0].image_key), b"half an ima")
    assert made(store, shard) == [before]


def test_two_finishes_of_one_request_need_one_image_and_get_an_answer_each() -> None:
    store = open_store("memory://generate-4")
    answers = made(store, shard_work(REQUEST, replace(REQUEST, finish_digest="f2")))
    assert [(finish, how) for finish, how, _ in answers] == [("f1", "generated"), ("f2", "reused")]
    assert answers[0][2] == answers[1][2]


def test_a_poisoned_prompt_fails_alone_with_its_reason() -> None:
    store = open_store("memory://generate-5")
    poisoned = replace(REQUEST, key=bytes([1]) * 32, prompt="a mug [poison]")
    answers = made(store, shard_work(poisoned, REQUEST))
    assert [how for _, how, _ in answers] == ["failed", "generated"]


class SlowThenCrash(FaultInjector):
    """The first picture takes long to stage, and none after it can be staged."""

    def call(self, description: str, operation: Callable[[], Any]) -> Any:
        """Wait with the first one."""
        if "write staging" in description:
            if self.fail_at is not None:
                raise InjectedFault(description)
            self.fail_at = 0
            time.sleep(0.5)
        return operation()


def test_an_image_that_cannot_be_staged_ends_the_generation_though_a_slower_one_is_still_queued() -> None:
    store = FaultyStore(open_store("memory://generate-gone"), SlowThenCrash())
    store.max_concurrency = MAX_QUEUED_FRAMES
    painted: list[str] = []
    engine = open_counting_engine(painted.append)
    requests = [replace(REQUEST, key=number.to_bytes(32, "big")) for number in range(60)]
    try:
        with pytest.raises(InjectedFault):
            generate_on_engine(engine, shard_work(*requests), store)
    finally:
        engine.close()
    assert len(painted) <= MAX_QUEUED_FRAMES + MAX_READY_BATCHES + 3


def test_when_the_budget_is_used_up_what_is_staged_is_found_and_nothing_else_is_made() -> None:
    store = open_store("memory://generate-metered")
    requests = [replace(REQUEST, key=number.to_bytes(32, "big")) for number in range(6)]
    made(store, shard_work(*requests[4:]))
    with stub_pool() as pool:
        meter = BudgetMeter(BudgetLimits(engine_seconds=1.0), spent_before=0.5, expected_seconds=0.3)
        found = generate_within_budget(pool, shard_work(*requests), store, meter)
    assert [(one.item.request.key[-1], one.origin) for one in found] == [(0, "generated"), (4, "reused"), (5, "reused")]
    assert meter.stop_reason == "budget-used-up"


def test_a_limited_run_gives_the_engine_a_few_images_to_measure_by_before_it_reads_ahead() -> None:
    store = open_store("memory://generate-measured")
    shard = shard_work(*[replace(REQUEST, key=number.to_bytes(32, "big")) for number in range(40)])
    with stub_pool(0.05) as pool:
        found = generate_within_budget(pool, shard, store, BudgetMeter(BudgetLimits(engine_seconds=0.01)))
    assert len(found) == PROBE_IMAGES


class FragilePool:
    """A pool whose engine dies, with what it has painted staged, when it comes to one of `deadly`, and once first."""

    def __init__(self, pool: Pool, *deadly: int) -> None:
        self.pool, self.deadly = pool, deadly
        self.asked: list[list[int]] = []

    def submit(self, work: Callable[[Engine, ShardWork], Any], shard: ShardWork) -> Any:
        numbers = [order.request.key[-1] for order in shard.items]
        self.asked.append(numbers)
        end = next((place for place, number in enumerate(numbers) if number in self.deadly), None)
        future = self.pool.submit(work, replace(shard, items=shard.items[:end]))
        if end is not None:
            future.result()
            future = type(future)()
            future.set_exception(WorkQuarantined("Engines died with it."))
        return future

    def busy_seconds(self) -> float:
        return self.pool.busy_seconds()

    def close(self) -> None:
        self.pool.close()


def test_a_shard_that_engines_die_with_is_made_from_both_ends_and_then_one_by_one() -> None:
    store = open_store("memory://generate-fragile")
    shard = shard_work(*[replace(REQUEST, key=number.to_bytes(32, "big")) for number in range(8)])
    with stub_pool() as pool:
        fragile = FragilePool(pool, 3, 5)
        found = generate_within_budget(fragile, shard, store)
    assert fragile.asked == [list(range(8)), list(reversed(range(8))), [3], [4], [5]]
    assert [one.origin for one in found] == [*["reused"] * 3, "failed", "generated", "failed", *["reused"] * 2]
    assert {(one.failure_code, one.failure_reason) for one in found if one.origin == "failed"} == {
        ("set-aside", "Engines died with it.")
    }


def test_where_too_much_is_left_between_both_ends_it_fails_as_one() -> None:
    store = open_store("memory://generate-hopeless")
    shard = shard_work(*[replace(REQUEST, key=number.to_bytes(32, "big")) for number in range(MAX_SINGLE_RETRIES + 5)])
    with stub_pool() as pool:
        fragile = FragilePool(pool, 1, MAX_SINGLE_RETRIES + 2)
        found = generate_within_budget(fragile, shard, store)
    assert len(fragile.asked) == 2
    assert [one.origin for one in found] == ["reused", *["failed"] * (MAX_SINGLE_RETRIES + 2), "reused", "reused"]


def test_a_limited_shard_is_begun_some_images_at_a_time_and_what_died_is_paid_for() -> None:
    store = open_store("memory://generate-portions")
    shard = shard_work(*[replace(REQUEST, key=number.to_bytes(32, "big")) for number in range(8)])
    meter = BudgetMeter(BudgetLimits(engine_seconds=100.0))
    with stub_pool(0.02) as pool:
        fragile = FragilePool(pool, 6)
        found = generate_within_budget(fragile, shard, store, meter)
    assert fragile.asked == [[0, 1, 2, 3], [4, 5, 6, 7], [7, 6, 5, 4], [6]]
    assert [one.origin for one in found] == [*["generated"] * 4, "reused", "reused", "failed", "reused"]
    assert meter.spent_seconds >= 8 * 0.02
