"""A rollback leaves out what a policy took away since, or what the policy in force refuses by its stored scores."""

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.policy.policy_record import PolicyRecord
from catalogs.policy.prompt_rules import WordCategory
from catalogs.policy.schema import Policy, built_in_policy
from catalogs.table_schemas import WITHDRAWALS
from infra.stores import open_store
from tasks.amendments.apply_policy import PolicyTerms, apply_policy
from tasks.amendments.rollback import rollback
from tasks.amendments.takedowns import TAKEN_BY_POLICY, find_refused_images
from tasks.policies.reevaluate import PolicyReevaluation
from tasks.runs.policy_records import PolicyRecords
from tests.fixtures.crash_harness import CATALOGUE as WORLD
from tests.fixtures.crash_harness import CrashHarness, catalogue_row
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario

POLICY = built_in_policy()


def banning(term: str) -> Policy:
    categories = POLICY.words.categories | {"brands": WordCategory(verdict="BLOCK", terms=(term,))}
    words = POLICY.words.model_copy(update={"categories": categories})
    return POLICY.model_copy(update={"version": POLICY.version + 1, "words": words})


def apply_refusal(scenario: StoreScenario, sku: str) -> None:
    """Apply a policy that refuses the live images of a SKU."""
    table = layout.manifest_table(CATALOGUE)
    rows = [row for row in scenario.tables.read(table).to_pylist() if row["sku"] == sku]
    said = [row | {"verdict": "BLOCK", "reasons": ["soft"], "again": False} for row in rows]
    version = scenario.tables.version(table)
    assert version is not None
    withdrawals = pa.Table.from_pylist(said, schema=WITHDRAWALS)
    evaluation = PolicyReevaluation(CATALOGUE, version, POLICY, 3, withdrawals=withdrawals)
    apply_policy(scenario.store, scenario.tables, evaluation, PolicyTerms("strict.yaml", "ada", "the brand asked"))


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    """A shop that lost two pictures since its first release: the shirt's by a policy, the hat's by its catalogue."""
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red", "hat/front": "white", "shoe/front": "green"})
    apply_refusal(shop, "shirt")
    shop.release("r3", {"hat/front": None})
    return shop


def test_what_a_policy_took_away_since_stays_away_and_is_named(scenario: StoreScenario) -> None:
    """A3: by `rollback --to 1` the refused image was live again, for ever and without a word."""
    done = rollback(scenario.store, scenario.tables, CATALOGUE, 1)
    assert set(scenario.published_objects()) == {"hat/front", "shoe/front"}
    assert (done.restored, done.left_out) == (1, 1)
    assert [(slot["sku"], slot["reasons"]) for slot in done.slots["left_out"]] == [("shirt", ["soft"])]
    assert [row["state"] for row in scenario.outcomes().values()] == ["blocked"]


def test_without_the_policys_own_list_its_commit_says_what_it_took(scenario: StoreScenario) -> None:
    for key in scenario.keys("runs/"):
        if key.endswith("withdrawals.parquet"):
            scenario.store.delete([key])
    done = rollback(scenario.store, scenario.tables, CATALOGUE, 1)
    assert [slot["reasons"] for slot in done.slots["left_out"]] == [[TAKEN_BY_POLICY]]


def test_another_image_that_came_after_the_policy_stays(scenario: StoreScenario) -> None:
    scenario.release("r4", {"shirt/front": "pink"})
    shown = scenario.published_objects()["shirt/front"]
    done = rollback(scenario.store, scenario.tables, CATALOGUE, 1)
    assert scenario.published_objects()["shirt/front"] == shown
    assert (done.left_out, done.dropped) == (1, 0)


def test_what_was_live_after_the_policy_may_come_back(scenario: StoreScenario) -> None:
    scenario.release("r4", {"shirt/front": "red"})
    scenario.release("r5", {"shirt/front": "pink"})
    done = rollback(scenario.store, scenario.tables, CATALOGUE, 4)
    assert (done.restored, done.left_out) == (1, 0)


def test_where_nothing_is_to_be_shown_again_nothing_is_judged(scenario: StoreScenario) -> None:
    live = scenario.tables.read(layout.manifest_table(CATALOGUE))
    found = find_refused_images(scenario.store, scenario.tables, CATALOGUE, live.slice(0, 0), 1, [])
    assert (found.num_rows, found.schema) == (0, WITHDRAWALS)


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> CrashHarness:
    """A world whose second night replaced the pictures of the first."""
    world = CrashHarness(
        tmp_path_factory.mktemp("world"), [catalogue_row("a", "Oxford Shirt"), catalogue_row("b", "Camp Shirt")]
    )
    world.refresh()
    for row in world.rows:
        row["title"] = row["title"].replace("Shirt", "Mug")
    world.refresh()
    return world


@pytest.mark.usefixtures("reduced_audit")
def test_what_the_policy_in_force_refuses_by_its_scores_is_left_out_though_it_was_not_live_then(
    two_releases: CrashHarness, tmp_path: Path
) -> None:
    """A3: `policy apply` looks at live images only; an image of an earlier release it never saw."""
    shutil.copytree(two_releases.folder / "store", tmp_path / "store")
    world = CrashHarness(tmp_path, two_releases.rows, url_override=f"file://{tmp_path / 'store'}")
    records, store = PolicyRecords(world.store, WORLD), open_store(world.url)
    policy = banning("oxford shirt")
    assert records.claim(PolicyRecord(records.latest_number() + 1, policy, "p.yaml", "ada", store.now(), "asked"))
    done = rollback(world.store, world.tables, WORLD, 1)
    assert (done.restored, done.left_out) == (1, 1)
    [left_out] = done.slots["left_out"]
    assert (left_out["sku"], left_out["reasons"]) == ("a", ["words.brands"])
    kept = {row["sku"]: row for row in world.tables.read(layout.manifest_table(WORLD)).to_pylist()}
    assert set(kept) == {"a", "b"}
    assert kept["a"]["run_id"] != kept["b"]["run_id"], "a keeps its later picture, b shows its first one"
