"""Frozen digests: what slots, recipes and policies are known by does not move by itself.

Inputs: catalogues and recipes beside the store of commit 091e488, and the built-in ones. Outputs: slot ids, request
keys, source digests, image keys, seeds and finish digests, as that commit's planner computed them (`digests.json`). A
digest that moves would make a shop's whole catalogue anew: where one must, it moves with a new name in the recipe.

One has moved: a negative prompt at guidance 0 is in the request key no more. What is live under the key of old is found
by it (`catalogs.planning.former_requests`), so the key of old is what is compared here.
"""

import hashlib
import json
from contextlib import suppress
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.synthetic_catalogue import synthetic_batches
from catalogs.ingest.row_validation import RowValidator
from catalogs.ingest.rows import BatchRows
from catalogs.keys import canonical_json, image_key, seed_from_image_key
from catalogs.planning.current_state import OutcomeIndex
from catalogs.planning.request_builder import RequestBuilder
from catalogs.planning.slot_shapes import group_rows_by_shape
from catalogs.recipe.effective_recipe import EffectiveRecipes
from catalogs.recipe.templates import PromptRenderError
from catalogs.runs.job import RefreshJob
from flows.parameters import RefreshParameters
from infra.nano import MODEL_FOLDER
from infra.stores import open_store
from infra.tables import open_tables
from tasks.pipeline.plan import make_plan
from tasks.pipeline.source_passes import run_source_passes
from tasks.runs.job_source import open_job_source
from tests.paths import DATA

FOLDER = DATA / "store-091e488"
FROZEN = json.loads((FOLDER / "digests.json").read_text("utf-8"))
BUILT_IN = Path(str(resources.files("catalogs"))) / "data"
RULES = {"recipe": str(FOLDER / "recipe.yaml"), "policy": str(FOLDER / "policy.yaml")}
HUB_MODEL = f"Tongyi-MAI/Z-Image-Turbo@{'0a' * 20}"
PLANS: dict[str, tuple[Path | None, dict[str, str]]] = {
    "rehearsal, drawn": (
        FOLDER / "rehearsal.csv",
        {"recipe": "rehearsal", "policy": "rehearsal", "model": str(MODEL_FOLDER), "precision": "fp32"},
    ),
    "rehearsal, stub": (
        FOLDER / "rehearsal.csv",
        {"recipe": "rehearsal", "policy": "rehearsal", "engine": "stub"},
    ),
    "sample": (BUILT_IN / "sample.csv", {"recipe": "sample"}),
    "synthetic, default": (None, {"recipe": "default", "catalogue": "synthetic"}),
    "synthetic, default, pinned": (
        None,
        {"recipe": "default", "catalogue": "synthetic", "model": HUB_MODEL, "precision": "fp8"},
    ),
    "golden": (FOLDER / "catalogue.csv", {"catalogue": "golden", **RULES}),
    "every word": (FOLDER / "every-word.csv", {"recipe": str(FOLDER / "every-word.yaml")}),
}
"""Plan -> its catalogue (None: the synthetic one of 5,000 SKUs) and its parameters."""


def sha(value: object) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()


def write_synthetic_catalogue(file: Path) -> Path:
    parameters = FROZEN["plans"]["synthetic, default"]["made by"]["synthetic_batches"]
    pq.write_table(pa.Table.from_batches(synthetic_batches(**parameters)), file)
    return file


def table_rows(*files: Path) -> list[dict[str, Any]]:
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    return [{key: value.hex() if isinstance(value, bytes) else value for key, value in row.items()} for row in rows]


def former_keys(job: RefreshJob) -> dict[tuple[str, str, int], str]:
    """Return the request key of each slot with the negative prompt that it had at guidance 0."""
    source, effective = open_job_source(job), EffectiveRecipes(job.recipe)
    validator = RowValidator(job.recipe, source.columns)
    run_source_passes(validator, source)
    keys = {}
    for batch in source.batches(validator.needed_columns):
        rows = BatchRows(validator.validate_batch(batch.numbers, batch.rows).table)
        for shape, positions in group_rows_by_shape(job.recipe, rows).items():
            for view, index in product(shape.views, range(shape.num_images)):
                part = effective.get(shape.category, view, shape.variant, shape.tier, shape.model)
                builder = RequestBuilder(rows, part, index, OutcomeIndex([]))
                for position in positions:
                    with suppress(PromptRenderError):
                        request = builder.build_request(position)
                        former = next(builder.build_former(position, request, tuple), request)
                        keys[rows.column("sku")[position], view, index] = former.key.hex()
    return keys


def planned_slots(folder: Path, source: Path, parameters: dict[str, str]) -> list[dict[str, Any]]:
    """Plan against an empty store, without an image; return what each slot is known by, in the order of its name."""
    job, _ = RefreshParameters(source=str(source), store=f"file://{folder / 'store'}", **parameters).resolve_job()  # type: ignore[arg-type]
    make_plan(job, open_store(job.store), open_tables(job.store), "frozen", 128)
    run, keys_of_old = folder / "store" / "runs" / "frozen", former_keys(job)
    seeds = {row["request_key"]: row["seed"] for row in table_rows(*(run / "requests").glob("*.parquet"))}
    slots = []
    for row in table_rows(run / "slots.parquet"):
        seed = seeds[row["request_key"]]
        row["request_key"] = keys_of_old[row["sku"], row["view"], row["index"]]
        key = image_key(row["request_key"], 0)
        names = ("slot_id", "sku", "view", "variant", "index", "request_key", "source_digest")
        slots.append(
            {name: row[name] for name in names}
            | {
                "image_key": key,
                "seed": seed_from_image_key(key) if seed is None else seed,
                "finish_digest": row["finish_digest"],
            }
        )
    return sorted(slots, key=lambda slot: (slot["sku"], slot["view"], slot["variant"], slot["index"]))


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_knows_its_slots_by_the_digests_of_091e488(tmp_path: Path, name: str) -> None:
    source, parameters = PLANS[name]
    frozen = FROZEN["plans"][name]
    slots = planned_slots(tmp_path, source or write_synthetic_catalogue(tmp_path / "synthetic.parquet"), parameters)
    assert len(slots) == frozen["slots"] > 0
    assert slots[:5] == frozen["first"]
    by_column = {column: sha([slot[column] for slot in slots]) for column in slots[0]}
    assert by_column == frozen["sha256_by_column"]


def test_recipes_and_policies_keep_their_digests() -> None:
    recipes = {}
    for name in FROZEN["recipes"]:
        known, _, engine = name.partition(", ")
        parameters = {"recipe": known if "." not in known else str(FOLDER / known)}
        parameters |= {"engine": "stub"} if engine == "stub" else {}
        job, _ = RefreshParameters(source="x", store="memory://", catalogue="x", **parameters).resolve_job()  # type: ignore[arg-type]
        recipes[name] = job.recipe.digest
    assert recipes == FROZEN["recipes"]
    policies = {}
    for name in FROZEN["policies"]:
        policy = name if "." not in name else str(FOLDER / name)
        job, _ = RefreshParameters(source="x", store="memory://", catalogue="x", policy=policy).resolve_job()
        policies[name] = job.policy.digest
    assert policies == FROZEN["policies"]
