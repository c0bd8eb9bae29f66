"""Engines by name: what a command line calls a model, as something that can be opened, verified and measured.

Comes in: `--model` and `--precision` as refresh takes them, sizes and batches as text. Goes out: engine specs, weights,
cases. Raises `InputError` for what is written wrongly, before anything heavy is imported.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalogs.errors import OptionError
from flows.parameters import RefreshParameters
from flows.wiring.composition import engine_spec
from infra.engines import EngineSpec
from infra.errors import EngineError
from infra.settings import Settings

if TYPE_CHECKING:
    from infra.evaluation.benchmark import Backend
    from infra.models.loading import Weights

TENSORRT = "tensorrt"
SIDE_STEP, MOST_SIDE, MOST_BATCH = 16, 4096, 64
LIST = re.compile(r"\d{1,6}(,\d{1,6})*")


def named_engine(model: str, precision: str | None, settings: Settings) -> EngineSpec:
    """Return which engine a model's name means: a local folder, hub-id@commit, or a name of the default recipe."""
    job, _ = RefreshParameters(source="none", store="none", model=model, precision=precision).job()
    return engine_spec(job.recipe, job.recipe.default_model, settings)


def weights_of(spec: EngineSpec) -> "Weights":
    """Return the weights that an engine would open."""
    from infra.models.loading import StoredWeights

    return StoredWeights(spec.source, spec.revision, spec.weights_digest)


def random_weights(name: str, *, tiny: bool) -> "Weights":
    """Return random weights of a model's sizes, or of the tiny one's.

    Raises `OptionError` where a CPU would get 6 billion of them, `EngineError` where torch is not installed.
    """
    from infra.models.loading import require_libraries

    require_libraries()
    from infra.engines import device_kind
    from infra.evaluation.random_models import NAMES, TINY, RandomWeights

    if name not in NAMES:
        raise OptionError(f"--random-weights: {name!r} is none of {', '.join(NAMES)}")
    kind = TINY if tiny else name
    if device_kind() == "cpu" and kind != TINY:
        raise OptionError(f"--random-weights: {name!r} needs a GPU, and there is none here; add --tiny for a small one")
    return RandomWeights(kind, device_kind())


def sizes_of(text: str) -> list[int]:
    """Read `--sizes`: pixels, each a multiple of 16 up to 4096."""
    sizes = _numbers("--sizes", text)
    for size in sizes:
        if size % SIDE_STEP or not 0 < size <= MOST_SIDE:
            raise OptionError(f"--sizes: {size} is not a multiple of {SIDE_STEP} up to {MOST_SIDE}")
    return sizes


def batches_of(text: str) -> list[int]:
    """Read `--batch`: from 1 to 64 images each."""
    batches = _numbers("--batch", text)
    for batch in batches:
        if not 1 <= batch <= MOST_BATCH:
            raise OptionError(f"--batch: {batch} is not between 1 and {MOST_BATCH}")
    return batches


def chosen(option: str, text: str, known: Iterable[str]) -> list[str]:
    """Read a list of names, each of them known."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise OptionError(f"{option}: {name!r} is none of {', '.join(known)}")
    return list(dict.fromkeys(names))


def backends_of(text: str, engine: Path | None) -> "dict[str, Backend]":
    """Read `--backends`; `engine` is a TensorRT engine's folder, which is measured too.

    Raises `OptionError` for an unknown name, for `tensorrt` without an engine, and for a folder that holds none.
    """
    from infra.engines.tensorrt.build_manifest import read_card
    from infra.evaluation.benchmark import BACKENDS, planned

    names = chosen("--backends", text, [*BACKENDS, TENSORRT])
    if engine is None:
        if TENSORRT in names:
            raise OptionError("--backends: tensorrt needs --engine DIR, which `packshot engine build` writes")
        return {name: BACKENDS[name] for name in names}
    try:
        read_card(engine)
    except EngineError as error:
        raise OptionError(f"--engine: {error}") from None
    known = {**BACKENDS, TENSORRT: planned(engine)}
    return {name: known[name] for name in dict.fromkeys([*names, TENSORRT])}


def bench(
    weights: "Weights", called: str, cases: list[Any], backends: "dict[str, Backend]", say: Any
) -> dict[str, Any]:
    """Measure these backends on this machine; return the document with a row a case."""
    from infra.engines import device_kind
    from infra.evaluation.benchmark import measure
    from infra.evaluation.benchmark_cases import document

    device = device_kind()
    precision = "fp32" if device == "cpu" else "bf16"
    rows = list(measure(weights, device, precision, cases, backends, say))
    return document(rows, {"model": called, "precision": precision, "steps": cases[0].steps})


def _numbers(option: str, text: str) -> list[int]:
    if not LIST.fullmatch(text.replace(" ", "")):
        raise OptionError(f"{option}: {text!r} is no list of numbers such as 512,1024")
    return sorted({int(part) for part in text.split(",")})
