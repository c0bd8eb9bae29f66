"""Of all outcomes a commit reads the few that it may write again, and drops those that end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from catalogs.keys import slot_id
from catalogs.runs.outcome_scope import OutcomeScope
from catalogs.slot_states import SlotState
from catalogs.table_schemas import ENDED_SLOTS, OUTCOMES
from tests.fixtures.run_rows import decision_row, make_release_batch
from tests.fixtures.store_scenarios import finish_digest_of, request_key_of

NOW = datetime(2026, 11, 30, tzinfo=UTC)
FORGOTTEN_BEFORE = NOW - timedelta(days=30)


def outcome(sku: str, label: str, state: str, **changes: Any) -> dict[str, Any]:
    digests = {"request_key": request_key_of(label), "finish_digest": finish_digest_of(label)}
    row = {"slot_id": slot_id(sku, "front", "a", 0), "sku": sku, "state": state, "reasons": ["blurred"]}
    return row | digests | {"decided_at": NOW, "retry_at": NOW} | changes


def masks(scope: OutcomeScope, *rows: dict[str, Any]) -> list[tuple[bool, bool]]:
    """Return of each row whether it ends, and whether it may be written again."""
    batch = pa.RecordBatch.from_pylist(list(rows), OUTCOMES)
    return list(zip(scope.select_ended(batch).to_pylist(), scope.select_known(batch).to_pylist(), strict=True))


def test_a_batch_without_slots_concerns_reviews_and_those_that_expired_alone() -> None:
    scope = OutcomeScope(make_release_batch(), frozenset(), FORGOTTEN_BEFORE)
    rows = [outcome("mug", state.value, state.value) for state in SlotState]
    states = [row["state"] for row, (_, is_known) in zip(rows, masks(scope, *rows), strict=True) if is_known]
    assert states == ["review"]
    expired = outcome("mug", "red", "blocked", reasons=["blurred", "review-expired"])
    assert masks(scope, expired) == [(False, True)]


@pytest.mark.parametrize(("superseded", "ends"), [(False, True), (True, False)])
def test_the_outcomes_of_a_published_slot_end_unless_it_is_superseded(superseded: bool, ends: bool) -> None:
    published = decision_row("mug/front", "red")
    left_out = frozenset([published["slot_id"]]) if superseded else frozenset()
    scope = OutcomeScope(make_release_batch([published]), left_out, FORGOTTEN_BEFORE)
    rows = [outcome("mug", "red", "blocked"), outcome("mug", "blue", "failed"), outcome("cup", "red", "blocked")]
    assert [is_ended for is_ended, _ in masks(scope, *rows)] == [ends, ends, False]
    assert masks(scope, outcome("mug", "red", "withdrawn"))[0][0] is False


def test_what_was_blocked_and_lapses_is_written_again_and_a_review_that_lapses_ends() -> None:
    slot = slot_id("mug", "front", "a", 0)
    lapsed = {"slot_id": slot, "planned_at": NOW, "request_key": request_key_of("red")}
    ended = pa.Table.from_pylist([lapsed], ENDED_SLOTS)
    scope = OutcomeScope(replace(make_release_batch(), ended=ended), frozenset(), FORGOTTEN_BEFORE)
    assert masks(
        scope,
        outcome("mug", "red", "review"),
        outcome("mug", "red", "blocked"),
        outcome("mug", "blue", "blocked"),
        outcome("mug", "red", "review", decided_at=NOW + timedelta(seconds=1)),
    ) == [(True, False), (False, True), (False, False), (False, True)]
