"""Engine specification: which engine to open, for which weights, and how.

Inputs: none; plain values only. Outputs: `EngineSpec`, which `infra.engines.open_engine` opens.
A specification pickles to a few hundred bytes: it travels to pool processes and to other hosts, an open engine never.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class EngineSpec:
    """Which engine to open, and with what.

    `source` is a local folder or a hub id (then `revision` must be a whole commit hash), `weights_digest` what
    `infra.models.model_files.model_folder_digest` must say of it. `stub_seconds` is how long the stub sleeps an image.
    `folder` is where `packshot engine build` wrote a TensorRT engine of that model.
    `batch_size` None lets the engine choose. It moves a pixel by rounding alone (2 levels of 255 at most in fp32), and
    so does `acceleration`, which only the torch engine knows. `unverified` paints in fp8 without a parity record.
    """

    name: Literal["stub", "torch", "tensorrt"]
    source: str | None = None
    revision: str | None = None
    weights_digest: str | None = None
    precision: Literal["fp32", "bf16", "fp8"] = "fp32"
    stub_seconds: float = 0.0
    batch_size: int | None = None
    acceleration: Literal["eager", "compile", "graphs"] = "eager"
    unverified: bool = False
    folder: str | None = None
