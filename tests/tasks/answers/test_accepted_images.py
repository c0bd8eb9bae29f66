"""Published images that stand on a person's word are found by their very pixels, whatever the order of the rows."""

from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.keys import image_key
from catalogs.table_schemas import MANIFEST
from tasks.answers.accepted_images import accepted_mask, find_shown_answers
from tasks.answers.answer_log import read_answer_index
from tests.fixtures.answered_images import ACCEPT, REFUSE, answer, image_in, readmission, undo
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    scenario = StoreScenario(tmp_path)
    scenario.release("r0", {"mug/front": "red", "cup/front": "red", "hat/front": "blue", "cap/front": "green"})
    return scenario


def target(scenario: StoreScenario, sku: str, **changes: Any) -> Any:
    (row,) = [row for row in rows(scenario).to_pylist() if row["sku"] == sku]
    key = bytes.fromhex(image_key(row["request_key"].hex(), row["attempt"]))
    return image_in(row | {"image_key": key}, sku=sku, **changes)


def rows(scenario: StoreScenario) -> Any:
    return scenario.tables.read(layout.manifest_table(CATALOGUE)).select(MANIFEST.names)


def accepted(scenario: StoreScenario) -> set[str]:
    table = rows(scenario)
    mask = accepted_mask(table, read_answer_index(scenario.store, CATALOGUE))
    return {sku for sku, is_accepted in zip(table["sku"].to_pylist(), mask, strict=True) if is_accepted}


def test_every_slot_that_shows_an_accepted_image_stands_on_it(scenario: StoreScenario) -> None:
    assert accepted(scenario) == set()
    given = answer(scenario.store, target(scenario, "mug"), ACCEPT)
    answer(scenario.store, target(scenario, "hat"), REFUSE, reason="colour")
    answer(scenario.store, target(scenario, "cap", pixel_sha=b"other"), ACCEPT)
    assert accepted(scenario) == {"mug", "cup"}
    undo(scenario.store, given)
    assert accepted(scenario) == set()


def test_an_answer_is_told_with_the_position_of_its_row(scenario: StoreScenario) -> None:
    given = answer(scenario.store, target(scenario, "hat"), REFUSE, reason="colour")
    table = rows(scenario)
    found = dict(find_shown_answers(table, read_answer_index(scenario.store, CATALOGUE)))
    tokens = {table["sku"][position].as_py(): each.token for position, each in found.items() if each is not None}
    assert tokens == {"hat": given.token}


def test_a_refusal_that_a_readmission_lifted_is_told_in_the_slots_of_other_skus_alone(scenario: StoreScenario) -> None:
    given = answer(scenario.store, target(scenario, "mug"), REFUSE, reason="colour")
    readmission(scenario.store, "cup")
    table = rows(scenario)
    found = dict(find_shown_answers(table, read_answer_index(scenario.store, CATALOGUE)))
    tokens = {table["sku"][position].as_py(): each and each.token for position, each in found.items()}
    assert tokens == {"mug": given.token, "cup": None}
