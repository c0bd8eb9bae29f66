"""A3: the list of what a policy withdraws grows by what was published since it was evaluated, and by nothing else."""

import json
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.policy.schema import ImageRule, built_in_policy
from catalogs.table_schemas import WITHDRAWALS
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import write_table
from infra.tables import open_tables
from tasks.amendments.policy_withdrawals import extend_withdrawals, read_withdrawals
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness
from tests.tasks.runs.test_commit_guard import run_of

pytestmark = pytest.mark.usefixtures("reduced_audit")


def test_what_was_published_since_the_evaluation_is_added_once(tmp_path: Path) -> None:
    shop = RefreshHarness(tmp_path, [{"sku": "mug", "title": "Mug"}], MINIMAL_RECIPE, catalogue="shoes")
    shop.refresh()
    shop.rows.append({"sku": "cup", "title": "Cup"})
    shop.refresh(scope="partial")
    run, tables = run_of("policy-run"), open_tables(shop.url)
    rule = ImageRule(score="size.width", reason="narrow", block_below=300)
    strict = built_in_policy().model_copy(update={"image": (rule,)})
    write_json(shop.store, layout.RunFiles(run.run_id).policy, json.loads(strict.model_dump_json()))
    write_table(shop.store, layout.RunFiles(run.run_id).withdrawals, WITHDRAWALS.empty_table())

    def skus(version: int) -> list[str]:
        found = extend_withdrawals(
            shop.store, tables, run, read_withdrawals(shop.store, run), version, against_people=False
        )
        assert read_withdrawals(shop.store, run).equals(found)
        return sorted(found["sku"].to_pylist())

    assert skus(1) == ["mug"]
    assert skus(2) == ["cup", "mug"]
    assert skus(2) == ["cup", "mug"]
    assert skus(1) == ["cup", "mug"], "it only grows"
