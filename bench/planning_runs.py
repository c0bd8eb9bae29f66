"""Planning runs: the planning benchmark's catalogues and plans, and a manifest of the first run.

Inputs: a scratch folder. Outputs: the number of slots that each run has to make.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.synthetic_catalogue import SYNTHETIC_SCHEMA, synthetic_batches
from catalogs import layout
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.loading import built_in_recipe, with_engine_options
from catalogs.recipe.schema import Recipe
from catalogs.runs.job import RefreshJob
from catalogs.table_schemas import MANIFEST
from infra.stores import open_store
from infra.tables import open_tables
from tasks.pipeline.plan import make_plan

CATALOGUE = "bench"
VIEWS = ("front", "three-quarter", "side", "back")
SHARD_SIZE = 128
FIRST_RUN_ID = "first"
"""The run whose plan becomes the manifest."""


def bench_recipe(**standard: int) -> Recipe:
    """Return the built-in recipe with the stub engine and four views; `standard` changes its standard tier."""
    recipe = with_engine_options(built_in_recipe(), engine="stub", model=None, precision=None)
    content = recipe.model_dump(mode="json")
    content["defaults"]["views"] = list(VIEWS)
    content["tiers"]["standard"].update(standard)
    return Recipe.model_validate(content)


def write_catalogues(folder: Path, skus: int, changed: int) -> None:
    """Write the catalogues of two runs: before, and after `changed` titles were edited."""
    for name, edits in (("before", 0), ("after", changed)):
        with pq.ParquetWriter(folder / f"{name}.parquet", SYNTHETIC_SCHEMA) as file:
            for batch in synthetic_batches(skus, changed=edits):
                file.write_batch(batch)


def plan_first_run(folder: Path) -> int:
    """Plan the first run and write its plan; return the number of slots to make."""
    return _plan(folder, "before.parquet", FIRST_RUN_ID)


def plan_later_run(folder: Path, catalogue: str) -> int:
    """Plan a later run against the manifest and write its plan; return the number of slots to make."""
    return _plan(folder, catalogue, f"again-{catalogue}")


def _plan(folder: Path, catalogue: str, run_id: str) -> int:
    url = (folder / "store").as_uri()
    job = RefreshJob(str(folder / catalogue), url, CATALOGUE, bench_recipe(), built_in_policy())
    plan = make_plan(job, open_store(url), open_tables(url), run_id, SHARD_SIZE)
    assert plan.retired == 0
    return plan.slots.new + plan.slots.changed


def publish_all_slots(folder: Path) -> int:
    """Commit every slot of the first run's plan to the manifest, as its release would; return their number."""
    url = (folder / "store").as_uri()
    tables, table = open_tables(url), layout.manifest_table(CATALOGUE)
    tables.ensure(table, MANIFEST)
    schema = MANIFEST.append(pa.field("_op", pa.string()))
    with open_store(url).open_input(layout.RunFiles(FIRST_RUN_ID).slots) as file:
        slots = pq.ParquetFile(file)
        rows = pa.RecordBatchReader.from_batches(schema, _manifest_rows(slots.iter_batches(), schema))
        tables.merge(table, rows, on=["slot_id"], base_version=0, metadata={"run_id": FIRST_RUN_ID})
        return int(slots.metadata.num_rows)


def _manifest_rows(slots: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    generator = np.random.default_rng(7)
    for batch in slots:
        count = batch.num_rows

        def random_shas(count: int = count) -> pa.Array:
            return pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(32), count, [None, pa.py_buffer(generator.bytes(32 * count))]
            ).cast(pa.binary())

        def repeated(value: Any, field: str, count: int = count) -> pa.Array:
            return pa.array([value], schema.field(field).type).take(pa.array(np.zeros(count, np.int8)))

        release_columns = {
            "object": pc.binary_join_element_wise(
                f"published/{CATALOGUE}/", pc.utf8_lower(batch["sku"]), batch["view"], f"{'0' * 12}.jpg", "/"
            ),
            "file_sha": random_shas(),
            "pixel_sha": random_shas(),
            "width": repeated(1024, "width"),
            "height": repeated(1024, "height"),
            "channels": repeated([], "channels"),
            "channel_reasons": repeated([], "channel_reasons"),
            "attempt": repeated(0, "attempt"),
            "model": repeated("turbo@000000000000", "model"),
            "model_version": repeated(None, "model_version"),
            "precision": repeated("bf16", "precision"),
            "backend": repeated("torch", "backend"),
            **{name: repeated(None, name) for name in ("mode", "photo_sha", "stage", "kept")},
            "run_id": repeated(FIRST_RUN_ID, "run_id"),
            "released_at": repeated(0, "released_at"),
            "_op": repeated("put", "_op"),
        }
        columns = [release_columns[name] if name in release_columns else batch[name] for name in schema.names]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
