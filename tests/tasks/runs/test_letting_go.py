"""A person's word on a held batch: which words are refused, and that the first one stands."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.errors import OptionError, PolicyChanged
from catalogs.policy.policy_record import PolicyRecord
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.loading import load_recipe
from catalogs.runs.held_selection import HeldSelection
from catalogs.runs.job import Run
from catalogs.table_schemas import DECISIONS
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import write_table
from tasks.runs import run_state as runs
from tasks.runs.held_decisions import find_release
from tasks.runs.held_releases import accepted_checks
from tasks.runs.letting_go import let_go, require_releasable
from tasks.runs.policy_records import PolicyRecords
from tests.fixtures.minimal_recipes import stub_recipe_text
from tests.fixtures.run_rows import RUN_ID, decision_row, write_policy
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario

LOOK, RETIRED = "look-before-live", "retired-share"


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    shop = StoreScenario(tmp_path)
    shop.write_run_folder(RUN_ID, is_open=True)
    recipe = load_recipe(stub_recipe_text(release="ask"), "shop.yaml")
    write_json(shop.store, layout.RunFiles(RUN_ID).recipe, recipe.model_dump(mode="json"))
    write_policy(shop.store)
    rows = [decision_row(f"{sku}/front", sku) for sku in ("cup1", "jug1")]
    write_table(shop.store, layout.RunFiles(RUN_ID).batch, pa.Table.from_pylist(rows, schema=DECISIONS))
    runs.hold_run(shop.store, run_of(shop), [LOOK, RETIRED], [])
    return shop


def run_of(scenario: StoreScenario) -> Run:
    return runs.load_run(scenario.store, RUN_ID)


@pytest.mark.parametrize(
    ("checks", "reason", "selection", "message"),
    [
        ([LOOK], "good", HeldSelection(), "is also held by retired-share"),
        ([], "good", HeldSelection(), "is held by look-before-live, retired-share"),
        ([LOOK, RETIRED, "slots-sum"], "good", HeldSelection(), "--accept: 'slots-sum' does not hold the run"),
        ([LOOK, RETIRED], " ", HeldSelection(), "--reason: say why the batch may go"),
        ([LOOK, RETIRED], "good", HeldSelection(frozenset({"cup"})), "--only: .* no image of 'cup' to publish"),
        ([LOOK, RETIRED], "good", HeldSelection(accepted_only=True), "nobody has accepted an image of it"),
    ],
)
def test_a_word_that_is_not_whole_is_refused_and_writes_nothing(
    scenario: StoreScenario, checks: list[str], reason: str, selection: HeldSelection, message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        let_go(scenario.store, run_of(scenario), checks, reason, "ada", selection)
    assert find_release(scenario.store, run_of(scenario)) is None
    assert accepted_checks(scenario.store, run_of(scenario)) == set()


def test_the_first_word_stands_and_the_second_adds_the_checks_that_hold_what_went(scenario: StoreScenario) -> None:
    run = run_of(scenario)
    first = let_go(scenario.store, run, [LOOK, RETIRED], "good", "ada", HeldSelection(frozenset({"cup1"})))
    assert let_go(scenario.store, run, [], "", "bob") == first
    runs.hold_run(scenario.store, run, ["publish-share"], [])  # the part is audited again
    second = let_go(scenario.store, run, ["publish-share"], "so be it", "bob")
    assert replace(second) == first
    assert accepted_checks(scenario.store, run) == {LOOK, RETIRED, "publish-share"}


def test_a_batch_of_another_policy_is_not_let_go(scenario: StoreScenario) -> None:
    strict = built_in_policy().model_copy(update={"version": 99})
    record = PolicyRecord(1, strict, "strict.yaml", "ada", scenario.store.now(), "stricter")
    assert PolicyRecords(scenario.store, CATALOGUE).claim(record)
    with pytest.raises(PolicyChanged, match="refresh again"):
        require_releasable(scenario.store, run_of(scenario), [LOOK, RETIRED])
