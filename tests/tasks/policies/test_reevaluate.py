"""Every live and every waiting slot is evaluated once, as a refresh would select; the others are counted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.policy.schema import ImageRule, Policy, built_in_policy
from catalogs.table_schemas import OUTCOME_KEY, OUTCOMES
from catalogs.verdict import PASS
from infra.tables.idempotent_commit import commit_once
from tasks.policies.reevaluate import PolicyReevaluation, reevaluate
from tests.fixtures.run_rows import RUN_ID, Row, attempt_row, make_request, write_plan, write_records
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


def blur(limit: float, **changes: Any) -> Policy:
    rule = ImageRule(score="blur.foreground", reason="blurred", block_below=limit, again=True)
    return built_in_policy().model_copy(update={"image": (rule,), **changes})


def scored(word: str, number: int, score: float, verdict: str = "PASS") -> Row:
    return attempt_row(word, number, verdict, scores=f'{{"blur.foreground": {score}}}')


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    """Two live pictures; one that waits after two attempts; one blocked by its likeness."""
    shop = StoreScenario(tmp_path)
    write_plan(shop.store, [], [make_request(word, attempts_allowed=2) for word in ("red", "blue", "pink", "copy")])
    rows = [scored("red", 0, 6), scored("blue", 0, 9), scored("copy", 0, 9)]
    rows += [scored("pink", 0, 2, "BLOCK"), scored("pink", 1, 4, "BLOCK")]
    write_records(shop.store, {"s": rows})
    shop.release(RUN_ID, {"shirt/front": "red", "hat/front": "blue"})
    waits = {"image_key": bytes.fromhex(shop.image_key("pink", 1)), "attempts": 2, "reasons": ["blurred"]}
    one = shop.commit_outcome
    one("o1", "bag/front", "pink", "blocked", **waits)
    one("o2", "mug/front", "copy", "blocked", reasons=["duplicate-near"])
    relabel(shop)
    return shop


def relabel(scenario: StoreScenario) -> None:
    """Let the outcomes say that the run decided them."""
    table = layout.outcomes_table(CATALOGUE)
    rows = [row | {"run_id": RUN_ID, "_op": "put"} for row in scenario.tables.read(table).to_pylist()]
    changes = pa.Table.from_pylist(rows, OUTCOMES.append(pa.field("_op", pa.string())))
    token = f"relabel-{scenario.tables.version(table)}"
    commit_once(scenario.tables, table, token, lambda _: (None, changes), on=OUTCOME_KEY, metadata={})


def said(scenario: StoreScenario, policy: Policy) -> PolicyReevaluation:
    return reevaluate(scenario.store, scenario.tables, CATALOGUE, policy, lambda _: PASS)


def test_under_the_same_rules_nothing_flips(scenario: StoreScenario) -> None:
    found = said(scenario, blur(5))
    assert (found.published, found.waiting, found.near_duplicates, found.policy_diff.transitions()) == (2, 2, 1, [])
    assert (found.policy_diff.matrix["PASS"]["PASS"], found.policy_diff.matrix["BLOCK"]["BLOCK"]) == (2, 2)
    assert found.withdrawals.num_rows == 0


def test_a_stricter_rule_refuses_a_live_image_and_knows_whether_a_seed_is_left(scenario: StoreScenario) -> None:
    found = said(scenario, blur(7))
    (row,) = found.withdrawals.to_pylist()
    assert (row["sku"], row["verdict"], row["reasons"], row["again"]) == ("shirt", "BLOCK", ["blurred"], True)
    assert row["run_id"] == RUN_ID
    (flip,) = found.document()["flips"]
    assert flip == {"now": "PASS", "then": "BLOCK", "reason": "blurred", "slots": 1, "skus": ["shirt"]}


def test_a_looser_rule_frees_the_first_attempt_that_passes(scenario: StoreScenario) -> None:
    for limit in (3, 1):
        (flip,) = said(scenario, blur(limit)).policy_diff.transitions()
        assert (flip["now"], flip["then"], flip["reason"], flip["skus"]) == ("BLOCK", "PASS", "blurred", ["bag"])


def test_likeness_is_left_to_a_refresh(scenario: StoreScenario) -> None:
    found = said(scenario, blur(0))
    assert found.near_duplicates == 1
    assert found.policy_diff.matrix["BLOCK"] == {"PASS": 1, "REVIEW": 0, "BLOCK": 1}


def test_what_is_not_stored_is_counted_and_stays(scenario: StoreScenario) -> None:
    scenario.release("gone", {"sock/front": "grey"})
    scenario.commit_outcome("gone", "shoe/front", "green", "review")
    found = said(scenario, blur(100))
    assert found.missing_scores == {"published": 1, "waiting": 1}
    assert (found.published, found.waiting, found.policy_diff.slot_count) == (3, 3, 4)
    assert sorted(found.withdrawals["sku"].to_pylist()) == ["hat", "shirt"]


def test_outcomes_of_an_older_prompt_and_of_a_live_image_have_no_effect(scenario: StoreScenario) -> None:
    before = datetime.now(UTC) - timedelta(days=3)
    scenario.commit_outcome(RUN_ID, "bag/front", "blue", "review", decided_at=before)
    scenario.commit_outcome("o9", "shirt/front", "red", "blocked")
    assert said(scenario, blur(5)).waiting == 2


def test_a14_a_live_image_whose_other_finish_is_in_review_waits_too(scenario: StoreScenario) -> None:
    scenario.commit_outcome("o9", "shirt/front", "red+wide", "review")
    assert said(scenario, blur(5)).waiting == 3


def test_an_expired_review_counts_as_blocked(scenario: StoreScenario) -> None:
    asked = datetime.now(UTC) - timedelta(days=10)
    review = blur(0).model_copy(
        update={"image": (ImageRule(score="blur.foreground", reason="soft", review_below=8),), "review_days": 7}
    )
    scenario.commit_outcome("o4", "bag/front", "pink", "review", attempts=2, decided_at=asked, reasons=["soft"])
    relabel(scenario)
    (flip, other, *rest) = said(scenario, review).policy_diff.transitions()
    assert {(each["now"], each["then"], each["reason"]) for each in (flip, other, *rest)} == {
        ("PASS", "REVIEW", "soft"), ("REVIEW", "BLOCK", "soft"), ("REVIEW", "BLOCK", "review-expired"),
    }  # fmt: skip
    patient = review.model_copy(update={"review_days": 30})
    assert said(scenario, patient).policy_diff.matrix["REVIEW"] == {"PASS": 0, "REVIEW": 1, "BLOCK": 0}


def test_no_seed_is_left_where_the_live_attempt_was_the_last(scenario: StoreScenario) -> None:
    write_plan(scenario.store, [], [make_request(word, attempts_allowed=1) for word in ("red", "blue", "pink", "copy")])
    (row,) = said(scenario, blur(7)).withdrawals.to_pylist()
    assert (row["sku"], row["verdict"], row["again"]) == ("shirt", "BLOCK", False)


def test_of_two_refusals_of_a_slot_the_newer_one_waits_whichever_is_read_first(scenario: StoreScenario) -> None:
    waits = {"image_key": bytes.fromhex(scenario.image_key("pink", 1)), "attempts": 2, "reasons": ["blurred"]}
    hour = timedelta(hours=1)
    scenario.commit_outcome(
        "o6", "bag/front", "copy", "blocked", reasons=["duplicate-near"], decided_at=datetime.now(UTC) - hour
    )
    scenario.commit_outcome("o7", "mug/front", "pink", "blocked", **waits, decided_at=datetime.now(UTC) + hour)
    relabel(scenario)
    found = said(scenario, blur(3))
    assert (found.waiting, found.near_duplicates) == (2, 0)
    assert sorted(found.policy_diff.transitions()[0]["skus"]) == ["bag", "mug"]
