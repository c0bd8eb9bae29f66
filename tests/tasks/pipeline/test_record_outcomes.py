"""Outcomes of refused slots, so that no later run pays for the same attempt again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.keys import slot_id
from catalogs.policy.review_expiry import REVIEW_EXPIRED
from catalogs.policy.schema import built_in_policy
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.slot_states import NOT_ASKED_FOR
from catalogs.table_schemas import ENDED_SLOTS
from tasks.pipeline.record_outcomes import record_outcomes
from tests.fixtures.run_rows import decision_row, make_release_batch
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, finish_digest_of, request_key_of

POLICY = built_in_policy()
RED, BLUE = ("shirt", request_key_of("red")), ("shirt", request_key_of("blue"))


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path)


def remembered(scenario: StoreScenario, found: ReleaseBatch, *superseded: bytes) -> int:
    return record_outcomes(scenario.tables, found, POLICY, frozenset(superseded), scenario.store.now()).version


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
    again = record_outcomes(scenario.tables, make_release_batch(run_id="r2"), POLICY, frozenset(), scenario.store.now())
    assert again.version == version


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


# Faults of our own (A5)


def test_a5_a_fault_of_our_own_is_counted_from_run_to_run_and_reported(scenario: StoreScenario) -> None:
    now, reasons = scenario.store.now(), ["scanner-failed.pixels"]
    for night in range(3):
        row = decision_row("shirt/front", "red", "review", kind="waiting", reasons=reasons)
        batch = make_release_batch([row], run_id=f"r{night}")
        recorded = record_outcomes(scenario.tables, batch, POLICY, frozenset(), now + timedelta(days=night))
    kept = scenario.outcomes()[RED]
    assert (kept["tries"], kept["retry_at"]) == (3, now + timedelta(days=2 + 2, hours=-4))
    assert kept["decided_at"] == now, "the review keeps its age"
    assert recorded.own_faults.document() == {
        "slots": 1, "reasons": {"scanner-failed.pixels": 1}, "next_try": kept["retry_at"].isoformat()
    }  # fmt: skip


def test_a5_a_collision_is_kept_with_the_pixels_it_hangs_on(scenario: StoreScenario) -> None:
    row = decision_row("shirt/front", "red", "blocked", reasons=["duplicate-exact"], collides_with=b"p" * 32)
    remembered(scenario, make_release_batch([row]))
    assert scenario.outcomes()[RED]["collides_with"] == b"p" * 32


def test_a5_rows_of_an_older_version_are_scheduled_with_the_next_commit_and_by_no_commit_of_their_own(
    scenario: StoreScenario,
) -> None:
    scenario.commit_outcome("r1", "shirt/front", "red", "failed", reasons=["engine-failed"], attempts=3)
    scenario.commit_outcome("r2", "mug/front", "red", "blocked", reasons=["duplicate-exact"])
    version = scenario.tables.version(layout.outcomes_table(CATALOGUE))
    assert remembered(scenario, make_release_batch(run_id="idle")) == version
    remembered(scenario, make_release_batch([decision_row("hat/front", "red", "blocked")], run_id="busy"))
    found = scenario.outcomes()
    shirt, mug = found[RED], found["mug", request_key_of("red")]
    assert (shirt["tries"], shirt["retry_at"] is not None, shirt["run_id"]) == (3, True, "r1")
    assert (mug["tries"], mug["retry_at"] is not None) == (None, True)


# Withdrawals, each of one finish


def withdrawn(scenario: StoreScenario, *finishes: str) -> None:
    for finish in finishes:
        scenario.commit_outcome(f"w{finish}", "shirt/front", f"red+{finish}", "withdrawn", attempts=2)


def kept(scenario: StoreScenario) -> dict[str, tuple[str, str]]:
    rows = scenario.tables.read(layout.outcomes_table(CATALOGUE)).to_pylist()
    names = {finish_digest_of(f"red+{finish}"): finish for finish in ("", "old", "new")}
    return {names[row["finish_digest"]]: (row["state"], row["run_id"]) for row in rows}


@pytest.mark.parametrize("state", ["review", "blocked", "failed", "deferred"])
def test_a_refusal_in_another_finish_leaves_a_withdrawal_as_it_is(scenario: StoreScenario, state: str) -> None:
    withdrawn(scenario, "old")
    remembered(scenario, make_release_batch([decision_row("shirt/front", "red+new", state)], run_id="r2"))
    assert kept(scenario) == {"old": ("withdrawn", "wold"), "new": (state, "r2")}


@pytest.mark.parametrize("state", ["review", "blocked", "failed", "deferred"])
def test_what_was_withdrawn_stays_so_where_the_very_image_is_refused(scenario: StoreScenario, state: str) -> None:
    withdrawn(scenario, "old", "new")
    remembered(scenario, make_release_batch([decision_row("shirt/front", "red+new", state)], run_id="r2"))
    assert kept(scenario) == {"old": ("withdrawn", "wold"), "new": ("withdrawn", "wnew")}


def test_a_refusal_replaces_that_of_another_finish(scenario: StoreScenario) -> None:
    withdrawn(scenario, "")
    for number, finish in enumerate(["old", "new"]):
        row = decision_row("shirt/front", f"red+{finish}", "blocked")
        remembered(scenario, make_release_batch([row], run_id=f"r{number}"))
    assert kept(scenario) == {"": ("withdrawn", "w"), "new": ("blocked", "r1")}


def test_a_published_slot_keeps_its_withdrawals_in_every_finish(scenario: StoreScenario) -> None:
    withdrawn(scenario, "old", "new")
    remembered(scenario, make_release_batch([decision_row("shirt/front", "red")]))
    assert set(kept(scenario)) == {"old", "new"}


@pytest.mark.parametrize("named_finish", ["old", "new"])
def test_of_two_withdrawals_of_a_request_the_named_one_gets_the_new_digest(
    scenario: StoreScenario, named_finish: str
) -> None:
    withdrawn(scenario, "old", "new")
    row = {"slot_id": slot_id("shirt", "front", "a", 0), "table": "outcomes", "source_digest": b"n" * 16}
    named = {"request_key": request_key_of("red"), "finish_digest": finish_digest_of(f"red+{named_finish}")}
    remembered(scenario, make_release_batch(refreshed=[row | named]))
    rows = scenario.tables.read(layout.outcomes_table(CATALOGUE)).to_pylist()
    assert [row["run_id"] for row in rows if row["source_digest"] == b"n" * 16] == [f"w{named_finish}"]


# A budget (A13)


@pytest.mark.parametrize("state", ["review", "blocked", "failed", "withdrawn"])
def test_a13_a_deferred_decision_leaves_what_is_known_as_it_is(scenario: StoreScenario, state: str) -> None:
    source = decision_row("shirt/front", "red")["source_digest"]
    scenario.commit_outcome("r1", "shirt/front", "red", state, attempts=2, source_digest=source)
    before = scenario.outcomes()
    version = scenario.tables.version(layout.outcomes_table(CATALOGUE))
    row = decision_row("shirt/front", "red", "deferred", kind="waiting", attempts_spent=0, image_key=None)
    assert remembered(scenario, make_release_batch([row])) == version
    assert scenario.outcomes() == before


def test_a13_attempts_that_were_spent_before_the_budget_ran_out_are_kept(scenario: StoreScenario) -> None:
    scenario.commit_outcome("r1", "shirt/front", "red", "failed", attempts=1)
    remembered(scenario, make_release_batch([decision_row("shirt/front", "red", "deferred", attempts_spent=2)]))
    row = scenario.outcomes()[RED]
    assert (row["state"], row["attempts"], row["run_id"]) == ("failed", 2, "r1")


# Rows end with their slot (A15)


@pytest.mark.parametrize("state", ["review", "blocked", "failed", "deferred"])
def test_a15_a_published_slot_keeps_no_outcome_of_any_request(scenario: StoreScenario, state: str) -> None:
    scenario.commit_outcome("r1", "shirt/front", "red", state)
    scenario.commit_outcome("r2", "shirt/front", "blue", state)
    scenario.commit_outcome("r3", "mug/front", "red", state)
    remembered(scenario, make_release_batch([decision_row("shirt/front", "red")]))
    assert list(scenario.outcomes()) == [("mug", request_key_of("red"))]


def test_a15_a_superseded_slot_was_not_published(scenario: StoreScenario) -> None:
    scenario.commit_outcome("r1", "shirt/front", "blue", "review")
    remembered(scenario, make_release_batch([decision_row("shirt/front", "red")]), slot_id("shirt", "front", "a", 0))
    assert list(scenario.outcomes()) == [BLUE]


def test_a15_rows_of_slots_that_are_gone_end_and_those_decided_since_the_plan_stay(scenario: StoreScenario) -> None:
    planned_at = scenario.store.now()
    old, new = planned_at - timedelta(days=1), planned_at + timedelta(seconds=1)
    scenario.commit_outcome("r1", "shirt/front", "red", "deferred", decided_at=old)
    scenario.commit_outcome("r2", "shirt/front", "blue", "review", decided_at=new)
    scenario.commit_outcome("r3", "mug/front", "red", "review", decided_at=old)
    slot = slot_id("shirt", "front", "a", 0)
    ended = pa.Table.from_pylist([{"slot_id": slot, "planned_at": planned_at}], ENDED_SLOTS)
    remembered(scenario, replace(make_release_batch(), ended=ended))
    assert set(scenario.outcomes()) == {BLUE, ("mug", request_key_of("red"))}


def test_a15_what_was_withdrawn_binds_when_the_sku_comes_back(scenario: StoreScenario) -> None:
    scenario.commit_outcome("r1", "shirt/front", "red", "withdrawn")
    slot, now = slot_id("shirt", "front", "a", 0), scenario.store.now()
    ended = pa.Table.from_pylist([{"slot_id": slot, "planned_at": now}], ENDED_SLOTS)
    remembered(scenario, replace(make_release_batch([decision_row("shirt/front", "blue")]), ended=ended))
    assert list(scenario.outcomes()) == [RED]


def test_of_a_lapsed_review_no_other_outcome_of_its_slot_ends_and_none_that_was_decided_since(
    scenario: StoreScenario,
) -> None:
    planned_at = scenario.store.now()
    old, new = planned_at - timedelta(days=1), planned_at + timedelta(seconds=1)
    states = {"red": "review", "blue": "blocked", "green": "withdrawn", "gold": "review"}
    for name, state in states.items():
        scenario.commit_outcome(f"r-{name}", "shirt/front", name, state, decided_at=new if name == "gold" else old)
        scenario.commit_outcome(f"m-{name}", "mug/front", name, state, decided_at=old)
    slot = slot_id("shirt", "front", "a", 0)
    lapsed = [{"slot_id": slot, "planned_at": planned_at, "request_key": request_key_of(name)} for name in states]
    ended = pa.Table.from_pylist(lapsed, ENDED_SLOTS)
    version = remembered(scenario, replace(make_release_batch(), ended=ended))
    assert set(scenario.outcomes()) == {
        *(("shirt", request_key_of(name)) for name in ("blue", "green", "gold")),
        *(("mug", request_key_of(name)) for name in states),
    }
    assert remembered(scenario, replace(make_release_batch(), ended=ended)) == version, "it is ended once"
    without_source = {key for key, row in scenario.outcomes().items() if row["source_digest"] == NOT_ASKED_FOR}
    assert without_source == {BLUE}, "what was blocked stays, and no row asks for it"


def test_what_was_blocked_after_the_plan_keeps_its_source(scenario: StoreScenario) -> None:
    planned_at = scenario.store.now()
    scenario.commit_outcome("r1", "shirt/front", "blue", "blocked", decided_at=planned_at + timedelta(seconds=1))
    lapsed = {"slot_id": slot_id("shirt", "front", "a", 0), "planned_at": planned_at, "request_key": BLUE[1]}
    before = scenario.outcomes()
    remembered(scenario, replace(make_release_batch(), ended=pa.Table.from_pylist([lapsed], ENDED_SLOTS)))
    assert scenario.outcomes() == before


def test_a15_of_a_slots_older_requests_deferrals_end_at_once_and_refusals_when_they_are_as_old_as_a_review(
    scenario: StoreScenario,
) -> None:
    now = scenario.store.now()
    ages = {"deferred": 0, "blocked": POLICY.review_days - 1, "failed": POLICY.review_days + 1}
    for number, (state, days) in enumerate(ages.items()):
        decided_at = now - timedelta(days=days)
        scenario.commit_outcome(f"r{number}", "shirt/front", state, state, decided_at=decided_at)
    remembered(scenario, make_release_batch([decision_row("shirt/front", "red", "blocked")]))
    assert set(scenario.outcomes()) == {RED, ("shirt", request_key_of("blocked"))}
