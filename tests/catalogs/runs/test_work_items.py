"""A shard's work: which seed an attempt has, when attempts are spent, and a record that loses nothing."""

import json
from dataclasses import replace

import pytest

from catalogs.keys import image_key, seed_from_image_key
from catalogs.policy.channels import ChannelEligibility
from catalogs.runs.work_items import (
    GeneratedImage,
    ScreenedAttempt,
    ShardWork,
    WorkItem,
    record_table,
    retry_shard_name,
)
from catalogs.table_schemas import RECORDS
from catalogs.verdict import PASS, Verdict
from tests.fixtures.run_rows import REQUEST, numbered_request

AGAIN = Verdict("BLOCK", ("blank",), retryable=True)
SHA = "ab" * 32


def test_an_attempt_has_a_key_and_a_seed_of_its_own() -> None:
    orders = [WorkItem(REQUEST, attempt) for attempt in range(3)]
    assert [order.image_key for order in orders] == [image_key(REQUEST.key.hex(), attempt) for attempt in range(3)]
    assert [order.seed for order in orders] == [seed_from_image_key(order.image_key) for order in orders]
    assert len({order.seed for order in orders}) == 3


@pytest.mark.parametrize("seed", [0, 7, 2**52 - 1])
def test_a_rows_own_seed_is_the_first_attempts_and_no_others(seed: int) -> None:
    request = replace(REQUEST, seed=seed)
    assert WorkItem(request, 0).seed == seed
    assert WorkItem(request, 1).seed == WorkItem(REQUEST, 1).seed
    assert WorkItem(request, 0).image_key == WorkItem(REQUEST, 0).image_key


@pytest.mark.parametrize(
    ("attempt", "allowed", "last"), [(0, 1, True), (0, 2, False), (1, 2, True), (2, 2, True), (1, 3, False)]
)
def test_the_last_attempt_is_the_one_that_the_budget_ends_with(attempt: int, allowed: int, last: bool) -> None:
    assert WorkItem(replace(REQUEST, attempts_allowed=allowed), attempt).is_last is last


@pytest.mark.parametrize(
    ("verdict", "attempt", "wants"),
    [(AGAIN, 0, True), (AGAIN, 2, False), (Verdict("BLOCK", ("words",)), 0, False),
     (Verdict("REVIEW", ("blurred",)), 0, False), (PASS, 0, False)],
)  # fmt: skip
def test_another_seed_is_wanted_where_it_may_help_and_is_left(verdict: Verdict, attempt: int, wants: bool) -> None:
    assert ScreenedAttempt(GeneratedImage(WorkItem(REQUEST, attempt), "generated", SHA), verdict).needs_retry is wants


def test_a_shard_of_new_attempts_is_named_by_its_orders_in_any_order() -> None:
    orders = [WorkItem(numbered_request(number), 1) for number in range(3)]
    assert retry_shard_name(orders) == retry_shard_name(orders[::-1])
    assert retry_shard_name(orders).startswith("again-")
    others = [
        orders[:2],
        [*orders[:2], WorkItem(numbered_request(2), 2)],
        [*orders[:2], WorkItem(numbered_request(2, finish_digest="square"), 1)],
    ]
    assert len({retry_shard_name(orders), *map(retry_shard_name, others)}) == 4


def test_a_shard_knows_its_model() -> None:
    assert ShardWork("1-000000", (WorkItem(numbered_request(1, model="other"), 0),)).model == "other"


def test_a_shard_of_several_models_is_refused() -> None:
    others = (WorkItem(REQUEST, 0), WorkItem(replace(REQUEST, model="another"), 0))
    with pytest.raises(ValueError, match="the shard 's' has work items of several models"):
        ShardWork("s", others)


def test_a_record_has_a_row_an_attempt_with_all_that_was_measured() -> None:
    judged = ScreenedAttempt(
        image=GeneratedImage(WorkItem(REQUEST, 1), "generated", SHA, 0.75, backend="torch"),
        verdict=AGAIN,
        finished_sha="cd" * 32,
        file_sha="ef" * 32,
        file_bytes=4321,
        width=512,
        height=640,
        scores={"z": 1.23456789, "a": 0.0},
        fingerprint=bytes(range(32)),
        fingerprint_quality=88.5,
        crop=bytes(range(32, 64)),
        appearance=(50.0, -3.5, 8.25, 0.75),
        scanners={"pixels": "1"},
        errors={"fingerprint": "no"},
        source_mark="trained",
        eligibility=ChannelEligibility(("ebay",), ("shopify:too-large",)),
    )
    failed = ScreenedAttempt(
        GeneratedImage(WorkItem(REQUEST, 2), "failed", failure_reason="out of memory"),
        Verdict("BLOCK", ("engine-failed",)),
    )
    table = record_table([judged, failed])
    assert table.schema == RECORDS
    first, second = table.to_pylist()
    assert first == {
        "request_key": REQUEST.key, "finish_digest": "plain", "attempt": 1,
        "image_key": bytes.fromhex(WorkItem(REQUEST, 1).image_key), "made": "generated", "engine_seconds": 0.75,
        "raw_sha": b"\xab" * 32, "finished_sha": b"\xcd" * 32, "file_sha": b"\xef" * 32,
        "file_bytes": 4321, "width": 512, "height": 640, "verdict": "BLOCK", "again": True, "reasons": ["blank"],
        "scores": '{"a": 0.0, "z": 1.23456789}',
        "fingerprint": bytes(range(32)), "fingerprint_quality": 88.5,
        "crop": bytes(range(32, 64)), "looks": [50.0, -3.5, 8.25, 0.75],
        "scanners": '{"pixels": "1"}', "errors": '{"fingerprint": "no"}', "mark": "trained", "model": "stub",
        "channels": ["ebay"], "channel_reasons": ["shopify:too-large"], "backend": "torch",
        "refused_work": None,
        "kept": None,
    }  # fmt: skip
    assert (second["made"], second["raw_sha"], second["finished_sha"], second["again"]) == ("failed", b"", b"", False)
    assert [json.loads(second[name]) for name in ("scores", "scanners", "errors")] == [{}, {}, {}]
    assert (second["crop"], second["looks"], second["backend"]) == (None, None, None)


def test_an_empty_record_has_its_columns() -> None:
    assert record_table([]).schema == RECORDS
