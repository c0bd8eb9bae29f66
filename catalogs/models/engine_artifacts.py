"""Stored engine artifacts: what an engine's card says of it, and whether the card agrees with itself.

Inputs: the `card.json` of an export or of a built engine. Outputs: `EngineFacts`, an `EngineArtifact`, the text of a
Triton `config.pbtxt`.

The facts decide whether an engine is taken (see `catalogs.models.engine_selection`) and the document what is opened
then, so an artifact whose document says something else is none.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from catalogs.errors import OptionError

EngineState = Literal["building", "ready", "refused"]
OptimizationProfiles = tuple[dict[str, tuple[int, int, int]], ...]
"""One optimization profile each: the minimum, the optimum and the maximum of every axis."""

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
    tag: str | None = Field(None, description="Of the host that verified it, by its integrity key")

    @property
    def digest(self) -> str:
        """Return one digest of all files."""
        return _listing_digest([file.model_dump() for file in self.files], "")


def parse_engine_facts(document: Mapping[str, Any]) -> EngineFacts:
    """Return the facts in the `card.json` of an export or of a built engine. Raises `OptionError` for any other."""
    try:
        return _onnx_facts(document) if document.get("kind") == "onnx" else _tensorrt_facts(document)
    except (ValidationError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        reason = " ".join(str(error).split())[:200]
        raise OptionError(
            f"The card.json is neither of an export nor of a built engine ({reason}); export or build it again"
        ) from None


def artifact_fault(artifact: EngineArtifact) -> str | None:
    """Return why a card contradicts itself, or None: its document must have its facts and name its own files alone.

    The facts decide whether an engine is taken, and the document what is opened then.
    """
    try:
        if parse_engine_facts(artifact.document) != artifact.facts:
            return "its document has other facts than the card"
        own = {file.path: file.sha256 for file in artifact.files}
        for path, sha256 in document_files(artifact.document).items():
            if own and (path not in own or sha256 not in (None, own[path])):
                return f"its document names {path!r}, which is not among the card's files"
    except OptionError as error:
        return str(error)
    return None


def document_files(document: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the files that a `card.json` names, with their sha256 where it gives one.

    The document is one that `parse_engine_facts` takes. Raises `OptionError` for a path that leaves the folder.
    """
    try:
        if document.get("kind") == "onnx":
            files = {file["path"]: file["sha256"] for file in document["files"]}
        else:
            files = {document[graph]["file"]: None for graph in ("transformer", "vae_decoder")}
        return {StoredFile(path=path, bytes=0, sha256="").path: sha256 for path, sha256 in files.items()}
    except (ValidationError, LookupError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise OptionError(f"The card.json names files that are not in its folder ({reason}); build it again") from None


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
