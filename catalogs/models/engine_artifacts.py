"""Stored engine artifacts: their facts, the selection of one for a machine, and why the others do not fit.

Inputs: the `card.json` of an export or of a built engine, the requirements of a run. Outputs: `EngineFacts`, an
`EngineSelection`, the text of a Triton `config.pbtxt`.

A TensorRT plan is a program for one version of TensorRT and one kind of GPU. Whether it fits is therefore decided by
the facts recorded when it was built, never by loading it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from catalogs.errors import OptionError

EngineState = Literal["building", "ready", "refused"]
OptimizationProfiles = tuple[dict[str, tuple[int, int, int]], ...]
"""One optimization profile each: the minimum, the optimum and the maximum of every axis."""

AMPERE = (8, 0)
TRITON_TYPES = {"fp32": "TYPE_FP32", "bf16": "TYPE_BF16", "bool": "TYPE_BOOL"}
"""Triton's names for the data types of a graph's inputs and outputs."""


class _StoredModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoredFile(_StoredModel):
    """One file: its path in its folder, its size in bytes, its sha256 in hex."""

    path: str
    bytes: int
    sha256: str

    @field_validator("path")
    @classmethod
    def _stays_in_the_folder(cls, path: str) -> str:
        # The path is written to on the machine that fetches the engine, and a store has other writers.
        if path.startswith("/") or {"", ".", ".."} & set(path.split("/")) or "\\" in path:
            raise ValueError(f"{path!r} is not a relative path below a folder")
        return path


class ParityResult(_StoredModel):
    """The result of `engine verify`: the worst values over all cases."""

    passed: bool
    runtime: str
    twin: str | None = None
    tolerance: float
    cases: int
    max_abs_diff: float | None = Field(description="None if an output was not a number")
    psnr: float


class EngineFacts(_StoredModel):
    """The facts of an engine, from its folder's `card.json`; ONNX graphs fit any size and GPU, and name none."""

    runtime: Literal["tensorrt", "onnxruntime"]
    weights_digest: str
    precision: str
    onnx_digests: dict[str, str] = Field(description="By graph")
    sizes: tuple[tuple[int, int], ...] = ()
    batch: int | None = None
    profiles: dict[str, OptimizationProfiles] = Field(default_factory=dict, description="By graph")
    compatibility: Literal["none", "same-compute-capability", "ampere-plus"] = "none"
    tensorrt: str = ""
    gpu: str = ""
    compute_capability: tuple[int, int] = (0, 0)
    driver: str = ""


class EngineArtifact(_StoredModel):
    """One version of a model's engines in the store."""

    model: str
    version: int = Field(ge=1)
    state: EngineState
    by: str
    added_at: datetime
    facts: EngineFacts
    files: tuple[StoredFile, ...] = Field((), description="Empty until all of them are stored")
    parity: ParityResult | None = None
    document: dict[str, Any] = Field(description="The folder's `card.json`, restored with its files")

    @property
    def digest(self) -> str:
        """Return one digest of all files."""
        return _listing_digest([file.model_dump() for file in self.files], "")


@dataclass(frozen=True)
class GpuPlatform:
    """The platform that plans depend on: TensorRT's version, the GPU's name, its compute capability."""

    tensorrt: str
    gpu: str
    compute_capability: tuple[int, int]


@dataclass(frozen=True)
class EngineRequirements:
    """The requirements of a run: weights, precision, the sizes (width, height) of its images, its machine."""

    weights_digest: str
    precision: str
    sizes: tuple[tuple[int, int], ...]
    platform: GpuPlatform | None


@dataclass(frozen=True)
class EngineSelection:
    """The selected engine, or None; and why each of the others does not fit, by version."""

    artifact: EngineArtifact | None
    incompatibilities: Mapping[int, str]


def parse_engine_facts(document: Mapping[str, Any]) -> EngineFacts:
    """Return the facts in the `card.json` of an export or of a built engine. Raises `OptionError` for any other."""
    try:
        return _onnx_facts(document) if document.get("kind") == "onnx" else _tensorrt_facts(document)
    except (ValidationError, LookupError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise OptionError(
            f"The card.json is neither of an export nor of a built engine ({reason}); export or build it again"
        ) from None


def select_engine(artifacts: Sequence[EngineArtifact], requirements: EngineRequirements) -> EngineSelection:
    """Return the newest engine that fits, and the reason why each of the others does not."""
    incompatibilities = {
        artifact.version: reason
        for artifact in artifacts
        if (reason := incompatibility(artifact, requirements)) is not None
    }
    fitting = [artifact for artifact in artifacts if artifact.version not in incompatibilities]
    newest = max(fitting, key=lambda artifact: artifact.version, default=None)
    return EngineSelection(newest, incompatibilities)


def incompatibility(artifact: EngineArtifact, requirements: EngineRequirements) -> str | None:
    """Return why an engine does not meet the requirements, or None. Reasons that cannot be repaired come first."""
    facts, platform = artifact.facts, requirements.platform
    missing = [size for size in requirements.sizes if size not in facts.sizes]
    reasons = (
        (facts.weights_digest != requirements.weights_digest, "it is of other weights"),
        (
            facts.precision != requirements.precision,
            f"it computes in {facts.precision}, not in {requirements.precision}",
        ),
        (facts.runtime != "tensorrt", "it holds graphs and no plans"),
        (platform is None, "there is no TensorRT on this machine"),
        (platform is not None and facts.tensorrt != platform.tensorrt, _other_tensorrt(facts, platform)),
        (platform is not None and not _runs_on(facts, platform), _other_gpu(facts, platform)),
        (bool(missing), f"it has no profile for {', '.join(f'{width}x{height}' for width, height in missing)}"),
        (artifact.state == "refused", f"it is refused: {_parity_message(artifact.parity)}"),
        (not artifact.files, f"{artifact.by} is putting it in, or was stopped while doing so"),
        (artifact.state != "ready", "it is not verified: `packshot engine verify` does"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def explain_selection(model: str, selection: EngineSelection) -> str:
    """Return one sentence on why none of a model's engines is selected."""
    if not selection.incompatibilities:
        return f"there is no engine of {model!r} in the store"
    reasons = "; ".join(f"version {number}: {reason}" for number, reason in sorted(selection.incompatibilities.items()))
    return f"no engine of {model!r} fits ({reasons})"


def triton_path(path: str) -> str:
    """Return the path of an engine's file in Triton's layout, where each graph has a version folder of its own, 1."""
    graph, separator, name = path.partition("/")
    return f"{graph}/1/{name}" if separator else path


def config_pbtxt(graph: str, runtime: str, ports: Mapping[str, Sequence[Mapping[str, Any]]] | None) -> str:
    """Return a graph's Triton configuration; without `ports` (inputs and outputs) Triton reads them from the plan.

    `max_batch_size` is 0, since not every input has a batch axis: the batch is an axis like any other.
    """
    backend = "tensorrt" if runtime == "tensorrt" else "onnxruntime"
    lines = [f'name: "{graph}"', f'backend: "{backend}"', "max_batch_size: 0"]
    for kind, name in (("input", "inputs"), ("output", "outputs")):
        for port in (ports or {}).get(name, ()):
            dims = ", ".join(str(axis if isinstance(axis, int) else -1) for axis in port["shape"])
            lines.append(
                f'{kind} {{ name: "{port["name"]}" data_type: {TRITON_TYPES[port["type"]]} dims: [ {dims} ] }}'
            )
    return "\n".join(lines) + "\n"


def _onnx_facts(document: Mapping[str, Any]) -> EngineFacts:
    return EngineFacts(
        runtime="onnxruntime",
        weights_digest=document["weights_digest"],
        precision=document["precision"],
        onnx_digests={name: _listing_digest(document["files"], f"{name}/") for name in document["graphs"]},
    )


def _listing_digest(files: Sequence[Mapping[str, Any]], prefix: str) -> str:
    """Return the sha256 of the sorted `sha256sum` listing of files, by which a built engine names its graph."""
    lines = sorted(f"{file['sha256']}  {file['path']}\n" for file in files if file["path"].startswith(prefix))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _tensorrt_facts(document: Mapping[str, Any]) -> EngineFacts:
    if document["runtime"] != "tensorrt":
        raise ValueError(f"an engine for {document['runtime']!r} has no plans: store its export")
    graphs = {name: document[name] for name in ("transformer", "vae_decoder")}
    copied = ("runtime", "weights_digest", "precision", "sizes", "tensorrt", "gpu", "compute_capability", "driver")
    return EngineFacts(
        **{name: document[name] for name in copied},
        compatibility=document["compatibility"],
        batch=document["batch"][-1],
        onnx_digests={name: graph["onnx_sha256"] for name, graph in graphs.items()},
        profiles={name: graph["profiles"] for name, graph in graphs.items()},
    )


def _runs_on(facts: EngineFacts, platform: GpuPlatform) -> bool:
    same = facts.compute_capability == platform.compute_capability
    return {
        "none": same and facts.gpu == platform.gpu,
        "same-compute-capability": same,
        "ampere-plus": platform.compute_capability >= AMPERE,
    }[facts.compatibility]


def _other_tensorrt(facts: EngineFacts, platform: GpuPlatform | None) -> str:
    return f"it was built by TensorRT {facts.tensorrt}, and this is {platform.tensorrt}" if platform else ""


def _other_gpu(facts: EngineFacts, platform: GpuPlatform | None) -> str:
    return f"it was built for {facts.gpu}, and this is {platform.gpu}" if platform else ""


def _parity_message(parity: ParityResult | None) -> str:
    if parity is None or parity.max_abs_diff is None:
        return "its outputs are not numbers"
    return f"it differs by {parity.max_abs_diff:.2g}, and {parity.tolerance:g} is allowed"
