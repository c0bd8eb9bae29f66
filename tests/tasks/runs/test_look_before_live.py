"""The check that holds a batch for a person's look, on batches and answers as they stand in a store."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.answers.standing_answers import StandingAnswers
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.loading import load_recipe
from catalogs.table_schemas import DECISIONS
from tasks.answers.answer_log import write_answer
from tasks.runs.look_before_live import LOOK_BEFORE_LIVE, check_look, count_unseen, find_look_reason
from tests.fixtures.minimal_recipes import stub_recipe_text
from tests.fixtures.run_rows import decision_row
from tests.fixtures.store_scenarios import StoreScenario

POLICY = built_in_policy()
STARTED = datetime(2026, 11, 30, tzinfo=UTC)
ASKING = load_recipe(stub_recipe_text(release="ask"), "shop.yaml")


def batch_of(**states: str) -> pa.Table:
    rows = [decision_row(f"{sku}/front", sku, state) for sku, state in states.items()]
    return pa.Table.from_pylist(rows, schema=DECISIONS)


def image_of(row: dict[str, Any]) -> ImageTarget:
    return ImageTarget(row["request_key"], row["image_key"], row["finish_digest"], row["finished_sha"])


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path)


def test_the_check_fails_and_holds_and_says_how_many_are_not_seen(scenario: StoreScenario) -> None:
    check = check_look(
        scenario.store,
        scenario.tables,
        "shoes",
        batch_of(cup="publish", jug="publish", pot="blocked"),
        (ASKING, POLICY),
    )
    assert check is not None
    assert (check.name, check.success, check.critical, check.observed) == (LOOK_BEFORE_LIVE, False, True, 2)
    assert check.reason == "2 images of 2 not accepted yet: every batch waits for a person's look"


def test_accepted_images_are_not_shown_again_and_an_accepted_batch_goes(scenario: StoreScenario) -> None:
    decisions = batch_of(cup="publish", jug="publish")
    for count, row in enumerate(decisions.to_pylist(), 1):
        given = Answer(AnswerKind.ACCEPT, "ada", scenario.store.now(), image=image_of(row))
        write_answer(scenario.store, "shoes", given)
        check = check_look(scenario.store, scenario.tables, "shoes", decisions, (ASKING, POLICY))
        assert (None if check is None else check.observed) == (1 if count == 1 else None)


def test_a_refused_image_is_not_a_seen_one() -> None:
    decisions = batch_of(cup="publish")
    refusal = Answer(AnswerKind.REFUSE, "ada", STARTED, image=image_of(decisions.to_pylist()[0]), reason="other")
    assert count_unseen(decisions, StandingAnswers([refusal])) == 1


@pytest.mark.parametrize("states", [{}, {"cup": "review"}, {"cup": "blocked", "jug": "failed"}])
def test_a_batch_that_publishes_nothing_has_nothing_to_look_at(scenario: StoreScenario, states: dict[str, str]) -> None:
    assert check_look(scenario.store, scenario.tables, "shoes", batch_of(**states), (ASKING, POLICY)) is None


def test_a_recipe_without_the_rule_asks_nobody(scenario: StoreScenario) -> None:
    plain = load_recipe(stub_recipe_text(), "shop.yaml")
    assert find_look_reason(scenario.tables, "shoes", plain, POLICY) is None
    counted = load_recipe(stub_recipe_text(release={"first_nights": 2}), "shop.yaml")
    assert find_look_reason(scenario.tables, "shoes", counted, POLICY) == "it is release 1 of the first 2"
