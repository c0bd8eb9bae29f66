"""The negative prompts of the recipes behind the live rows are read once each, whatever their folders hold."""

from pathlib import Path

import pytest

from catalogs import layout
from infra.stores.json_objects import write_json
from tasks.pipeline.former_negatives import read_former_negatives
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario

MANIFEST_TABLE = layout.manifest_table(CATALOGUE)


def test_each_run_behind_a_live_row_is_asked_for_its_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = StoreScenario(tmp_path)
    assert list(read_former_negatives(scenario.store, scenario.tables, MANIFEST_TABLE, None)) == []
    recipes = {
        "r1": {"defaults": {"negative": "text"}, "categories": {"mugs": {"negative": "people"}, "hats": None}},
        "r2": {"defaults": {"negative": None}, "variants": {"b": {"negative": "text"}, "a": {}}, "categories": []},
        "r3": {"defaults": {"negative": 7}},
        "r4": {},
    }
    for number, (run_id, recipe) in enumerate(recipes.items()):
        version = scenario.release(run_id, {f"shirt{number}/front": f"word {number}"})
        write_json(scenario.store, layout.RunFiles(run_id).recipe, recipe)
    scenario.release("swept", {"sock/front": "blue"})
    scenario.release("torn", {"hat/front": "green"})
    scenario.store.write(layout.RunFiles("torn").recipe, b"{")
    scenario.release("r9", {"shoe/front": "grey"})
    write_json(scenario.store, layout.RunFiles("r9").recipe, {"defaults": {"negative": "later"}})
    found = read_former_negatives(scenario.store, scenario.tables, MANIFEST_TABLE, version)
    assert list(found) == ["text", "people"]  # r9 came after that version
    newest = scenario.tables.version(MANIFEST_TABLE)
    assert list(read_former_negatives(scenario.store, scenario.tables, MANIFEST_TABLE, newest)) == [
        "later",
        "text",
        "people",
    ]
    monkeypatch.setattr("tasks.pipeline.former_negatives.MAX_RUNS", 3)  # torn, swept, r9
    assert list(read_former_negatives(scenario.store, scenario.tables, MANIFEST_TABLE, newest)) == ["later"]
