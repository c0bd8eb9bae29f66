"""A row of the review index is self-contained: what people see and what publishing needs, without the run's folder."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.keys import image_key
from catalogs.policy.schema import built_in_policy
from catalogs.reviews.found_boxes import boxes_from_json
from catalogs.reviews.review_item import Box
from catalogs.table_schemas import RECORDS, REQUESTS, REVIEW_INDEX, SOURCE_ROWS
from infra.stores.parquet_objects import read_table, write_table
from tasks.pipeline.review_index_writer import QueuedRow, ReviewIndexWriter
from tests.fixtures.run_rows import RUN_ID, attempt_row, decision_row, make_request, write_plan, write_records
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, finish_digest_of, request_key_of

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
RAW_SHA = b"\x07" * 32


@pytest.fixture
def shop(tmp_path: Path) -> StoreScenario:
    scenario = StoreScenario(tmp_path)
    scenario.stage_image("red")
    write_plan(scenario.store, [], [make_request("red", category="mugs", seed=7, width=512)])
    scores, scanners = '{"blur.foreground": 5.5}', '{"text": "1", "pixels": "2"}'
    record = attempt_row("red", scores=scores, scanners=scanners, raw_sha=RAW_SHA)
    write_records(scenario.store, {"s": [record]})
    return scenario


def write(shop: StoreScenario, **changes: Any) -> dict[str, Any]:
    writer = ReviewIndexWriter(shop.store, CATALOGUE, RUN_ID, NOW, built_in_policy())
    source = layout.finished_image(image_key(request_key_of("red").hex(), 0), finish_digest_of("red"))
    assert writer.write([QueuedRow("review", source, decision_row("cup/front", "red", "review") | changes)]) == 1
    (row,) = read_table(shop.store, layout.review_index(CATALOGUE, RUN_ID), REVIEW_INDEX).to_pylist()
    return row


def test_a_row_holds_its_record_its_request_and_how_urgent_it_is(shop: StoreScenario) -> None:
    row = write(shop, category=None)  # of a policy's withdrawal, whose row does not say it
    assert (row["raw_sha"], row["scores"], row["scanners"]) == (
        RAW_SHA, '{"blur.foreground": 5.5}', '{"text": "1", "pixels": "2"}',
    )  # fmt: skip
    assert (row["category"], row["seed"], row["asked_width"], row["steps"]) == ("mugs", 7, 512, 8)
    assert (row["worst_reason"], row["severity"], row["run_id"]) == ("blurred", 1.5, RUN_ID)
    assert row["pixel_sha"] is not None
    assert row["file_sha"] is not None


def test_every_column_of_a_record_and_of_a_request_that_publishing_needs_is_there() -> None:
    elsewhere = {"verdict", "again", "made", "engine_seconds", "refused_work", "shard", "first_attempt"}
    renamed = {"finished_sha": "pixel_sha"}
    for schema in (RECORDS, REQUESTS):
        needed = {renamed.get(name, name) for name in schema.names} - elsewhere
        assert needed - set(REVIEW_INDEX.names) == set()


@pytest.mark.parametrize(("text", "value"), [("12.5", 12.5), ("", None), ("much", None), ("-1", None), ("inf", None)])
def test_the_value_is_the_rows_own_where_it_is_a_positive_number(
    shop: StoreScenario, text: str, value: float | None
) -> None:
    rows = [{"row": 1, "sku": "cup", "fields": [("title", "Cup"), ("value", text)]}]
    write_table(shop.store, layout.RunFiles(RUN_ID).source_rows, pa.Table.from_pylist(rows, SOURCE_ROWS))
    assert write(shop)["value"] == value


def test_boxes_come_from_the_stored_scores_of_the_same_scanners(shop: StoreScenario) -> None:
    word = {"text": "SALE", "confidence": 0.9, "corners": [[0.1, 0.2], [0.4, 0.2], [0.4, 0.3], [0.1, 0.3]]}
    for versions, details in (({"text": "0"}, {"text": [word | {"text": "OLD"}]}),
                              ({"text": "1", "pixels": "2"}, {"text": [word]})):  # fmt: skip
        key = layout.scores(RAW_SHA.hex(), finish_digest_of("red"), json.dumps(versions))
        shop.store.write(key, json.dumps({"scanners": versions, "details": details}).encode())
    assert boxes_from_json(write(shop)["boxes"]) == (Box("text: SALE", 0.1, 0.2, 0.4, 0.3, 0.9),)


def test_damaged_scores_cost_the_boxes_and_nothing_else(shop: StoreScenario) -> None:
    shop.store.write(layout.scores(RAW_SHA.hex(), finish_digest_of("red"), "x"), b"[[[")
    assert write(shop)["boxes"] is None
