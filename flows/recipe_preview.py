"""Recipe preview: what a plan of a source's first rows says under a recipe that is not in use yet.

Inputs: a recipe's text and the first rows. Outputs: a `RecipePreview`: the counts, the rejects, and prompts with the
gates' verdict. It is a real plan, written into a temporary store of its own and read back, so a preview cannot differ
from the first night.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from catalogs import layout
from catalogs.ingest.photo_fields import fields_of_view
from catalogs.photos.kept_request import parse_kept_request
from catalogs.photos.photo_tokens import NOT_READ
from catalogs.planning.plan import Plan
from catalogs.verdict import PASS
from flows.parameters import RefreshParameters
from flows.run.job_policy import take_shop_brands
from infra.settings import Settings
from infra.stores import open_store
from infra.tables import open_tables
from tasks.gates.prompt_gate import PlanGates, open_job_gate
from tasks.pipeline.plan import make_plan

_RUN = "preview"


@dataclass(frozen=True)
class RecipePreview:
    """What a plan of the first rows said. `prompts` come view by view, in the order of the rows, each once.

    A row with a photo has none: its `mode` and `photo` say what will be made of it. None of the photos is read.
    """

    plan: Plan
    prompts: list[dict[str, Any]]


def preview_recipe(text: str, rows: pa.Table, settings: Settings, prompts: int) -> RecipePreview:
    """Return the plan of these rows under the recipe, with at most `prompts` prompts.

    Raises `CatalogueError` and `RuleFileError` as a plan does.
    """
    with TemporaryDirectory(prefix="packshot-recipe-") as name:
        folder = Path(name)
        (folder / "recipe.yaml").write_text(text, "utf-8")
        pq.write_table(rows, folder / "rows.parquet")
        parameters = RefreshParameters(
            source=str(folder / "rows.parquet"),
            store=str(folder / "store"),
            catalogue="first-rows",
            recipe=str(folder / "recipe.yaml"),
            engine="stub",
        )
        job, _ = parameters.resolve_job()
        store = open_store(job.store)
        job = take_shop_brands(store, job)
        gate = open_job_gate(job, settings.classifier)
        gates = PlanGates(gate, gate.scanners)
        plan = make_plan(job, store, open_tables(job.store), _RUN, settings.shard_size, gates=gates)
        return RecipePreview(plan, _prompts(folder / "store", prompts))


def _prompts(store: Path, limit: int) -> list[dict[str, Any]]:
    """Return the prompts with the first SKU and view of each, and how many slots share it, in the plan's order."""
    files = layout.RunFiles(_RUN)
    parts = sorted((store / files.requests_prefix).glob("*.parquet"))
    requests = {row["request_key"]: row for part in parts for row in _read(part)}
    named = {row["sku"]: dict(row["fields"]) for row in _read(store / files.source_rows)}
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for slot in _read(store / files.slots):
        request = requests.get(slot["request_key"])
        if request is None:
            continue
        kept = _kept(slot, request, named)
        first = {"sku": slot["sku"], "view": slot["view"], "prompt": request["prompt"], **kept, "slots": 0}
        one = found.setdefault((request["prompt"], *kept.values()), first | _decided(slot, request))
        one["slots"] += 1
    return list(found.values())[:limit]


def _kept(slot: dict[str, Any], request: dict[str, Any], named: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return how the product of a photo is kept, and what the row names as that photo; both empty without one."""
    if request["kept"] is None:
        return {"mode": "", "photo": ""}
    cells = (named[slot["sku"]].get(field, "") for field in fields_of_view(slot["view"]))
    return {"mode": parse_kept_request(request["kept"]).mode, "photo": next(filter(None, cells), "")}


def _decided(slot: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Return the gates' verdict on a prompt, the slot's own before the request's, and its reasons.

    That a preview has read no photo is no verdict.
    """
    if NOT_READ in (request["reasons"] or ()):
        return {"verdict": "", "reasons": []}
    stricter = slot if slot["verdict"] != PASS.decision else request
    return {"verdict": stricter["verdict"], "reasons": list(stricter["reasons"] or ())}


def _read(file: Path) -> list[dict[str, Any]]:
    return pq.read_table(file).to_pylist() if file.exists() else []
