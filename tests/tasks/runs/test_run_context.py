"""Which shards of a run are still to be done, also after the process that began it was killed."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.planning.plan import Request, Shard
from catalogs.planning.sharding import Sharder
from catalogs.policy.schema import built_in_policy
from catalogs.runs.work_items import GeneratedImage, ShardScreening, WorkItem
from infra.engines import EngineSpec, open_engine
from infra.pools.inline import InlinePool
from infra.screening.inline import InlineScreener
from infra.stores.parquet_objects import write_table
from tasks.runs.run_context import Resources, RunContext, ScreeningContext
from tests.fixtures.run_rows import RUN, attempt, request, write_records
from tests.fixtures.store_scenarios import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def bench_of(shop: Shop) -> RunContext:
    pool = InlinePool(lambda: open_engine(EngineSpec("stub")))
    gate = ScreeningContext(shop.store, InlineScreener(shop.store), built_in_policy(), {}, 60.0)
    return RunContext(Resources(shop.store, shop.tables, lambda _: pool), gate, RUN)


def shards_of(shop: Shop, requests: Iterable[Request], size: int = 1) -> list[Shard]:
    """Write requests as a run's plan does, each shard a part of its own, and return the shards."""
    sharder = Sharder(size)
    tables = [table for one in requests for _, table in sharder.add(one)]
    tables += [table for _, table in sharder.flush()]
    for shard, table in zip(sharder.shards, tables, strict=True):
        write_table(shop.store, layout.run_requests(RUN, shard.name), table)
    return [Shard(shard.name, shard.name, 0, shard.requests) for shard in sharder.shards]


def test_only_shards_without_a_record_are_to_be_done(shop: Shop) -> None:
    shards = shards_of(shop, [request("one"), request("two"), request("three")])
    names = [shard.name for shard in shards]
    assert bench_of(shop).add_planned_shards(shards) == names
    write_records(shop.store, {names[1]: [attempt("two")], "again-1": [attempt("two", 1)]})
    assert bench_of(shop).add_planned_shards(shards) == [names[0], names[2]]


def test_a_shards_orders_are_read_from_the_plan_and_begin_where_earlier_nights_ended(shop: Shop) -> None:
    requests = [request("one", seed=7), request("two", first_attempt=1)]
    [shard] = shards_of(shop, requests, size=2)
    bench = bench_of(shop)
    bench.add_planned_shards([shard])
    work = bench.load_shard_work(shard.name)
    assert [(order.request, order.attempt) for order in work.orders] == [(requests[0], 0), (requests[1], 1)]
    assert (work.name, work.model, work.orders[0].seed) == (shard.name, "stub", 7)


def test_what_a_killed_process_owed_is_the_next_attempt_of_each_open_chain(shop: Shop) -> None:
    shards = shards_of(shop, [request(word, attempts_allowed=3) for word in ("one", "two", "three", "two+wide")])
    no = partial(attempt, verdict="BLOCK", again=True)
    write_records(
        shop.store,
        {
            "0-000000": [no("one"), no("two"), attempt("three"), no("two+wide")],
            "again-1": [no("one", 1), attempt("two", 1)],
        },
    )
    bench = bench_of(shop)
    bench.add_planned_shards(shards)
    owed = sorted((order.request.prompt, order.attempt) for order in bench.find_pending_items())
    assert owed == [("one", 2), ("two+wide", 1)]


def test_a_run_without_records_owes_nothing(shop: Shop) -> None:
    bench = bench_of(shop)
    bench.add_planned_shards(shards_of(shop, [request("one")]))
    assert bench.find_pending_items() == []


def test_the_same_orders_are_the_same_shard_in_any_order(shop: Shop) -> None:
    one, two = WorkItem(request("one"), 1), WorkItem(request("two"), 1)
    bench = bench_of(shop)
    name = bench.add_retry_shard([one, two])
    assert bench.load_shard_work(name).orders == (one, two)
    assert bench_of(shop).add_retry_shard([two, one]) == name
    others = [[one], [one, WorkItem(request("two"), 2)], [one, WorkItem(request("two+wide"), 1)]]
    assert len({name, *map(bench.add_retry_shard, others)}) == 4


def test_what_was_made_and_screened_is_handed_over_once(shop: Shop) -> None:
    order = WorkItem(request("one"), 0)
    bench = bench_of(shop)
    name = bench.add_retry_shard([order])
    made = [GeneratedImage(order, "generated", "ab" * 32)]
    bench.put_generated(name, made)
    assert bench.take_generated(name) == made
    screening = ShardScreening(name, generated=1)
    bench.put_screened(name, screening)
    assert bench.take_screened(name) is screening
    for take in (bench.take_generated, bench.take_screened):
        with pytest.raises(KeyError):
            take(name)


def test_a_shard_of_some_rows_of_a_row_group_holds_these(shop: Shop) -> None:
    requests = [request(word) for word in ("one", "two", "three")]
    [shard] = shards_of(shop, requests, size=3)
    bench = bench_of(shop)
    bench.add_planned_shards([replace(shard, name="0-1-000000", requests=2, rows=[0, 2])])
    assert [order.request for order in bench.load_shard_work("0-1-000000").orders] == [requests[0], requests[2]]
