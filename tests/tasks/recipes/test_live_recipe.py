"""Live recipe: that of the newest release whose run kept its recipe, and none where nothing was released."""

from uuid import uuid4

import pyarrow as pa

from catalogs import layout
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.loading import built_in_recipe
from catalogs.table_schemas import MANIFEST
from infra.stores import open_store
from infra.stores.json_objects import write_json
from infra.testing.memory_tables import MemoryTables
from tasks.recipes.live_recipe import find_live_recipe

TABLE = layout.manifest_table("shop")


def test_nothing_is_live_without_a_manifest() -> None:
    url = f"memory://{uuid4().hex}"
    assert find_live_recipe(open_store(url), MemoryTables(url), "shop") is None


def test_the_newest_release_that_a_run_made_counts() -> None:
    url = f"memory://{uuid4().hex}"
    store, tables = open_store(url), MemoryTables(url)
    tables.ensure(TABLE, MANIFEST)
    for version, (run, recipe) in enumerate([("run-a", "sample"), ("run-b", "default"), ("rollback-c", None)]):
        row = {field.name: pa.nulls(1, field.type) for field in MANIFEST} | {"_op": pa.array(["put"])}
        row["slot_id"] = pa.array([bytes(16)], MANIFEST.field("slot_id").type)
        tables.merge(TABLE, pa.table(row), on=["slot_id"], base_version=version, metadata={"token": run, "run_id": run})
        if recipe is not None:
            write_json(store, layout.RunFiles(run).recipe, built_in_recipe(recipe).model_dump(mode="json"))
            write_json(store, layout.RunFiles(run).policy, built_in_policy().model_dump(mode="json"))
    assert find_live_recipe(store, tables, "shop") == ("run-b", built_in_recipe("default"))
