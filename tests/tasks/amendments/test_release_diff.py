"""How two releases differ, and a release without withdrawn images."""

from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.table_schemas import WITHDRAWALS
from tasks.amendments.release_diff import diff_releases, diff_without
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    scenario = StoreScenario(tmp_path)
    scenario.release("r1", {"shirt/front": "red", "hat/front": "white", "shoe/front": "green"})
    return scenario


def withdrawals(scenario: StoreScenario, *skus: str) -> pa.Table:
    rows = scenario.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()
    columns = {"verdict": "BLOCK", "reasons": ["blurred"], "again": False}
    return pa.Table.from_pylist([row | columns for row in rows if row["sku"] in skus], schema=WITHDRAWALS)


def test_an_image_that_was_replaced_since_it_was_listed_stays(scenario: StoreScenario) -> None:
    listed = withdrawals(scenario, "shirt", "hat")
    scenario.release("r2", {"shirt/front": "pink"})
    diff = diff_without(scenario.tables, CATALOGUE, 2, listed)
    assert diff.lost["sku"].to_pylist() == ["hat"]
    assert (diff.restored.num_rows, diff.manifest_changes()["_op"].to_pylist()) == (0, ["drop"])


def test_two_releases_differ_by_the_rows_that_only_one_of_them_has(scenario: StoreScenario) -> None:
    scenario.release("r2", {"shirt/front": "pink", "mug/front": "blue"})
    diff = diff_releases(scenario.tables, CATALOGUE, 2, 1)
    assert diff.restored["sku"].to_pylist() == ["shirt"]
    assert sorted(diff.lost["sku"].to_pylist()) == ["mug", "shirt"]
    assert diff.dropped["sku"].to_pylist() == ["mug"]
    same = diff_releases(scenario.tables, CATALOGUE, 2, 2)
    assert (same.restored.num_rows, same.lost.num_rows) == (0, 0)
