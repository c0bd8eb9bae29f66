"""What people should look at is copied once, and the index says why, with all that was measured."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.keys import image_key, slot_id
from catalogs.policy.schema import built_in_policy
from catalogs.samples import is_review_sample
from catalogs.table_schemas import REVIEW_INDEX
from infra.stores.parquet_objects import read_table
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.pipeline.queue_reviews import queue_reviews
from tests.fixtures.run_rows import RUN, attempt, batch, decision, request, write_plan, write_records
from tests.fixtures.store_scenarios import CATALOGUE, Shop, finish_of, jpeg_of, request_of

POLICY = built_in_policy()
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
NOBODY: frozenset[bytes] = frozenset()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    for word in ("red", "blue"):
        shop.stage(word)
    write_plan(shop.store, [], [request("red"), request("blue"), request("bare")])
    write_records(shop.store, {"s": [attempt("red", scores='{"blur": 3.5}'), attempt("blue", scores='{"blur": 9.0}')]})
    return shop


def index(shop: Shop) -> list[dict[str, Any]]:
    return read_table(shop.store, layout.review_index(CATALOGUE, RUN), REVIEW_INDEX).to_pylist()


def copy_of(word: str) -> str:
    return layout.review_image(CATALOGUE, image_key(request_of(word).hex(), 0), finish_of(word))


def kept(shop: Shop, *rows: dict[str, Any], share: float = 0.0, superseded: frozenset[bytes] = NOBODY) -> int:
    policy = POLICY.model_copy(update={"sample_share": share})
    return queue_reviews(shop.store, batch(rows), policy, superseded, NOW)


def test_what_waits_is_copied_once_for_all_its_slots_with_scores_and_prompt(shop: Shop) -> None:
    rows = [decision("shirt/front", "red", "review"), decision("hat/back", "red", "review")]
    assert kept(shop, *rows, decision("bag/front", "blue")) == 2
    first, second = index(shop)
    assert (first["sku"], first["view"], first["why"], first["reasons"]) == ("shirt", "front", "review", ["blurred"])
    assert (first["scores"], first["prompt"], first["asked_at"]) == ('{"blur": 3.5}', "red", NOW)
    assert first["expires_at"] - NOW == timedelta(days=POLICY.review_days)
    assert first["object"] == second["object"] == copy_of("red")
    assert shop.keys("review/") == {copy_of("red"), layout.review_index(CATALOGUE, RUN)}
    assert shop.store.read(copy_of("red")) == jpeg_of("red")


def test_a_sample_of_what_passed_is_copied_too(shop: Shop) -> None:
    assert kept(shop, decision("shirt/front", "red"), decision("hat/front", "blue"), share=1.0) == 2
    assert [(row["why"], row["object"]) for row in index(shop)] == [
        ("sample", copy_of("red")), ("sample", copy_of("blue")),
    ]  # fmt: skip


def test_the_sample_is_chosen_by_the_picture_and_not_by_its_slot(shop: Shop) -> None:
    words = [f"word {number}" for number in range(300)]
    rows = [decision(f"sku-{number}/front", word, file_sha=b"") for number, word in enumerate(words)]
    chosen = [word for word in words if is_review_sample(bytes.fromhex(image_key(request_of(word).hex(), 0)), 0.05)]
    assert kept(shop, *rows, share=0.05) == len(chosen) > 3
    assert [row["request_key"] for row in index(shop)] == [request_of(word) for word in chosen]
    assert {row["object"] for row in index(shop)} == {None}  # nothing of this was staged


def test_a_question_about_a_prompt_has_no_picture(shop: Shop) -> None:
    row = decision("shirt/front", "bare", "review", image_key=None, file_sha=None, reasons=["words.nudity"])
    assert kept(shop, row) == 1
    (row,) = index(shop)
    assert (row["object"], row["scores"], row["image_key"], row["prompt"]) == (None, None, None, "bare")


def test_another_file_than_the_one_that_was_judged_is_not_shown(shop: Shop) -> None:
    shop.store.write(layout.finished_image(image_key(request_of("red").hex(), 0), finish_of("red")), b"another")
    assert kept(shop, decision("shirt/front", "red", "review")) == 1
    assert index(shop)[0]["object"] is None


def test_a_copy_outlives_the_staged_picture(shop: Shop) -> None:
    kept(shop, decision("shirt/front", "red", "review"))
    shop.store.delete(shop.keys(layout.STAGING))
    kept(shop, decision("shirt/front", "red", "review"))
    assert index(shop)[0]["object"] == copy_of("red")


def test_nothing_to_ask_writes_nothing_and_what_was_superseded_is_nobodys(shop: Shop) -> None:
    before = shop.keys()
    gone = frozenset([slot_id("shirt", "front", "a", 0)])
    assert kept(shop, decision("hat/front", "blue", "blocked")) == 0
    assert kept(shop, decision("shirt/front", "red", "review"), superseded=gone) == 0
    assert shop.keys() == before


def test_killed_at_any_operation_it_is_done_again_to_the_same_end(shop: Shop) -> None:
    rows = [decision("shirt/front", "red", "review"), decision("hat/front", "blue")]
    policy = POLICY.model_copy(update={"sample_share": 1.0})
    whole = FaultInjector()
    queue_reviews(FaultyStore(shop.store, whole), batch(rows), policy, NOBODY, NOW)
    wanted = {key: shop.store.read(key) for key in shop.keys("review/")}
    assert whole.operation_count > 6
    for number in range(1, whole.operation_count + 1):
        shop.store.delete(shop.keys("review/"))
        with pytest.raises(InjectedFault):
            queue_reviews(FaultyStore(shop.store, FaultInjector(number)), batch(rows), policy, NOBODY, NOW)
        assert kept(shop, *rows, share=1.0) == 2
        assert {key: shop.store.read(key) for key in shop.keys("review/")} == wanted
