"""What is kept of a refusal, so that no night buys it twice."""

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
from tests.fixtures.run_rows import batch, decision
from tests.fixtures.store_scenarios import CATALOGUE, Shop, request_of

POLICY = built_in_policy()
RED, BLUE = ("shirt", request_of("red")), ("shirt", request_of("blue"))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def remembered(shop: Shop, found: ReleaseBatch, *superseded: bytes) -> int:
    return record_outcomes(shop.tables, found, POLICY, frozenset(superseded))


def test_every_refusal_is_kept_with_its_reasons_and_nothing_published(shop: Shop) -> None:
    rows = [
        decision(f"{state}/front", state, state) for state in ("publish", "review", "blocked", "failed", "deferred")
    ]
    remembered(shop, batch(rows))
    kept = {row["state"]: row for row in shop.outcomes().values()}
    assert sorted(kept) == ["blocked", "deferred", "failed", "review"]
    for row in kept.values():
        assert (row["attempts"], row["reasons"], row["policy_digest"]) == (1, ["blurred"], POLICY.digest)
    assert kept["review"]["expires_at"] - kept["review"]["decided_at"] == timedelta(days=POLICY.review_days)
    assert [kept[state]["expires_at"] for state in ("blocked", "failed", "deferred")] == [None] * 3


def test_a_slot_keeps_an_outcome_for_each_of_its_requests_and_the_newest_of_one(shop: Shop) -> None:
    remembered(shop, batch([decision("shirt/front", "red", "blocked")], run_id="r1"))
    remembered(shop, batch([decision("shirt/front", "blue", "review")], run_id="r2"))
    remembered(shop, batch([decision("shirt/front", "red", "failed", attempts_spent=3)], run_id="r3"))
    found = {key: (row["state"], row["attempts"], row["run_id"]) for key, row in shop.outcomes().items()}
    assert found == {RED: ("failed", 3, "r3"), BLUE: ("review", 1, "r2")}


def test_a_superseded_slot_leaves_no_outcome(shop: Shop) -> None:
    rows = [decision("shirt/front", "red", "blocked"), decision("mug/front", "blue", "blocked")]
    remembered(shop, batch(rows), slot_id("shirt", "front", "a", 0))
    assert set(shop.outcomes()) == {("mug", request_of("blue"))}


def test_remembering_twice_changes_nothing(shop: Shop) -> None:
    found = batch([decision("shirt/front", "red", "blocked")])
    version = remembered(shop, found)
    before = shop.outcomes()
    assert remembered(shop, found) == version == shop.tables.version(layout.outcomes_table(CATALOGUE))
    assert shop.outcomes() == before


def test_a_batch_without_refusals_makes_no_commit(shop: Shop) -> None:
    assert remembered(shop, batch([decision("shirt/front", "red")])) == 0


def test_only_the_digest_of_the_very_outcome_is_refreshed(shop: Shop) -> None:
    shop.refuse("r1", "shirt/front", "red", "blocked")
    shop.refuse("r2", "shirt/front", "blue", "review")
    before = shop.outcomes()
    shirt, mug = slot_id("shirt", "front", "a", 0), slot_id("mug", "front", "a", 0)
    moved = [
        {"slot_id": shirt, "table": "outcomes", "source_digest": b"moved", "request_key": request_of("red")},
        {"slot_id": shirt, "table": "manifest", "source_digest": b"other", "request_key": request_of("blue")},
        {"slot_id": mug, "table": "outcomes", "source_digest": b"nobody", "request_key": request_of("red")},
    ]
    remembered(shop, batch(refreshed=moved))
    assert shop.outcomes() == before | {RED: before[RED] | {"source_digest": b"moved"}}


# Questions to people


def asked_before(shop: Shop, days: float, **changes: Any) -> datetime:
    asked = datetime.now(UTC) - timedelta(days=days)
    ends = asked + timedelta(days=30)
    shop.refuse("r0", "shirt/front", "red", "review", **{"decided_at": asked, "expires_at": ends, **changes})
    return asked


def test_a_question_that_nobody_answered_in_time_is_closed_by_any_night(shop: Shop) -> None:
    asked = asked_before(shop, 31)
    version = remembered(shop, batch())
    row = shop.outcomes()[RED]
    assert (row["state"], row["reasons"], row["decided_at"]) == ("blocked", ["by-hand", REVIEW_EXPIRED], asked)
    assert row["run_id"] == "r0"
    assert record_outcomes(shop.tables, batch(run_id="r2"), POLICY, frozenset()) == version


def test_a_policy_with_more_days_opens_the_question_again(shop: Shop) -> None:
    asked = asked_before(shop, 31)
    remembered(shop, batch())
    patient = POLICY.model_copy(update={"review_days": 60})
    record_outcomes(shop.tables, batch(run_id="r2"), patient, frozenset())
    row = shop.outcomes()[RED]
    assert (row["state"], row["reasons"]) == ("review", ["by-hand"])
    assert row["expires_at"] - asked == timedelta(days=60)


def test_the_same_picture_decided_anew_keeps_the_age_of_its_question(shop: Shop) -> None:
    asked = asked_before(shop, 20)
    remembered(shop, batch([decision("shirt/front", "red", "review", kind="waiting")]))
    row = shop.outcomes()[RED]
    assert (row["state"], row["decided_at"], row["run_id"]) == ("review", asked, "run-1")
    assert row["expires_at"] - asked == timedelta(days=30)


def test_another_picture_of_the_request_is_another_question(shop: Shop) -> None:
    asked = asked_before(shop, 40, image_key=b"k" * 32)
    remembered(shop, batch([decision("shirt/front", "red", "review", kind="waiting")]))
    row = shop.outcomes()[RED]
    assert row["state"] == "review"
    assert row["decided_at"] > asked + timedelta(days=39)


def test_a_digest_is_refreshed_and_a_question_closed_in_one_row(shop: Shop) -> None:
    asked_before(shop, 31)
    shirt = slot_id("shirt", "front", "a", 0)
    moved = {"slot_id": shirt, "table": "outcomes", "source_digest": b"moved", "request_key": request_of("red")}
    remembered(shop, batch(refreshed=[moved]))
    row = shop.outcomes()[RED]
    assert (row["source_digest"], row["state"]) == (b"moved", "blocked")
