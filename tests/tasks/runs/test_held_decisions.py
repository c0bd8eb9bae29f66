"""What a person lets go of a held batch is written once, and every process that completes it publishes the same."""

from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.answers.standing_answers import StandingAnswers
from catalogs.runs.held_selection import WHOLE, HeldSelection, ReleasedPart, select_released
from catalogs.runs.job import Run
from catalogs.table_schemas import DECISIONS
from infra.errors import DocumentUnreadable
from infra.stores.parquet_objects import write_table
from tasks.runs import run_state as runs
from tasks.runs.held_decisions import complete_release, find_release, read_decisions, record_release
from tasks.runs.held_releases import accepted_checks
from tests.fixtures.run_rows import RUN_ID, decision_row
from tests.fixtures.store_scenarios import StoreScenario

DECIDED = pa.Table.from_pylist([decision_row(f"{sku}/front", sku) for sku in ("cup", "jug")], schema=DECISIONS)
CHECKS = ["look-before-live"]


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    shop = StoreScenario(tmp_path)
    shop.write_run_folder(RUN_ID, is_open=True)
    write_table(shop.store, layout.RunFiles(RUN_ID).batch, DECIDED)
    return shop


def run_of(scenario: StoreScenario) -> Run:
    return runs.load_run(scenario.store, RUN_ID)


def part_with(*skus: str) -> ReleasedPart:
    return select_released(DECIDED, StandingAnswers(), HeldSelection(only=frozenset(skus)))


def states(scenario: StoreScenario) -> dict[str, str]:
    rows = read_decisions(scenario.store, run_of(scenario)).to_pylist()
    return {row["sku"]: row["state"] for row in rows}


def test_a_batch_that_nobody_let_go_is_decided_as_it_was(scenario: StoreScenario) -> None:
    assert find_release(scenario.store, run_of(scenario)) is None
    assert states(scenario) == {"cup": "publish", "jug": "publish"}


def test_the_first_word_stands(scenario: StoreScenario) -> None:
    run = run_of(scenario)
    first = record_release(scenario.store, run, CHECKS, "the cup is good", "ada", part_with("cup"))
    second = record_release(scenario.store, run, CHECKS, "all of it", "bob", ReleasedPart(DECIDED))
    assert first == second == find_release(scenario.store, run)
    assert (first.person, first.waiting, first.refused) == ("ada", 1, 0)
    assert states(scenario) == {"cup": "publish", "jug": "review"}


def test_a_whole_batch_needs_no_table_of_its_own(scenario: StoreScenario) -> None:
    part = select_released(DECIDED, StandingAnswers(), WHOLE)
    assert record_release(scenario.store, run_of(scenario), CHECKS, "good", "ada", part).decisions == ""
    assert not [key for key in scenario.keys(layout.RunFiles(RUN_ID).prefix) if "released-" in key]
    assert states(scenario) == {"cup": "publish", "jug": "publish"}


def test_a_process_killed_before_its_word_was_written_has_said_nothing(scenario: StoreScenario) -> None:
    part = part_with("cup")
    write_table(scenario.store, layout.RunFiles(RUN_ID).released("lost"), part.decisions)  # its table, and no more
    assert states(scenario) == {"cup": "publish", "jug": "publish"}


def test_a_process_killed_after_its_word_has_its_checks_accepted_by_the_next(scenario: StoreScenario) -> None:
    run = run_of(scenario)
    complete_release(scenario.store, run)
    assert accepted_checks(scenario.store, run) == set()
    record_release(scenario.store, run, CHECKS, "good", "ada", part_with("cup"))
    complete_release(scenario.store, run)
    assert accepted_checks(scenario.store, run) == set(CHECKS)


def test_a_damaged_word_is_named_and_publishes_nothing(scenario: StoreScenario) -> None:
    key = layout.RunFiles(RUN_ID).let_go
    scenario.store.write(key, b'{"checks": ["look-before-live"]}')
    with pytest.raises(DocumentUnreadable, match=key):
        read_decisions(scenario.store, run_of(scenario))
