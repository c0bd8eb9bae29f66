"""A stored plan counts only when it is whole, and until another release is live or somebody answers."""

from pathlib import Path

import pytest

from catalogs import layout
from catalogs.planning.budget import CostModel
from catalogs.planning.plan import Plan
from catalogs.policy.schema import built_in_policy
from catalogs.runs.job import RefreshJob
from tasks.pipeline.plan import make_plan
from tasks.pipeline.stored_plan import is_plan_current, load_plan
from tests.fixtures.run_rows import RUN_ID, start_run
from tests.fixtures.sample_recipe import RECIPE
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path / "store")


def job(scenario: StoreScenario) -> RefreshJob:
    source = scenario.folder.parent / "catalogue.csv"
    source.write_text("sku,title,category\nmug,Red mug,\nboot,Winter boot,boots\ngun,Cocaine in a bag,\n,Nameless,\n")
    return RefreshJob(str(source), str(scenario.folder), CATALOGUE, RECIPE, built_in_policy())


def plan_of(scenario: StoreScenario, run_id: str = RUN_ID) -> Plan:
    return make_plan(job(scenario), scenario.store, scenario.tables, run_id, 2, CostModel(seconds_per_megapixel=2.0))


def test_a_plan_is_loaded_as_it_was_made_and_only_when_it_is_whole(scenario: StoreScenario) -> None:
    assert load_plan(scenario.store, RUN_ID) is None
    plan = plan_of(scenario)
    assert load_plan(scenario.store, RUN_ID) == plan
    scenario.store.delete([layout.RunFiles(RUN_ID).plan])
    assert load_plan(scenario.store, RUN_ID) is None


def test_a_plan_holds_once_it_is_whole_and_until_another_release_is_live(scenario: StoreScenario) -> None:
    run = start_run(scenario.store, job(scenario), "f1")
    assert not is_plan_current(scenario.store, scenario.tables, run)
    plan_of(scenario, run.run_id)
    assert is_plan_current(scenario.store, scenario.tables, run)
    scenario.release("r0", {"shirt/front": "red"})
    assert not is_plan_current(scenario.store, scenario.tables, run)
