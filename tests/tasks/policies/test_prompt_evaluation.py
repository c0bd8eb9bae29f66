"""Stored prompts are judged in the languages of the newest recipe that is still stored."""

from pathlib import Path

from catalogs import layout
from catalogs.policy.schema import built_in_policy
from infra.stores.json_objects import write_json
from tasks.policies.prompt_evaluation import open_prompt_evaluator
from tests.fixtures.sample_recipe import RECIPE
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario

SPANISH = "Una fotografía de una camiseta roja de algodón sobre un fondo blanco, vista desde el frente"


def verdict_of(scenario: StoreScenario) -> str:
    history = scenario.tables.history(layout.manifest_table(CATALOGUE))
    return open_prompt_evaluator(scenario.store, CATALOGUE, history, built_in_policy())(SPANISH).decision


def test_the_newest_recipe_that_can_be_read_says_which_languages_there_are(tmp_path: Path) -> None:
    scenario = StoreScenario(tmp_path)
    for run_id in ("r1", "r2", "r3"):
        scenario.release(run_id, {"shirt/front": run_id})
    assert verdict_of(scenario) == "REVIEW", "without a recipe it is English"
    spanish = RECIPE.model_copy(update={"languages": ("en", "es")})
    write_json(scenario.store, layout.RunFiles("r1").recipe, spanish.model_dump(mode="json"))
    scenario.store.write(layout.RunFiles("r3").recipe, b"{}")
    assert verdict_of(scenario) == "PASS"
