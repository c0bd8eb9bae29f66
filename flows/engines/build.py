"""TensorRT engine build, from options as text.

Inputs: the options of `packshot engine build`. Outputs: the engine's folder, and its build manifest as a document. A
wrong option is an `OptionError` that names it, raised before any GPU work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from catalogs.errors import OptionError
from flows.engines.shapes import parse_batch_list, parse_size_list
from infra.engines.tensorrt.engine_build import (
    ENGINE_RUNTIMES,
    EngineBuildRequest,
    EnginePrecision,
    EngineRuntime,
    build_engine_folder,
    check_engine_precision,
    prepare_build,
)
from infra.engines.tensorrt.plan_build import COMPATIBILITIES, Compatibility
from infra.engines.tensorrt.profiles import AxisRange, ImageSize, batch_range
from infra.errors import EngineError
from infra.onnx_graphs.model_source import resolve_model_folder

Progress = Callable[[str], None]
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class BuildOptions:
    """The options of `packshot engine build`, as text."""

    model: str
    onnx: Path
    out: Path
    sizes: str
    batch: str
    precision: str = "bf16"
    compatibility: str = "none"
    runtime: str = "tensorrt"
    calibration: Path | None = None


def build_engine(options: BuildOptions, progress: Progress) -> dict[str, Any]:
    """Build an engine and return its build manifest as a document. Raises `OptionError` or `EngineError`."""
    sizes, batch = parse_sizes(options.sizes), parse_batch_range(options.batch)
    _convert_option("--precision", check_engine_precision, options.precision)
    _require_one_of("--compatibility", options.compatibility, COMPATIBILITIES)
    _require_one_of("--runtime", options.runtime, ENGINE_RUNTIMES)
    request = EngineBuildRequest(
        model=_convert_option("--model", resolve_model_folder, options.model),
        onnx=options.onnx,
        out=options.out,
        sizes=sizes,
        batch=batch,
        precision=cast("EnginePrecision", options.precision),
        compatibility=cast("Compatibility", options.compatibility),
        runtime=cast("EngineRuntime", options.runtime),
        calibration=options.calibration,
    )
    try:
        prepared = prepare_build(request, progress)
    except (ValueError, EngineError) as error:
        raise OptionError(str(error)) from None
    return build_engine_folder(prepared, progress).model_dump(mode="json")


def parse_sizes(text: str) -> tuple[ImageSize, ...]:
    """Return the sizes of `--sizes`, such as `1024x1024,768`, each once."""
    return tuple(ImageSize(width, height) for width, height in parse_size_list(text))


def parse_batch_range(text: str) -> AxisRange:
    """Return the range of `--batch`: `1-4`, `4` for batches of that size alone, or a list whose ends count."""
    ranges = parse_batch_list(text)
    if len(ranges) == 1:
        low, high = ranges[0]
    else:
        low, high = min(map(min, ranges)), max(map(max, ranges))
    return _convert_option("--batch", lambda ends: batch_range(*ends), (low, high))


def _require_one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise OptionError(f"{option}: {value!r} is none of {', '.join(allowed)}")


def _convert_option(option: str, convert: Callable[[Any], Answer], value: object) -> Answer:
    try:
        return convert(value)
    except (ValueError, EngineError) as error:
        raise OptionError(f"{option}: {error}") from None
