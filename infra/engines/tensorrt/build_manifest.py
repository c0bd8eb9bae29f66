"""Build manifest: an engine's sources, the GPU it was built for, and the shapes it takes.

Inputs: `card.json`, which is written last, so that a folder without it is no engine. Outputs: a checked manifest, or
an error in one sentence.
A plan is machine code for one version of TensorRT and one kind of GPU; loading another's fails late and in the vendor's
words, so the manifest is compared first. Load only plans that you built: they are programs.
"""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.engines.tensorrt.plan_build import Compatibility, write_atomically
from infra.engines.tensorrt.profiles import AxisRange, ImageSize, Profile
from infra.errors import EngineError, EngineUnsuitable
from infra.onnx_graphs.export_manifest import ExportManifest

MANIFEST_FILE = "card.json"
AMPERE_CAPABILITY = (8, 0)
_SMI_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class TensorRtMachine:
    """The properties that plans depend on: TensorRT's version, the GPU's name and compute capability, the driver."""

    tensorrt: str
    gpu: str
    compute_capability: tuple[int, int]
    driver: str


class _StrictManifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GraphManifest(_StrictManifest):
    """One graph of an engine: its file, the digest of its ONNX source, and its profiles as ranges of axes."""

    file: str = Field(description="Relative to the manifest, or the absolute path of a graph that runs without a plan")
    onnx_sha256: str
    profiles: tuple[dict[str, tuple[int, int, int]], ...] = Field(min_length=1)

    def to_profiles(self) -> list[Profile]:
        """Return the profiles as ranges."""
        return [{axis: AxisRange(*numbers) for axis, numbers in profile.items()} for profile in self.profiles]


class BuildManifest(_StrictManifest):
    """An engine: its two graphs, and everything that decides whether it fits a machine and a request."""

    version: Literal[1] = 1
    runtime: Literal["tensorrt", "onnxruntime"]
    weights_digest: str
    precision: Literal["fp32", "bf16", "fp8"]
    sizes: tuple[tuple[int, int], ...] = Field(min_length=1)
    batch: tuple[int, int, int]
    transformer: GraphManifest
    vae_decoder: GraphManifest
    compatibility: Compatibility = "none"
    calibration_digest: str | None = None
    tensorrt: str = ""
    gpu: str = ""
    compute_capability: tuple[int, int] = (0, 0)
    driver: str = ""

    @property
    def batch_range(self) -> AxisRange:
        """Return the range of batch sizes."""
        return AxisRange(*self.batch)

    def unsupported_size_reason(self, size: ImageSize) -> str | None:
        """Return why the engine cannot generate this size, or None."""
        if (size.width, size.height) in self.sizes:
            return None
        supported = ", ".join(str(ImageSize(*each)) for each in self.sizes)
        return f"The engine was built for {supported}, not for {size}: add it to --sizes of `packshot engine build`."

    def check_machine(self, machine: TensorRtMachine) -> None:
        """Raise `EngineUnsuitable` unless its plans were built for this TensorRT and GPU."""
        remedy = "build it again here, with `packshot engine build`"
        if self.tensorrt != machine.tensorrt:
            raise EngineUnsuitable(
                f"The engine was built by TensorRT {self.tensorrt!r} and this is {machine.tensorrt!r}: {remedy}."
            )
        same_kind = self.compute_capability == machine.compute_capability
        fits = {
            "none": same_kind and self.gpu == machine.gpu,
            "same-compute-capability": same_kind,
            "ampere-plus": machine.compute_capability >= AMPERE_CAPABILITY,
        }
        if not fits[self.compatibility]:
            raise EngineUnsuitable(
                f"The engine was built on {_describe_gpu(self.gpu, self.compute_capability)} with the compatibility "
                f"{self.compatibility!r}, and this is {_describe_gpu(machine.gpu, machine.compute_capability)}: "
                f"{remedy}."
            )


def read_build_manifest(folder: Path) -> BuildManifest:
    """Return the folder's manifest; raise `EngineError` where it is missing or invalid."""
    path = folder / MANIFEST_FILE
    try:
        return BuildManifest.model_validate_json(path.read_text("utf-8"))
    except FileNotFoundError:
        raise EngineError(
            f"There is no engine in {str(folder)!r}, which lacks {MANIFEST_FILE}: build one with `packshot engine "
            "build --out`."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise EngineError(f"The manifest {str(path)!r} cannot be read: {error}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "it"
        raise EngineError(
            f"The manifest {str(path)!r} is invalid for this version ({field}: {first['msg']}): build the engine again."
        ) from error


def write_build_manifest(folder: Path, manifest: BuildManifest) -> None:
    """Write the manifest, which makes the folder an engine."""
    write_atomically(folder / MANIFEST_FILE, (manifest.model_dump_json(indent=1) + "\n").encode())


def graph_digest(export: ExportManifest, graph: str) -> str:
    """Return the sha256 of one graph's file listing in an export: `sha256sum` of its sorted `sha256sum` lines."""
    lines = [f"{each.sha256}  {each.path}\n" for each in export.files if each.path.startswith(f"{graph}/")]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def detect_machine(tensorrt_version: str) -> TensorRtMachine:
    """Return the properties that plans depend on; raise `EngineUnsuitable` where torch sees no GPU."""
    import torch

    if not torch.cuda.is_available():
        raise EngineUnsuitable(
            "The tensorrt engine needs an NVIDIA GPU, and torch sees none here: install NVIDIA's driver for CUDA 13 "
            "and a torch with CUDA, or use --engine torch."
        )
    capability = torch.cuda.get_device_capability()
    return TensorRtMachine(
        tensorrt_version, torch.cuda.get_device_name(), (capability[0], capability[1]), driver_version()
    )


def driver_version(smi: str = "nvidia-smi") -> str:
    """Return the driver's version, or "" where nvidia-smi fails: it informs people, and decides nothing."""
    query = [smi, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        result = subprocess.run(query, capture_output=True, text=True, timeout=_SMI_TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.split("\n")[0].strip() if result.returncode == 0 else ""


def _describe_gpu(name: str, capability: tuple[int, int]) -> str:
    return f"{name!r} ({capability[0]}.{capability[1]})"
