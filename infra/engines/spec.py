"""Engine specification: which engine to open, for which weights, and how.

Inputs: none; plain values only. Outputs: `EngineSpec`, which `infra.engines.open_engine` opens.
A specification pickles to a few hundred bytes: it travels to pool processes and to other hosts, an open engine never.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class EngineSpec:
    """One engine's name, weights and options.

    `source` is a local folder or a hub id (then `revision` must be a whole commit hash), and `weights_digest` the
    digest that `infra.models.model_files.model_folder_digest` must return for it. `stub_seconds` is the time that the
    stub sleeps for each image. `folder` is where `packshot engine build` wrote a TensorRT engine of that model.
    `batch_size` None lets the engine choose. Batch size changes pixels by rounding alone (at most 2 levels of 255 in
    fp32), and so does `acceleration`, which only the torch engine reads. `unverified` allows fp8 without a parity
    record.
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
