"""Engine benchmark, from options as text.

Inputs: `--model` and `--precision` as refresh takes them; sizes, batch sizes and backends as text. Outputs: engine
specs, weights, and the document of the measurements. A wrong option is an `OptionError`, raised before anything heavy
is imported.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalogs.errors import OptionError
from catalogs.recipe.render_settings import MAX_SIDE, SIDE_MULTIPLE
from flows.engines.selection import resolve_engine_spec
from flows.engines.shapes import parse_batch_list, parse_size_list
from flows.parameters import RefreshParameters
from infra.engines.spec import EngineSpec
from infra.errors import EngineError
from infra.settings import Settings

if TYPE_CHECKING:
    from infra.evaluation.benchmark import BackendFactory
    from infra.models.loading import PipelineSource

TENSORRT = "tensorrt"
MAX_BATCH = 64


def resolve_engine_option(model: str, precision: str | None, settings: Settings) -> EngineSpec:
    """Return the engine spec of a model: a local folder, hub-id@commit, or a name of the default recipe."""
    job, _ = RefreshParameters(source="none", store="none", model=model, precision=precision).resolve_job()
    return resolve_engine_spec(job.recipe, job.recipe.default_model, settings)


def stored_weights(spec: EngineSpec) -> "PipelineSource":
    """Return the stored weights of an engine spec."""
    from infra.models.loading import StoredPipeline

    return StoredPipeline(spec.source, spec.revision, spec.weights_digest)


def random_weights(name: str, *, tiny: bool) -> "PipelineSource":
    """Return random weights in the shapes of a model, or of the tiny model.

    Raises `OptionError` where a CPU would get 6 billion weights, `EngineError` where torch is not installed.
    """
    from infra.models.loading import require_torch_extra

    require_torch_extra()
    from infra.engines import device_kind
    from infra.evaluation.random_models import RANDOM_MODEL_NAMES, TINY, RandomPipeline

    if name not in RANDOM_MODEL_NAMES:
        raise OptionError(f"--random-weights: {name!r} is none of {', '.join(RANDOM_MODEL_NAMES)}")
    kind = TINY if tiny else name
    if device_kind() == "cpu" and kind != TINY:
        raise OptionError(f"--random-weights: {name!r} needs a GPU, and there is none here; add --tiny for a small one")
    return RandomPipeline(kind, device_kind())


def parse_sides(text: str) -> list[int]:
    """Return the sides of `--sizes` in pixels, sorted: squares alone, each side a multiple of 16 up to 4096."""
    sides = set()
    for width, height in parse_size_list(text):
        if width != height:
            raise OptionError(f"--sizes: {width}x{height} is no square, and only squares are measured")
        if width % SIDE_MULTIPLE or not 0 < width <= MAX_SIDE:
            raise OptionError(f"--sizes: {width} is not a multiple of {SIDE_MULTIPLE} up to {MAX_SIDE}")
        sides.add(width)
    return sorted(sides)


def parse_batch_sizes(text: str) -> list[int]:
    """Return the batch sizes of `--batch`, sorted: from 1 to 64 images each, a range standing for all in it."""
    batches: set[int] = set()
    for low, high in parse_batch_list(text):
        for batch in (low, high):
            if not 1 <= batch <= MAX_BATCH:
                raise OptionError(f"--batch: {batch} is not between 1 and {MAX_BATCH}")
        if low > high:
            raise OptionError(f"--batch: the range {low}-{high} is empty; give the smaller number first")
        batches.update(range(low, high + 1))
    return sorted(batches)


def parse_names(option: str, text: str, allowed: Iterable[str]) -> list[str]:
    """Return the names of a comma-separated list, each once. Raises `OptionError` for one that is not allowed."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in allowed:
            raise OptionError(f"{option}: {name!r} is none of {', '.join(allowed)}")
    return list(dict.fromkeys(names))


def parse_backends(text: str, engine_folder: Path | None) -> "dict[str, BackendFactory]":
    """Return name -> factory of `--backends`; a TensorRT engine in `engine_folder` is measured too.

    Raises `OptionError` for an unknown name, for `tensorrt` without an engine, and for a folder that holds none.
    """
    from infra.engines.tensorrt.build_manifest import read_build_manifest
    from infra.evaluation.benchmark import BACKEND_FACTORIES, tensorrt_backend_factory

    names = parse_names("--backends", text, [*BACKEND_FACTORIES, TENSORRT])
    if engine_folder is None:
        if TENSORRT in names:
            raise OptionError("--backends: tensorrt needs --engine DIR, which `packshot engine build` writes")
        return {name: BACKEND_FACTORIES[name] for name in names}
    try:
        read_build_manifest(engine_folder)
    except EngineError as error:
        raise OptionError(f"--engine: {error}") from None
    factories = {**BACKEND_FACTORIES, TENSORRT: tensorrt_backend_factory(engine_folder)}
    return {name: factories[name] for name in dict.fromkeys([*names, TENSORRT])}


def run_benchmark(
    weights: "PipelineSource", model_label: str, cases: list[Any], backends: "dict[str, BackendFactory]", progress: Any
) -> dict[str, Any]:
    """Measure the backends on this machine; return the document with one row per case and backend."""
    from infra.engines import device_kind
    from infra.evaluation.benchmark import measure_backends
    from infra.evaluation.benchmark_cases import benchmark_document

    device = device_kind()
    precision = "fp32" if device == "cpu" else "bf16"
    rows = list(measure_backends(weights, device, precision, cases, backends, progress))
    return benchmark_document(rows, {"model": model_label, "precision": precision, "steps": cases[0].steps})
