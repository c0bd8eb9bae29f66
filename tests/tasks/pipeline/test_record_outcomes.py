"""Outcomes of refused slots, so that no later run pays for the same attempt again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.keys import slot_id
from catalogs.policy.review_expiry import REVIEW_EXPIRED
from catalogs.policy.schema import built_in_policy
from catalogs.runs.release_batch import ReleaseBatch
from tasks.pipeline.record_outcomes import record_outcomes
from tests.fixtures.run_rows import decision_row, make_release_batch
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, request_key_of

POLICY = built_in_policy()
RED, BLUE = ("shirt", request_key_of("red")), ("shirt", request_key_of("blue"))


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path)


def remembered(scenario: StoreScenario, found: ReleaseBatch, *superseded: bytes) -> int:
    return record_outcomes(scenario.tables, found, POLICY, frozenset(superseded), scenario.store.now())


def test_every_refusal_is_kept_with_its_reasons_and_nothing_published(scenario: StoreScenario) -> None:
    rows = [
        decision_row(f"{state}/front", state, state) for state in ("publish", "review", "blocked", "failed", "deferred")
    ]
    remembered(scenario, make_release_batch(rows))
    kept = {row["state"]: row for row in scenario.outcomes().values()}
    assert sorted(kept) == ["blocked", "deferred", "failed", "review"]
    for row in kept.values():
        assert (row["attempts"], row["reasons"], row["policy_digest"]) == (1, ["blurred"], POLICY.digest)
    assert kept["review"]["expires_at"] - kept["review"]["decided_at"] == timedelta(days=POLICY.review_days)
    assert [kept[state]["expires_at"] for state in ("blocked", "failed", "deferred")] == [None] * 3


def test_a_slot_keeps_an_outcome_for_each_of_its_requests_and_the_newest_of_one(scenario: StoreScenario) -> None:
    remembered(scenario, make_release_batch([decision_row("shirt/front", "red", "blocked")], run_id="r1"))
    remembered(scenario, make_release_batch([decision_row("shirt/front", "blue", "review")], run_id="r2"))
    remembered(
        scenario, make_release_batch([decision_row("shirt/front", "red", "failed", attempts_spent=3)], run_id="r3")
    )
    found = {key: (row["state"], row["attempts"], row["run_id"]) for key, row in scenario.outcomes().items()}
    assert found == {RED: ("failed", 3, "r3"), BLUE: ("review", 1, "r2")}


def test_a_superseded_slot_leaves_no_outcome(scenario: StoreScenario) -> None:
    rows = [decision_row("shirt/front", "red", "blocked"), decision_row("mug/front", "blue", "blocked")]
    remembered(scenario, make_release_batch(rows), slot_id("shirt", "front", "a", 0))
    assert set(scenario.outcomes()) == {("mug", request_key_of("blue"))}


def test_remembering_twice_changes_nothing(scenario: StoreScenario) -> None:
    found = make_release_batch([decision_row("shirt/front", "red", "blocked")])
    version = remembered(scenario, found)
    before = scenario.outcomes()
    assert remembered(scenario, found) == version == scenario.tables.version(layout.outcomes_table(CATALOGUE))
    assert scenario.outcomes() == before


def test_a_batch_without_refusals_makes_no_commit(scenario: StoreScenario) -> None:
    assert remembered(scenario, make_release_batch([decision_row("shirt/front", "red")])) == 0


def test_only_the_digest_of_the_very_outcome_is_refreshed(scenario: StoreScenario) -> None:
    scenario.commit_outcome("r1", "shirt/front", "red", "blocked")
    scenario.commit_outcome("r2", "shirt/front", "blue", "review")
    before = scenario.outcomes()
    shirt, mug = slot_id("shirt", "front", "a", 0), slot_id("mug", "front", "a", 0)
    moved = [
        {"slot_id": shirt, "table": "outcomes", "source_digest": b"moved", "request_key": request_key_of("red")},
        {"slot_id": shirt, "table": "manifest", "source_digest": b"other", "request_key": request_key_of("blue")},
        {"slot_id": mug, "table": "outcomes", "source_digest": b"nobody", "request_key": request_key_of("red")},
    ]
    remembered(scenario, make_release_batch(refreshed=moved))
    assert scenario.outcomes() == before | {RED: before[RED] | {"source_digest": b"moved"}}


# Questions to people


def asked_before(scenario: StoreScenario, days: float, **changes: Any) -> datetime:
    asked = datetime.now(UTC) - timedelta(days=days)
    ends = asked + timedelta(days=30)
    scenario.commit_outcome(
        "r0", "shirt/front", "red", "review", **{"decided_at": asked, "expires_at": ends, **changes}
    )
    return asked


def test_a_review_that_expired_is_closed_by_any_run(scenario: StoreScenario) -> None:
    asked = asked_before(scenario, 31)
    version = remembered(scenario, make_release_batch())
    row = scenario.outcomes()[RED]
    assert (row["state"], row["reasons"], row["decided_at"]) == ("blocked", ["by-hand", REVIEW_EXPIRED], asked)
    assert row["run_id"] == "r0"
    assert (
        record_outcomes(scenario.tables, make_release_batch(run_id="r2"), POLICY, frozenset(), scenario.store.now())
        == version
    )


def test_a_policy_with_more_days_opens_the_question_again(scenario: StoreScenario) -> None:
    asked = asked_before(scenario, 31)
    remembered(scenario, make_release_batch())
    patient = POLICY.model_copy(update={"review_days": 60})
    record_outcomes(scenario.tables, make_release_batch(run_id="r2"), patient, frozenset(), scenario.store.now())
    row = scenario.outcomes()[RED]
    assert (row["state"], row["reasons"]) == ("review", ["by-hand"])
    assert row["expires_at"] - asked == timedelta(days=60)


def test_the_same_image_decided_again_keeps_the_age_of_its_review(scenario: StoreScenario) -> None:
    asked = asked_before(scenario, 20)
    remembered(scenario, make_release_batch([decision_row("shirt/front", "red", "review", kind="waiting")]))
    row = scenario.outcomes()[RED]
    assert (row["state"], row["decided_at"], row["run_id"]) == ("review", asked, "run-1")
    assert row["expires_at"] - asked == timedelta(days=30)


def test_another_image_of_the_request_is_another_review(scenario: StoreScenario) -> None:
    asked = asked_before(scenario, 40, image_key=b"k" * 32)
    remembered(scenario, make_release_batch([decision_row("shirt/front", "red", "review", kind="waiting")]))
    row = scenario.outcomes()[RED]
    assert row["state"] == "review"
    assert row["decided_at"] > asked + timedelta(days=39)


def test_a_digest_is_refreshed_and_a_question_closed_in_one_row(scenario: StoreScenario) -> None:
    asked_before(scenario, 31)
    shirt = slot_id("shirt", "front", "a", 0)
    moved = {"slot_id": shirt, "table": "outcomes", "source_digest": b"moved", "request_key": request_key_of("red")}
    remembered(scenario, make_release_batch(refreshed=[moved]))
    row = scenario.outcomes()[RED]
    assert (row["source_digest"], row["state"]) == (b"moved", "blocked")
