"""How often a catalogue was released and by which rules, read from its commits, whatever a sweep took away."""

from pathlib import Path

import pytest

from catalogs import layout
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.loading import load_recipe
from catalogs.recipe.release_rule import NO_FACTS, ReleaseFacts
from catalogs.table_schemas import MANIFEST
from tasks.runs.release_facts import MAX_COMMITS, compute_rules, read_release_facts, release_metadata
from tests.fixtures.minimal_recipes import stub_recipe_text
from tests.fixtures.store_scenarios import StoreScenario

POLICY = built_in_policy()
RECIPE = load_recipe(stub_recipe_text(release={"first_nights": 3, "after_change": ["recipe"]}), "shop.yaml")


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    shop = StoreScenario(tmp_path)
    shop.tables.ensure(layout.manifest_table("shoes"), MANIFEST)
    return shop


def commit(scenario: StoreScenario, **metadata: str) -> None:
    table = layout.manifest_table("shoes")
    base = scenario.tables.version(table)
    assert base is not None
    scenario.tables.mark(table, base_version=base, metadata=metadata)


def test_a_catalogue_without_a_release_has_no_facts(tmp_path: Path) -> None:
    assert read_release_facts(StoreScenario(tmp_path).tables, "shoes") == NO_FACTS


def test_each_release_carries_what_the_one_before_it_said(scenario: StoreScenario) -> None:
    rules = compute_rules(RECIPE, POLICY)
    for scope, count in (("full", 1), ("partial", 1), ("full", 2)):
        commit(scenario, kind="release", **release_metadata(scenario.tables, "shoes", scope, RECIPE, POLICY))  # type: ignore[arg-type]
        commit(scenario, kind="rollback")  # another kind of commit says nothing, and takes nothing away
        assert read_release_facts(scenario.tables, "shoes") == ReleaseFacts(count, rules)


def test_releases_before_the_rule_count_as_far_as_the_log_goes(scenario: StoreScenario) -> None:
    for kind in ("release", "fence", "release", "policy"):
        commit(scenario, kind=kind)
    assert read_release_facts(scenario.tables, "shoes") == ReleaseFacts(2, {})
    assert MAX_COMMITS >= 96, "a release every 15 minutes for a day"


@pytest.mark.parametrize("release", [None, "ask"])
def test_a_recipe_that_compares_nothing_writes_nothing(scenario: StoreScenario, release: str | None) -> None:
    recipe = load_recipe(stub_recipe_text(release=release), "shop.yaml")
    assert release_metadata(scenario.tables, "shoes", "full", recipe, POLICY) == {}


def test_the_rules_move_with_recipe_and_policy_and_not_with_the_rule_itself() -> None:
    other = load_recipe(stub_recipe_text(views={"front": "from above"}), "shop.yaml")
    asked = load_recipe(stub_recipe_text(release="ask"), "shop.yaml")
    rules = compute_rules(RECIPE, POLICY)
    assert compute_rules(asked, POLICY) == rules
    assert compute_rules(other, POLICY) == rules | {"recipe": other.digest}
    strict = POLICY.model_copy(update={"version": 99})
    assert compute_rules(RECIPE, strict) == rules | {"policy": strict.digest}
