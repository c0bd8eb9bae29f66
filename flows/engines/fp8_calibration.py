"""Calibration of an fp8 engine on the prompts of a recipe.

Inputs: a catalogue, its recipe, the number of prompts. Outputs: a calibration file. The catalogue is planned into a
temporary store, so the prompts are those of a first run, rendered and judged in the same way.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.planning.plan import Plan, Request
from catalogs.runs.job import RefreshJob
from catalogs.runs.work_items import requests_from_table
from catalogs.table_schemas import REQUESTS
from flows.parameters import RefreshParameters
from infra.engines.tensorrt.fp8_calibration import calibrate_model, write_fp8_calibration
from infra.interfaces import ObjectStore, Prompt
from infra.models.model_files import model_folder_digest
from infra.onnx_graphs.model_source import resolve_model_folder
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.parquet_objects import read_row_group
from infra.tables import open_tables
from tasks.gates.prompt_gate import PlanGates, open_job_gate
from tasks.pipeline.plan import make_plan

CALIBRATION_RUN_ID = "calibration"
MAX_PROMPTS = 512
Progress = Callable[[str], None]


def calibrate_engine(
    source: str, recipe: str, model: str, count: int, out: Path, settings: Settings, progress: Progress
) -> dict[str, Any]:
    """Measure on `count` prompts of a catalogue, write the calibration to `out`, and return its content.

    Raises `InputError` for a catalogue, recipe or model that cannot be read, `EngineError` where generating fails.
    """
    if not 1 <= count <= MAX_PROMPTS:
        raise OptionError(f"--prompts: {count!r} is not from 1 to {MAX_PROMPTS}")
    if not out.absolute().parent.is_dir():
        raise OptionError(f"--out: there is no folder {str(out.absolute().parent)!r}; make it first")
    progress("Planning the catalogue for its prompts")
    prompts = sample_recipe_prompts(source, recipe, model, count, settings)
    progress(f"Generating {len(prompts)} prompts and measuring the inputs of each layer")
    folder = resolve_model_folder(model)
    calibration = calibrate_model(folder, model_folder_digest(folder), prompts)
    write_fp8_calibration(out, calibration)
    return {"out": str(out), "layers": len(calibration.largest), **calibration.model_dump(mode="json")}


def sample_recipe_prompts(source: str, recipe: str, model: str, count: int, settings: Settings) -> list[Prompt]:
    """Return at most `count` prompts of the recipe's usual model, evenly over the catalogue, each text once."""
    with TemporaryDirectory(prefix="packshot-calibration-") as folder:
        parameters = RefreshParameters(source=source, store=folder, recipe=recipe, engine="torch", model=model)
        job, _ = parameters.resolve_job()
        store = open_store(folder)
        plan = make_plan(
            job,
            store,
            open_tables(folder),
            CALIBRATION_RUN_ID,
            settings.shard_size,
            gates=PlanGates(open_job_gate(job, settings.classifier)),
        )
        texts = {request.prompt: request for request in _read_default_model_requests(job, store, plan)}
    if not texts:
        raise OptionError(f"The catalogue {source!r} asks for no image of the model that is calibrated")
    requests = list(texts.values())
    if len(requests) > count:
        requests = [requests[number * len(requests) // count] for number in range(count)]
    return [_to_prompt(number, request) for number, request in enumerate(requests)]


def _read_default_model_requests(job: RefreshJob, store: ObjectStore, plan: Plan) -> Iterator[Request]:
    for shard in plan.shards:
        table = read_row_group(
            store, layout.RunFiles(CALIBRATION_RUN_ID).requests(shard.part), shard.row_group, REQUESTS
        )
        yield from (request for request in requests_from_table(table) if request.model == job.recipe.default_model)


def _to_prompt(number: int, request: Request) -> Prompt:
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
