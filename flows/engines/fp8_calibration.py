"""Ranges for an fp8 engine, measured on what a recipe really asks for.

Comes in: a catalogue, its recipe, how many prompts. Goes out: a calibration file. The catalogue is planned into a store
that is thrown away: so prompts are those of a first night, rendered and judged as always.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.planning.plan import Plan, Request
from catalogs.runs.job import Job
from catalogs.runs.work_items import requests_of
from flows.parameters import RefreshParameters
from flows.wiring.composition import prompt_gates
from infra.engines.tensorrt.fp8_calibration import calibrate_model, write_calibration
from infra.interfaces import ObjectStore, Prompt
from infra.models.model_files import folder_digest
from infra.onnx_graphs.model_source import model_folder
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.parquet_objects import read_row_group
from infra.tables import open_tables
from tasks.pipeline.plan import make_plan

RUN = "calibration"
MOST = 512
Say = Callable[[str], None]


def calibrate_engine(
    source: str, recipe: str, model: str, count: int, out: Path, settings: Settings, say: Say
) -> dict[str, Any]:
    """Measure on `count` prompts of a catalogue, write the calibration to `out`, and return what it says.

    Raises `InputError` for a catalogue, recipe or model that cannot be read, `EngineError` where painting fails.
    """
    if not 1 <= count <= MOST:
        raise OptionError(f"--prompts: {count!r} is not from 1 to {MOST}")
    if not out.absolute().parent.is_dir():
        raise OptionError(f"--out: there is no folder {str(out.absolute().parent)!r}; make it first")
    say("Planning the catalogue for its prompts")
    prompts = recipe_prompts(source, recipe, model, count, settings)
    say(f"Painting {len(prompts)} prompts and measuring what enters each layer")
    folder = model_folder(model)
    made = calibrate_model(folder, folder_digest(folder), prompts)
    write_calibration(out, made)
    return {"out": str(out), "layers": len(made.largest), **made.model_dump(mode="json")}


def recipe_prompts(source: str, recipe: str, model: str, count: int, settings: Settings) -> list[Prompt]:
    """Return at most `count` prompts of the recipe's usual model, evenly over the catalogue, each text once."""
    with TemporaryDirectory(prefix="packshot-calibration-") as folder:
        parameters = RefreshParameters(source=source, store=folder, recipe=recipe, engine="torch", model=model)
        job, _ = parameters.job()
        store = open_store(folder)
        plan = make_plan(job, store, open_tables(folder), RUN, settings.shard_size, gate=prompt_gates(job, settings))
        texts = {request.prompt: request for request in _requests(job, store, plan)}
    if not texts:
        raise OptionError(f"The catalogue {source!r} asks for no picture of the model that is calibrated")
    found = list(texts.values())
    chosen = found if len(found) <= count else [found[number * len(found) // count] for number in range(count)]
    return [_prompt(number, request) for number, request in enumerate(chosen)]


def _requests(job: Job, store: ObjectStore, plan: Plan) -> Iterator[Request]:
    for shard in plan.shards:
        table = read_row_group(store, layout.run_requests(RUN, shard.part), shard.row_group)
        yield from (each for each in requests_of(table) if each.model == job.recipe.default_model)


def _prompt(number: int, request: Request) -> Prompt:
    return Prompt(
        key=str(number),
        text=request.prompt,
        seed=request.seed if request.seed is not None else number,
        width=request.width,
        height=request.height,
        steps=request.steps,
        guidance=request.guidance,
        negative=request.negative,
    )
