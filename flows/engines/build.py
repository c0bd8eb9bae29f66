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
    RUNS,
    EngineOrder,
    Precision,
    Runs,
    check_precision,
    make_engine,
    prepare,
)
from infra.engines.tensorrt.plan_build import COMPATIBILITIES, Compatibility
from infra.engines.tensorrt.profiles import Size, Span, batch_span
from infra.errors import EngineError
from infra.onnx_graphs.model_source import model_folder

Say = Callable[[str], None]
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


def build_engine(options: BuildOptions, say: Say) -> dict[str, Any]:
    """Build an engine and return its card as a document. Raises `InputError` or `EngineError`, and says why."""
    sizes, batch = read_sizes(options.sizes), read_batch(options.batch)
    _asked("--precision", check_precision, options.precision)
    _one_of("--compatibility", options.compatibility, COMPATIBILITIES)
    _one_of("--runtime", options.runtime, RUNS)
    order = EngineOrder(
        model=_asked("--model", model_folder, options.model),
        onnx=options.onnx,
        out=options.out,
        sizes=sizes,
        batch=batch,
        precision=cast("Precision", options.precision),
        compatibility=cast("Compatibility", options.compatibility),
        runtime=cast("Runs", options.runtime),
        calibration=options.calibration,
    )
    try:
        prepared = prepare(order, say)
    except (ValueError, EngineError) as error:
        raise OptionError(str(error)) from None
    return make_engine(prepared, say).model_dump(mode="json")


def read_sizes(text: str) -> tuple[Size, ...]:
    """Return the sizes of a text such as `1024x1024,768x768`, each once."""
    sizes = []
    for part in text.split(","):
        found = _SIZE.fullmatch(part.strip())
        if found is None:
            raise OptionError(f"--sizes: {part.strip()!r} is no size; give width x height, such as 1024x1024,768x768")
        sizes.append(Size(int(found[1]), int(found[2])))
    return tuple(dict.fromkeys(sizes))


def read_batch(text: str) -> Span:
    """Return the range of a text such as `1-4`, or `4` for batches of that size alone."""
    found = _BATCH.fullmatch(text.strip())
    if found is None:
        raise OptionError(f"--batch: {text!r} is no range; give 1-4, or 4 for batches of four alone")
    return _asked("--batch", lambda ends: batch_span(*ends), (int(found[1]), int(found[2] or found[1])))


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise OptionError(f"{option}: {value!r} is none of {', '.join(known)}")


def _asked(option: str, question: Callable[[Any], Answer], value: object) -> Answer:
    try:
        return question(value)
    except (ValueError, EngineError) as error:
        raise OptionError(f"{option}: {error}") from None
