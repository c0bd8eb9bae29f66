"""Engines as a person asks for them: sizes, batches and precisions as text.

Comes in: what was typed. Goes out: plain documents. What the caller can mend is an `OptionError` that names the option,
and comes before any GPU work.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from catalogs.errors import OptionError
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
_SIZE, _BATCH = re.compile(r"(\d{1,6})x(\d{1,6})"), re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")


@dataclass(frozen=True)
class BuildOptions:
    """What `packshot engine build` was given, as text."""

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
    """Build an engine and return its card as a document. Raises `InputError` or `EngineError`, and says why."""
    sizes, batch = parse_sizes(options.sizes), parse_batch_range(options.batch)
    _convert_option("--precision", check_engine_precision, options.precision)
    _require_one_of("--compatibility", options.compatibility, COMPATIBILITIES)
    _require_one_of("--runtime", options.runtime, ENGINE_RUNTIMES)
    order = EngineBuildRequest(
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
        prepared = prepare_build(order, progress)
    except (ValueError, EngineError) as error:
        raise OptionError(str(error)) from None
    return build_engine_folder(prepared, progress).model_dump(mode="json")


def parse_sizes(text: str) -> tuple[ImageSize, ...]:
    """Return the sizes of a text such as `1024x1024,768x768`, each once."""
    sizes = []
    for part in text.split(","):
        found = _SIZE.fullmatch(part.strip())
        if found is None:
            raise OptionError(f"--sizes: {part.strip()!r} is no size; give width x height, such as 1024x1024,768x768")
        sizes.append(ImageSize(int(found[1]), int(found[2])))
    return tuple(dict.fromkeys(sizes))


def parse_batch_range(text: str) -> AxisRange:
    """Return the range of a text such as `1-4`, or `4` for batches of that size alone."""
    found = _BATCH.fullmatch(text.strip())
    if found is None:
        raise OptionError(f"--batch: {text!r} is no range; give 1-4, or 4 for batches of four alone")
    return _convert_option("--batch", lambda ends: batch_range(*ends), (int(found[1]), int(found[2] or found[1])))


def _require_one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise OptionError(f"{option}: {value!r} is none of {', '.join(allowed)}")


def _convert_option(option: str, convert: Callable[[Any], Answer], value: object) -> Answer:
    try:
        return convert(value)
    except (ValueError, EngineError) as error:
        raise OptionError(f"{option}: {error}") from None
