"""Retired slots: what a full run does not ask for any more, whatever the order in which a table is read."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalogs import layout
from catalogs.keys import slot_id
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.loading import built_in_recipe, with_engine_options
from catalogs.runs.job import RefreshJob
from catalogs.table_schemas import RETIRED_SLOTS
from infra.stores.addresses import parse_address
from infra.stores.parquet_objects import read_table
from infra.tables.delta import DeltaTables
from tasks.pipeline.plan import make_plan
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


class ReversingTables(DeltaTables):
    """Tables that are read from the other end the second time: large ones of Delta have another order each time."""

    def __init__(self, url: str) -> None:
        super().__init__(parse_address(url))
        self.read_before: set[str] = set()

    def batches(self, table: str, columns: Sequence[str], *, version: int | None = None) -> Iterator[pa.RecordBatch]:
        step = -1 if table in self.read_before else 1
        self.read_before.add(table)
        for batch in [*super().batches(table, columns, version=version)][::step]:
            yield batch.take(pa.array(range(batch.num_rows)[::step]))


@pytest.mark.parametrize("gone", [1, 3])
def test_what_is_retired_does_not_depend_on_the_order_of_the_table(tmp_path: Path, gone: int) -> None:
    shop = StoreScenario(tmp_path / "store")
    skus = [f"SKU-{number}" for number in range(7)]
    shop.release("before", {f"{sku}/front": "red" for sku in skus})
    kept: list[dict[str, Any]] = [{"sku": sku, "title": f"Mug {sku}"} for sku in skus[gone:]]
    pq.write_table(pa.Table.from_pylist(kept), tmp_path / "catalogue.parquet")
    recipe = with_engine_options(built_in_recipe(), engine="stub", model=None, precision=None)
    job = RefreshJob(str(tmp_path / "catalogue.parquet"), shop.store.url, CATALOGUE, recipe, built_in_policy())
    plan = make_plan(job, shop.store, ReversingTables(shop.store.url), "run", 8)
    retired = read_table(shop.store, layout.RunFiles("run").retired, RETIRED_SLOTS)
    assert plan.retired == gone
    assert sorted(retired["slot_id"].to_pylist()) == sorted(slot_id(sku, "front", "a", 0) for sku in skus[:gone])
    assert sorted(retired["sku"].to_pylist()) == skus[:gone]
