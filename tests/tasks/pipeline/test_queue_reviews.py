"""Images to review are copied once, and the index holds why, the reasons, scores and prompts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.keys import image_key, slot_id
from catalogs.policy.review_expiry import is_review_sample
from catalogs.policy.schema import built_in_policy
from catalogs.table_schemas import REVIEW_INDEX
from infra.stores.parquet_objects import read_table
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.pipeline.queue_reviews import queue_reviews
from tests.fixtures.run_rows import (
    RUN_ID,
    attempt_row,
    decision_row,
    make_release_batch,
    make_request,
    write_plan,
    write_records,
)
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, finish_digest_of, jpeg_of, request_key_of

POLICY = built_in_policy()
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
NOBODY: frozenset[bytes] = frozenset()


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    shop = StoreScenario(tmp_path)
    for word in ("red", "blue"):
        shop.stage_image(word)
    write_plan(shop.store, [], [make_request("red"), make_request("blue"), make_request("bare")])
    write_records(
        shop.store, {"s": [attempt_row("red", scores='{"blur": 3.5}'), attempt_row("blue", scores='{"blur": 9.0}')]}
    )
    return shop


def index(scenario: StoreScenario) -> list[dict[str, Any]]:
    return read_table(scenario.store, layout.review_index(CATALOGUE, RUN_ID), REVIEW_INDEX).to_pylist()


def copy_of(word: str) -> str:
    return layout.review_image(CATALOGUE, image_key(request_key_of(word).hex(), 0), finish_digest_of(word))


def kept(
    scenario: StoreScenario, *rows: dict[str, Any], share: float = 0.0, superseded: frozenset[bytes] = NOBODY
) -> int:
    policy = POLICY.model_copy(update={"sample_share": share})
    return queue_reviews(scenario.store, make_release_batch(rows), policy, superseded, NOW)


def test_what_waits_is_copied_once_for_all_its_slots_with_scores_and_prompt(scenario: StoreScenario) -> None:
    rows = [decision_row("shirt/front", "red", "review"), decision_row("hat/back", "red", "review")]
    assert kept(scenario, *rows, decision_row("bag/front", "blue")) == 2
    first, second = index(scenario)
    assert (first["sku"], first["view"], first["why"], first["reasons"]) == ("shirt", "front", "review", ["blurred"])
    assert (first["scores"], first["prompt"], first["asked_at"]) == ('{"blur": 3.5}', "red", NOW)
    assert first["expires_at"] - NOW == timedelta(days=POLICY.review_days)
    assert first["object"] == second["object"] == copy_of("red")
    assert scenario.keys("review/") == {copy_of("red"), layout.review_index(CATALOGUE, RUN_ID)}
    assert scenario.store.read(copy_of("red")) == jpeg_of("red")


def test_a_sample_of_what_passed_is_copied_too(scenario: StoreScenario) -> None:
    assert kept(scenario, decision_row("shirt/front", "red"), decision_row("hat/front", "blue"), share=1.0) == 2
    assert [(row["why"], row["object"]) for row in index(scenario)] == [
        ("sample", copy_of("red")), ("sample", copy_of("blue")),
    ]  # fmt: skip


def test_the_sample_is_chosen_by_the_image_and_not_by_its_slot(scenario: StoreScenario) -> None:
    words = [f"word {number}" for number in range(300)]
    rows = [decision_row(f"sku-{number}/front", word, file_sha=b"") for number, word in enumerate(words)]
    chosen = [word for word in words if is_review_sample(bytes.fromhex(image_key(request_key_of(word).hex(), 0)), 0.05)]
    assert kept(scenario, *rows, share=0.05) == len(chosen) > 3
    assert [row["request_key"] for row in index(scenario)] == [request_key_of(word) for word in chosen]
    assert {row["object"] for row in index(scenario)} == {None}  # nothing of this was staged


def test_a_review_of_a_prompt_has_no_image(scenario: StoreScenario) -> None:
    row = decision_row("shirt/front", "bare", "review", image_key=None, file_sha=None, reasons=["words.nudity"])
    assert kept(scenario, row) == 1
    (row,) = index(scenario)
    assert (row["object"], row["scores"], row["image_key"], row["prompt"]) == (None, None, None, "bare")


def test_another_file_than_the_one_that_was_judged_is_not_shown(scenario: StoreScenario) -> None:
    scenario.store.write(
        layout.finished_image(image_key(request_key_of("red").hex(), 0), finish_digest_of("red")), b"another"
    )
    assert kept(scenario, decision_row("shirt/front", "red", "review")) == 1
    assert index(scenario)[0]["object"] is None


@pytest.mark.parametrize("is_staged", [True, False], ids=["staged", "swept"])
def test_a_copy_that_somebody_exchanged_is_not_shown_for_the_judged_one(
    scenario: StoreScenario, is_staged: bool
) -> None:
    kept(scenario, decision_row("shirt/front", "red", "review"))
    assert scenario.store.read(copy_of("red")) == jpeg_of("red")
    scenario.store.write(copy_of("red"), jpeg_of("blue"))
    if not is_staged:
        scenario.store.delete(scenario.keys(layout.STAGING))
    kept(scenario, decision_row("shirt/front", "red", "review"))
    assert index(scenario)[0]["object"] == (copy_of("red") if is_staged else None)
    assert scenario.store.read(copy_of("red")) == jpeg_of("red" if is_staged else "blue")


def test_a_copy_outlives_the_staged_image(scenario: StoreScenario) -> None:
    kept(scenario, decision_row("shirt/front", "red", "review"))
    scenario.store.delete(scenario.keys(layout.STAGING))
    kept(scenario, decision_row("shirt/front", "red", "review"))
    assert index(scenario)[0]["object"] == copy_of("red")


def test_what_the_gates_refused_is_indexed_with_its_staged_file_and_not_copied(scenario: StoreScenario) -> None:
    assert kept(scenario, decision_row("hat/front", "blue", "blocked")) == 1
    (row,) = index(scenario)
    staged = layout.finished_image(image_key(request_key_of("blue").hex(), 0), finish_digest_of("blue"))
    assert (row["why"], row["object"]) == ("blocked", staged)
    assert scenario.keys("review/") == {layout.review_index(CATALOGUE, RUN_ID)}


def test_nothing_to_review_writes_nothing_and_superseded_slots_are_left_out(scenario: StoreScenario) -> None:
    before = scenario.keys()
    gone = frozenset([slot_id("shirt", "front", "a", 0)])
    assert kept(scenario, decision_row("hat/front", "blue")) == 0
    assert kept(scenario, decision_row("shirt/front", "red", "review"), superseded=gone) == 0
    assert scenario.keys() == before


def test_killed_at_any_operation_it_is_done_again_to_the_same_end(scenario: StoreScenario) -> None:
    rows = [decision_row("shirt/front", "red", "review"), decision_row("hat/front", "blue")]
    policy = POLICY.model_copy(update={"sample_share": 1.0})
    whole = FaultInjector()
    queue_reviews(FaultyStore(scenario.store, whole), make_release_batch(rows), policy, NOBODY, NOW)
    wanted = {key: scenario.store.read(key) for key in scenario.keys("review/")}
    assert whole.operation_count > 6
    for number in range(1, whole.operation_count + 1):
        scenario.store.delete(scenario.keys("review/"))
        with pytest.raises(InjectedFault):
            queue_reviews(
                FaultyStore(scenario.store, FaultInjector(number)), make_release_batch(rows), policy, NOBODY, NOW
            )
        assert kept(scenario, *rows, share=1.0) == 2
        assert {key: scenario.store.read(key) for key in scenario.keys("review/")} == wanted
