"""Requests become shards of one model and size, the urgent ones first, in bounded memory."""

from collections import defaultdict
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.planning.budget import CostModel
from catalogs.planning.plan import Request
from catalogs.planning.schedule import key_prefixes
from catalogs.planning.sharding import SHARDS_PER_PART, Sharder, request_table
from catalogs.runs.work_items import requests_from_table
from catalogs.table_schemas import REQUESTS
from catalogs.verdict import PASS, Verdict
from tests.fixtures.run_rows import numbered_request

BLOCKED = Verdict("BLOCK", ("words.weapons",))


def sharded(requests: list[Request], size: int, **limits: Any) -> tuple[Sharder, dict[str, list[pa.Table]]]:
    """Return the sharder and the row groups of each part, in the order in which they would be written."""
    sharder, parts = Sharder(size, **limits), defaultdict(list)
    for request in requests:
        for part, table in sharder.add(request):
            parts[part].append(table)
    for part, table in sharder.flush():
        parts[part].append(table)
    return sharder, dict(parts)


def test_a_shard_is_closed_when_it_is_full_and_the_rest_at_the_end() -> None:
    sharder, parts = sharded([numbered_request(number) for number in range(7)], 3)
    assert [(shard.name, shard.part, shard.row_group, shard.requests) for shard in sharder.shards] == [
        ("1-000000", "1-00000", 0, 3),
        ("1-000001", "1-00000", 1, 3),
        ("1-000002", "1-00000", 2, 1),
    ]
    assert [table.num_rows for table in parts["1-00000"]] == [3, 3, 1]


def test_a_full_shard_is_handed_out_at_once() -> None:
    sharder = Sharder(2)
    assert list(sharder.add(numbered_request(0))) == []
    [(part, table)] = sharder.add(numbered_request(1))
    assert (part, table.num_rows, table["shard"].to_pylist()) == ("1-00000", 2, ["1-000000"] * 2)


@pytest.mark.parametrize(
    "change", [{"model": "other"}, {"width": 640}, {"height": 640}, {"steps": 9}, {"guidance": 1.0}], ids=str
)
def test_what_an_engine_cannot_batch_together_is_kept_apart(change: dict[str, object]) -> None:
    sharder, parts = sharded([numbered_request(0), numbered_request(1, **change), numbered_request(2)], 10)
    assert [shard.requests for shard in sharder.shards] == [2, 1]
    [name] = change
    assert all(len(set(table[name].to_pylist())) == 1 for table in parts["1-00000"])


def test_shards_sorted_by_name_are_sorted_by_priority() -> None:
    order = ["low", "high", "normal", "low", "high"]
    sharder, parts = sharded([numbered_request(number, priority=word) for number, word in enumerate(order)], 1)
    assert [shard.name for shard in sorted(sharder.shards, key=lambda shard: shard.name)] == [
        "0-000000", "0-000001", "1-000000", "2-000000", "2-000001",
    ]  # fmt: skip
    assert sorted(parts) == ["0-00000", "1-00000", "2-00000"]


def test_a_part_ends_after_700_shards() -> None:
    sharder, parts = sharded([numbered_request(number) for number in range(SHARDS_PER_PART + 2)], 1)
    assert {part: len(tables) for part, tables in parts.items()} == {"1-00000": 700, "1-00001": 2}
    assert [(shard.part, shard.row_group) for shard in sharder.shards[699:]] == [
        ("1-00000", 699),
        ("1-00001", 0),
        ("1-00001", 1),
    ]


def test_refused_prompts_are_stored_apart_and_in_no_shard() -> None:
    requests = [numbered_request(number, verdict=BLOCKED if number % 2 else PASS) for number in range(6)]
    sharder, parts = sharded(requests, 2)
    assert sum(shard.requests for shard in sharder.shards) == 3
    assert [table.num_rows for table in parts["refused"]] == [2, 1]
    assert {shard for table in parts["refused"] for shard in table["shard"].to_pylist()} == {""}
    assert {word for table in parts["1-00000"] for word in table["verdict"].to_pylist()} == {"PASS"}


def test_a_size_of_its_own_in_every_row_does_not_fill_the_memory() -> None:
    sharder = Sharder(64, max_open_requests=100)
    handed_out = 0
    for number in range(1000):
        handed_out += sum(table.num_rows for _, table in sharder.add(numbered_request(number, width=64 + 16 * number)))
        assert number + 1 - handed_out <= 100
    assert handed_out == 1000


def test_what_was_handed_out_no_longer_counts_as_open() -> None:
    sharder, _ = sharded([numbered_request(number) for number in range(20)], 2, max_open_requests=5)
    assert [shard.requests for shard in sharder.shards] == [2] * 10


@settings(deadline=None)
@given(
    choices=st.lists(
        st.tuples(
            st.sampled_from(["high", "normal", "low"]), st.sampled_from([512, 640]), st.sampled_from([PASS, BLOCKED])
        ),
        max_size=40,
    ),
    size=st.integers(1, 5),
    max_open_requests=st.integers(1, 10),
)
def test_every_request_is_in_exactly_one_row_group_that_its_shard_names(
    choices: list[tuple[str, int, Verdict]], size: int, max_open_requests: int
) -> None:
    requests = [
        numbered_request(number, priority=word, width=width, verdict=verdict)
        for number, (word, width, verdict) in enumerate(choices)
    ]
    sharder, parts = sharded(requests, size, max_open_requests=max_open_requests)
    written = [key for tables in parts.values() for table in tables for key in table["request_key"].to_pylist()]
    assert sorted(written) == [request.key for request in requests]
    for shard in sharder.shards:
        table = parts[shard.part][shard.row_group]
        assert set(table["shard"].to_pylist()) == {shard.name}
        assert table.num_rows == shard.requests <= size
    assert len({shard.name for shard in sharder.shards}) == len(sharder.shards)


def test_requests_come_back_from_their_table_as_they_were() -> None:
    requests = [
        numbered_request(1, seed=2**52 - 1, negative="text", guidance=3.5, first_attempt=2, category="湯呑み"),
        numbered_request(2, verdict=BLOCKED),
        numbered_request(3, prompt="👟 {{ 7*7 }}"),
    ]
    table = request_table(requests, "1-000000")
    assert table.schema == REQUESTS
    assert requests_from_table(table) == requests


def test_no_field_of_a_request_is_forgotten_in_its_table() -> None:
    kept = {"request_key" if field.name == "key" else field.name for field in fields(Request)}
    assert (kept - {"priority", "deadline", "for_new_sku", "edit"}) | {"shard", "reasons"} == set(REQUESTS.names)


def test_requests_with_a_deadline_wait_and_share_a_shard_with_those_that_are_wanted_at_the_same_time() -> None:
    day = datetime(2026, 12, 1, tzinfo=UTC)
    requests = [
        numbered_request(number, deadline=day + timedelta(days=days)) for number, days in enumerate([9, 2, 8, 1])
    ]
    sharder, parts = sharded([*requests, numbered_request(4)], 2)
    assert [[key[-1] for key in table["request_key"].to_pylist()] for table in parts["1-00000"]] == [
        [3, 1],
        [2, 0],
        [4],
    ]
    assert [one.deadlines is None for one in sharder.summaries] == [False, False, True]
    assert [
        one.key_prefixes.tolist() == key_prefixes([requests[3].key, requests[1].key]).tolist()
        for one in sharder.summaries[:1]
    ]


def test_a_shard_knows_how_long_an_image_of_its_takes() -> None:
    sharder, _ = sharded(
        [numbered_request(0), numbered_request(1, width=1024)], 2, cost_model=CostModel(seconds_per_megapixel=2.0)
    )
    assert [one.seconds_per_image for one in sharder.summaries] == [pytest.approx(0.524288), pytest.approx(1.048576)]
