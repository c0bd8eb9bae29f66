"""What a rollback goes back to: a release, one run's commit, or the last change of a SKU."""

from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.runs.commit_kinds import APPROVAL_KIND, FENCE_KIND, POLICY_KIND
from catalogs.runs.rollback_selection import RollbackSelection
from infra.stores.json_objects import read_json, write_json
from tasks.amendments.rollback_plan import RollbackPlan, plan_rollback
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario

TABLE = layout.manifest_table(CATALOGUE)


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    """A shop of three releases: 1 all, 2 another picture of the shirt, 3 a new sock and no hat."""
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red", "shirt/back": "blue", "hat/front": "white"})
    shop.release("r2", {"shirt/front": "pink"})
    shop.release("r3", {"sock/front": "grey", "hat/front": None})
    return shop


def plan(scenario: StoreScenario, **options: Any) -> RollbackPlan:
    return plan_rollback(scenario.store, scenario.tables, CATALOGUE, RollbackSelection(**options))


def mark(scenario: StoreScenario, kind: str) -> int:
    base = scenario.tables.version(TABLE)
    assert base is not None
    return scenario.tables.mark(TABLE, base_version=base, metadata={"kind": kind, "token": f"{kind}-{base}"})


def test_without_a_release_it_is_the_newest_that_shows_something_else(scenario: StoreScenario) -> None:
    assert (plan(scenario).target, plan(scenario).seen) == (2, 3)
    scenario.release("r4", {"shirt/front": "pink"}, source_digest=b"moved" * 3 + b"!")
    for kind in (APPROVAL_KIND, POLICY_KIND, FENCE_KIND):
        mark(scenario, kind)
    assert plan(scenario).target == 2, "A4: a refreshed digest, an approval and a policy without rows show the same"
    assert plan(scenario).seen == 4, "a commit without rows is no release"


def test_a_release_that_shows_the_same_after_a_change_there_and_back_is_skipped(scenario: StoreScenario) -> None:
    scenario.release("r4", {"sock/front": None})
    scenario.release("r5", {"sock/front": "grey"})
    assert plan(scenario).target == 4
    scenario.release("r6", {"sock/front": None})
    assert plan(scenario).target == 5


def test_where_all_releases_show_the_same_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red"})
    shop.release("r2", {"shirt/front": "red"}, source_digest=b"moved" * 3 + b"!")
    with pytest.raises(OptionError, match=r"has 2 release\(s\), and all show the same images"):
        plan(shop)


def test_a_fence_is_no_release_to_go_back_to(scenario: StoreScenario) -> None:
    fence = mark(scenario, FENCE_KIND)
    with pytest.raises(OptionError, match=f"has no release {fence}; one can go back to: 2, 1"):
        plan(scenario, to=fence)


def test_a_run_is_taken_back_by_its_commit(scenario: StoreScenario) -> None:
    found = plan(scenario, run_id="r2")
    assert (found.target, found.undone) == (1, {2: None})
    assert plan(scenario, run_id="r2", skus=("shirt",)).undone == {2: ["shirt"]}
    assert plan(scenario, run_id="r1").target == 0, "before the first release nothing was shown"


def test_a_sku_is_taken_back_by_the_last_commit_that_changed_it(scenario: StoreScenario) -> None:
    found = plan(scenario, skus=("shirt", "sock"))
    assert (found.target, found.undone) == (1, {3: ["sock"], 2: ["shirt"]})
    diff = found.compute_diff(scenario.tables, CATALOGUE, 3)
    assert sorted(diff.restored["view"].to_pylist()) == ["front"], "the shirt's back was not changed by that commit"
    assert diff.dropped["sku"].to_pylist() == ["sock"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"run_id": "r9"}, "--run: 'r9' made no release of 'shoes' that is kept"),
        ({"skus": ("boot",)}, "--sku: no release of 'shoes' that is kept has changed what 'boot' shows"),
        ({"to": 9}, "has no release 9; one can go back to: 2, 1"),
        ({"to": 3}, "Release 3 of 'shoes' is the current one; one can go back to: 2, 1"),
    ],
)
def test_what_cannot_be_gone_back_to_is_refused(scenario: StoreScenario, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        plan(scenario, **options)


def test_what_a_sweep_let_go_cannot_be_gone_back_to(scenario: StoreScenario) -> None:
    write_json(scenario.store, layout.retention_watermark(CATALOGUE), {"oldest": 2})
    with pytest.raises(OptionError, match="has no release 1; one can go back to: 2"):
        plan(scenario, to=1)
    with pytest.raises(OptionError, match="--run"):
        plan(scenario, run_id="r2")
    with pytest.raises(OptionError, match="--sku"):
        plan(scenario, skus=("shirt",))
    assert plan(scenario, run_id="r3").target == 2


def test_a_run_that_applied_a_policy_is_taken_back_by_a_policy_only(scenario: StoreScenario) -> None:
    row = scenario.tables.read(TABLE).slice(0, 1).append_column("_op", [["drop"]])
    words = {"kind": POLICY_KIND, "token": "p1"}
    scenario.tables.merge(TABLE, row, on=["slot_id"], base_version=3, metadata=words)
    with pytest.raises(OptionError, match="'p1' applied a policy; only another policy takes that back"):
        plan(scenario, run_id="p1")


@pytest.mark.parametrize(
    "options", [{"to": 1, "skus": ("shirt",), "drop_new": True}, {"run_id": "r2"}, {"skus": ("shirt", "sock")}]
)
def test_a_plan_is_read_back_from_its_intent(scenario: StoreScenario, options: dict[str, Any]) -> None:
    found = plan(scenario, **options)
    write_json(scenario.store, "intent.json", found.details)
    read = RollbackPlan.from_details(read_json(scenario.store, "intent.json"))
    assert read == found
