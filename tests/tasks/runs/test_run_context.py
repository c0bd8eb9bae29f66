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
from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.pools.inline import InlinePool
from infra.screening.inline import InlineScreener
from infra.stores.parquet_objects import write_table
from tasks.runs.resources import Resources, ScreeningContext
from tasks.runs.run_context import RunContext
from tests.fixtures.run_rows import RUN_ID, attempt_row, make_request, write_records
from tests.fixtures.store_scenarios import StoreScenario


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path)


def run_context_of(scenario: StoreScenario) -> RunContext:
    pool = InlinePool(lambda: open_engine(EngineSpec("stub")))
    gate = ScreeningContext(scenario.store, InlineScreener(scenario.store), built_in_policy(), {}, 60.0)
    return RunContext(Resources(scenario.store, scenario.tables, lambda _: pool), gate, RUN_ID)


def shards_of(scenario: StoreScenario, requests: Iterable[Request], size: int = 1) -> list[Shard]:
    """Write requests as a run's plan does, each shard a part of its own, and return the shards."""
    sharder = Sharder(size)
    tables = [table for one in requests for _, table in sharder.add(one)]
    tables += [table for _, table in sharder.flush()]
    for shard, table in zip(sharder.shards, tables, strict=True):
        write_table(scenario.store, layout.RunFiles(RUN_ID).requests(shard.name), table)
    return [Shard(shard.name, shard.name, 0, shard.requests) for shard in sharder.shards]


def test_only_shards_without_a_record_are_to_be_done(scenario: StoreScenario) -> None:
    shards = shards_of(scenario, [make_request("one"), make_request("two"), make_request("three")])
    names = [shard.name for shard in shards]
    assert run_context_of(scenario).add_planned_shards(shards) == names
    write_records(scenario.store, {names[1]: [attempt_row("two")], "again-1": [attempt_row("two", 1)]})
    assert run_context_of(scenario).add_planned_shards(shards) == [names[0], names[2]]


def test_a_shards_orders_are_read_from_the_plan_and_begin_where_earlier_nights_ended(scenario: StoreScenario) -> None:
    requests = [make_request("one", seed=7), make_request("two", first_attempt=1)]
    [shard] = shards_of(scenario, requests, size=2)
    bench = run_context_of(scenario)
    bench.add_planned_shards([shard])
    work = bench.load_shard_work(shard.name)
    assert [(order.request, order.attempt) for order in work.items] == [(requests[0], 0), (requests[1], 1)]
    assert (work.name, work.model, work.items[0].seed) == (shard.name, "stub", 7)


def test_what_a_killed_process_owed_is_the_next_attempt_of_each_open_chain(scenario: StoreScenario) -> None:
    shards = shards_of(
        scenario, [make_request(word, attempts_allowed=3) for word in ("one", "two", "three", "two+wide")]
    )
    no = partial(attempt_row, verdict="BLOCK", again=True)
    write_records(
        scenario.store,
        {
            "0-000000": [no("one"), no("two"), attempt_row("three"), no("two+wide")],
            "again-1": [no("one", 1), attempt_row("two", 1)],
        },
    )
    bench = run_context_of(scenario)
    bench.add_planned_shards(shards)
    owed = sorted((order.request.prompt, order.attempt) for order in bench.find_pending_items())
    assert owed == [("one", 2), ("two+wide", 1)]


def test_a_run_without_records_owes_nothing(scenario: StoreScenario) -> None:
    bench = run_context_of(scenario)
    bench.add_planned_shards(shards_of(scenario, [make_request("one")]))
    assert bench.find_pending_items() == []


def test_the_same_orders_are_the_same_shard_in_any_order(scenario: StoreScenario) -> None:
    one, two = WorkItem(make_request("one"), 1), WorkItem(make_request("two"), 1)
    bench = run_context_of(scenario)
    name = bench.add_retry_shard([one, two])
    assert bench.load_shard_work(name).items == (one, two)
    assert run_context_of(scenario).add_retry_shard([two, one]) == name
    others = [[one], [one, WorkItem(make_request("two"), 2)], [one, WorkItem(make_request("two+wide"), 1)]]
    assert len({name, *map(bench.add_retry_shard, others)}) == 4


def test_what_was_made_and_screened_is_handed_over_once(scenario: StoreScenario) -> None:
    order = WorkItem(make_request("one"), 0)
    bench = run_context_of(scenario)
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


def test_a_shard_of_some_rows_of_a_row_group_holds_these(scenario: StoreScenario) -> None:
    requests = [make_request(word) for word in ("one", "two", "three")]
    [shard] = shards_of(scenario, requests, size=3)
    bench = run_context_of(scenario)
    bench.add_planned_shards([replace(shard, name="0-1-000000", requests=2, rows=[0, 2])])
    assert [order.request for order in bench.load_shard_work("0-1-000000").items] == [requests[0], requests[2]]
