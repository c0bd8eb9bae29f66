"""The machines that paint: a stub for rehearsals, and Z-Image, by torch or by TensorRT.

Comes in: an `EngineSpec`, plain values that travel to another process. Goes out: an open `infra.interfaces.Engine`.
Nothing heavy is imported until an engine that needs it is opened.
"""

from dataclasses import dataclass
from typing import Literal

from infra.errors import EngineError
from infra.interfaces import Engine

WINDOW = 64
"""Prompts of a stream that may wait: as many as a small shard has, so that batches of one caption length fill."""


@dataclass(frozen=True)
class EngineSpec:
    """Which engine to open, and with what.

    `source` is a local folder or a hub id (then `revision` must be a whole commit hash), `weights_digest` what
    `infra.engines.weights.folder_digest` must say of it. `stub_seconds` is how long the stub sleeps an image.
    `folder` is where `packshot engine build` wrote a TensorRT engine of that model.
    `batch_size` None lets the engine choose. It moves a pixel by rounding alone (2 levels of 255 at most in fp32).
    """

    name: Literal["stub", "torch", "tensorrt"]
    source: str | None = None
    revision: str | None = None
    weights_digest: str | None = None
    precision: Literal["fp32", "bf16", "fp8"] = "fp32"
    stub_seconds: float = 0.0
    batch_size: int | None = None
    folder: str | None = None


def open_engine(spec: EngineSpec) -> Engine:
    """Open the engine that `spec` describes, or raise `EngineError` (`EngineUnsuitable`: not on this machine)."""
    from infra.engines.threaded import ThreadedEngine

    if spec.batch_size is not None and spec.batch_size < 1:
        raise EngineError(f"An engine's batch size must be at least 1, not {spec.batch_size!r}.")
    if spec.name == "stub":
        from infra.engines.stub import StubPainter

        return ThreadedEngine(StubPainter(spec.stub_seconds), spec.batch_size or 1, WINDOW)
    if spec.name == "torch":
        from infra.engines.diffusion import DiffusersPainter, usual_batch_size

        painter = DiffusersPainter(spec.source, spec.revision, spec.weights_digest, spec.precision)
        return ThreadedEngine(painter, spec.batch_size or usual_batch_size(), WINDOW)
    if spec.name == "tensorrt":
        from infra.engines.tensorrt.accelerating import tensorrt_painter

        planned, full = tensorrt_painter(spec)
        return ThreadedEngine(planned, spec.batch_size or full, WINDOW)
    raise EngineError(f"There is no engine called {spec.name!r}: choose 'stub', 'torch' or 'tensorrt'.")
