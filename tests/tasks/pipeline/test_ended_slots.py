"""Slots whose outcomes end: what the catalogue no longer asks for, except what a rejected row may be about (A15)."""

from pathlib import Path

import pytest

from catalogs import layout
from catalogs.indexes.digest_index import split_halves
from catalogs.keys import slot_id
from catalogs.planning.current_state import OUTCOME_COLUMNS, CurrentRelease, OutcomeIndex
from tasks.pipeline.ended_slots import EndingOutcomes, find_ended_slots
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    scenario = StoreScenario(tmp_path)
    for number, (place, state) in enumerate(
        [("hat/front", "review"), ("hat/side", "deferred"), ("sock/front", "blocked"), ("shoe/front", "withdrawn")]
    ):
        scenario.commit_outcome(f"r{number}", place, "red", state)
    return scenario


@pytest.mark.parametrize(
    ("rejected", "requested", "ended"),
    [
        (set(), [], {("hat", "front"), ("hat", "side"), ("sock", "front")}),
        (set(), [("sock", "front")], {("hat", "front"), ("hat", "side")}),
        ({"hat"}, [], {("sock", "front")}),
        ({"hat", "sock"}, [], set()),
        ({"scarf"}, [("hat", "front"), ("hat", "side")], {("sock", "front")}),
    ],
)
def test_what_ends(
    scenario: StoreScenario, rejected: set[str], requested: list[tuple[str, str]], ended: set[tuple[str, str]]
) -> None:
    outcomes = OutcomeIndex(scenario.tables.batches(layout.outcomes_table(CATALOGUE), OUTCOME_COLUMNS))
    if requested:
        outcomes.mark_requested(*split_halves([slot_id(sku, view, "a", 0) for sku, view in requested]))
    now = scenario.store.now()
    ending = EndingOutcomes(outcomes.unrequested_slots(CurrentRelease([])))
    table = find_ended_slots(scenario.tables, CATALOGUE, ending, rejected, now)
    assert set(table["slot_id"].to_pylist()) == {slot_id(sku, view, "a", 0) for sku, view in ended}
    assert set(table["planned_at"].to_pylist()) <= {now}
    assert set(table["request_key"].to_pylist()) <= {None}


@pytest.mark.parametrize(
    ("rejected", "ended"), [(set(), ["hat", "sock"]), ({"hat"}, ["sock"]), ({"scarf"}, ["hat", "sock"])]
)
def test_a_lapsed_review_ends_by_its_request_unless_a_row_of_its_sku_is_rejected(
    scenario: StoreScenario, rejected: set[str], ended: list[str]
) -> None:
    reviews = [(slot_id(sku, "front", "a", 0), sku.encode()) for sku in ("hat", "sock")]
    now = scenario.store.now()
    table = find_ended_slots(scenario.tables, CATALOGUE, EndingOutcomes([], reviews), rejected, now)
    assert table.to_pylist() == [
        {"slot_id": slot_id(sku, "front", "a", 0), "planned_at": now, "request_key": sku.encode()} for sku in ended
    ]
