"""What waits is what outcomes say; the index says what of. Nothing that waits is left out."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.keys import slot_id
from catalogs.reviews.review_item import ReviewKind, ReviewSlot
from tasks.reviews.review_index import read_review_index
from tasks.reviews.waiting_items import WaitingItems, build_waiting_items, read_waiting_outcomes
from tests.fixtures.review_scenarios import ASKED_AT, ReviewScenario
from tests.fixtures.store_scenarios import CATALOGUE, jpeg_of

NOW = datetime.now(UTC)
BOXES = '[["text: X", 0.1, 0.1, 0.2, 0.2, 0.9]]'


def waiting(shop: ReviewScenario, held: frozenset[str] = frozenset(), now: datetime = NOW) -> WaitingItems:
    version = shop.tables.version(layout.outcomes_table(CATALOGUE))
    outcomes = read_waiting_outcomes(shop.tables, CATALOGUE, version)
    return build_waiting_items(read_review_index(shop.store, CATALOGUE), outcomes, held, now)


def kinds(items: WaitingItems) -> dict[str, ReviewKind]:
    return {entry.skus[0]: entry.kind for entry in items.entries.values()}


def test_a_row_whose_outcome_is_gone_or_asks_about_another_attempt_waits_no_more(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"a/front": "red", "b/front": "blue"})
    shop.commit_outcome("later", "a/front", "red", "blocked", image_key=b"another attempt" * 2)
    found = waiting(shop)
    assert kinds(found) == {"b": ReviewKind.REVIEW, "a": ReviewKind.BLOCKED}
    assert {entry.skus[0]: entry.rows for entry in found.entries.values()} == {"b": [1], "a": []}


def test_a_sample_waits_until_it_expires_and_a_held_image_as_long_as_its_run_is_open(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"a/front": "red"}, "sample")
    run = shop.wait({"b/front": "blue"}, "held")
    assert kinds(waiting(shop, frozenset({run}))) == {"a": ReviewKind.SAMPLE, "b": ReviewKind.HELD}
    assert kinds(waiting(shop)) == {"a": ReviewKind.SAMPLE}
    assert kinds(waiting(shop, now=ASKED_AT + timedelta(days=31))) == {}


def test_an_outcome_without_a_row_is_listed_with_what_it_says_itself(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.commit_outcome("r", "a/front", "red", "review", reasons=["blurred"])
    shop.commit_outcome("s", "b/front", "blue", "review", reasons=["words.arms"], image_key=None)
    found = waiting(shop)
    assert kinds(found) == {"a": ReviewKind.REVIEW, "b": ReviewKind.PROMPT}
    items = {entry.skus[0]: found.item(entry) for entry in found.entries.values()}
    assert (items["a"].worst_reason, items["a"].object, items["a"].slots[0].sku) == ("blurred", "", "a")
    assert (items["b"].image_key, items["b"].target.is_prompt) == (b"", True)


def test_an_item_has_everything_of_its_row(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait(
        {"a/front": "red", "b/front": "red"},
        width=32,
        height=24,
        errors='{"text": "died"}',
        boxes='[["text: X", 0.1, 0.1, 0.2, 0.2, 0.9]]',
        value=3.0,
    )
    found = waiting(shop)
    (entry,) = found.entries.values()
    item = found.item(entry)
    assert (item.id, item.skus, item.value, item.boxes[0].label) == (shop.item_id("red"), ["a", "b"], 3.0, "text: X")
    assert (item.scores, item.errors) == ({"blur.foreground": 5.5}, {"text": "died"})
    assert (item.width, item.height, item.file_sha, item.run_id) == (
        32,
        24,
        sha256(jpeg_of("red")).digest(),
        "run-0001",
    )
    assert item.slots[0] == ReviewSlot(slot_id("a", "front", "a", 0), "a", "front", "a", 0)
    assert item.priority == pytest.approx(9.0, rel=0.05)  # 1.5 x 3 x (1 day + 1), and what the test itself took


def test_an_image_that_one_category_blocks_and_another_reviews_is_asked_about(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"a/front": "red"}, "blocked")
    shop.wait({"b/front": "red"}, "review")
    (entry,) = waiting(shop).entries.values()
    assert (entry.kind, sorted(entry.skus), len(entry.rows)) == (ReviewKind.REVIEW, ["a", "b"], 2)


def test_deferred_rows_are_not_read_into_memory_and_no_table_is_nothing(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.commit_outcome("r", "a/front", "red", "deferred")
    assert read_waiting_outcomes(shop.tables, CATALOGUE, 1) == []
    assert read_waiting_outcomes(shop.tables, "bags", None) == []


def test_damaged_scores_of_a_row_cost_the_scores_alone(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"a/front": "red"}, scores="[[[", scanners="3")
    found = waiting(shop)
    (entry,) = found.entries.values()
    item: Any = found.item(entry)
    assert (item.scores, item.scanners, item.prompt) == ({}, {}, "a photo of red")
