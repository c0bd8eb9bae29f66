"""A batch is audited where the shop would see a change, its answer is kept, and a person's word lets a check go."""

from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.ingest.row_validation import RowCounts
from catalogs.planning.plan import Plan, PlanCounts
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.loading import load_recipe
from catalogs.recipe.schema import Recipe
from flows.run.audit import audit_run
from flows.run.executors import open_thread_executor
from infra.stores.json_objects import read_json
from tasks.runs import run_state as runs
from tasks.runs.held_releases import accept_checks
from tasks.runs.resources import Resources
from tests.fixtures.minimal_recipes import stub_recipe_text
from tests.fixtures.run_rows import RUN_ID, decision_row, make_release_batch
from tests.fixtures.store_scenarios import StoreScenario

PLAIN = load_recipe(stub_recipe_text(), "shop.yaml")
ASKING = load_recipe(stub_recipe_text(release="ask"), "shop.yaml")
pytestmark = pytest.mark.usefixtures("reduced_audit")


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    shop = StoreScenario(tmp_path)
    shop.write_run_folder(RUN_ID, is_open=True)
    return shop


def audit(
    scenario: StoreScenario, *rows: Any, retired: int = 0, recipe: Recipe = PLAIN
) -> tuple[list[str], list[dict[str, Any]]]:
    counts = PlanCounts(new=len(rows), requests=len(rows))
    plan = Plan(base_version=None, live=10, rows=RowCounts(), slots=counts, retired=retired)
    places = Resources(scenario.store, scenario.tables, lambda model: pytest.fail(f"{model} is not needed"))
    with open_thread_executor() as hands:
        run, rules = runs.load_run(scenario.store, RUN_ID), (recipe, built_in_policy())
        held, checks, _ = audit_run(places, hands, run, plan, make_release_batch(rows), rules)
    return held, checks


def test_a_night_that_changes_nothing_is_not_audited(scenario: StoreScenario) -> None:
    assert audit(scenario) == ([], [])
    assert not scenario.keys(f"{layout.RunFiles(RUN_ID).prefix}audit/")


def test_the_answer_is_in_the_runs_folder_and_a_person_may_let_a_check_go(scenario: StoreScenario) -> None:
    held, checks = audit(scenario, decision_row("shirt/front", "red"), retired=2)
    assert held == ["retired-share"]
    document = read_json(scenario.store, layout.RunFiles(RUN_ID).audit)
    assert (document["held"], document["catalogue"]) == (held, "shoes")
    assert [check["name"] for check in document["checks"]] == [check["name"] for check in checks]
    assert scenario.store.exists(layout.RunFiles(RUN_ID).audit_page)
    accept_checks(scenario.store, runs.load_run(scenario.store, RUN_ID), held, "we closed the toy shop", "ada")
    assert audit(scenario, decision_row("shirt/front", "red"), retired=2)[0] == []


def test_a_look_that_is_asked_for_stands_among_the_checks_and_on_the_page(scenario: StoreScenario) -> None:
    held, checks = audit(scenario, decision_row("shirt/front", "red"), retired=2, recipe=ASKING)
    assert held == ["look-before-live", "retired-share"]
    assert checks[-1]["reason"] == "1 image of 1 not accepted yet: every batch waits for a person's look"
    page = scenario.store.read(layout.RunFiles(RUN_ID).audit_page).decode()
    assert "every image accepted by a person, or the batch let go" in page
    accept_checks(scenario.store, runs.load_run(scenario.store, RUN_ID), held, "looked at it", "ada")
    assert audit(scenario, decision_row("shirt/front", "red"), retired=2, recipe=ASKING)[0] == []
