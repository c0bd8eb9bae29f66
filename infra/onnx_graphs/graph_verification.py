"""Graph verification: an export or an engine returns what diffusers returns, within a tolerance.

Inputs: a model, a folder with graphs, a runtime for them. Outputs: a `GraphVerification`.
Through TensorRT a graph is compared with diffusers in the same precision on the same GPU; through ONNX Runtime, with
diffusers in fp32 on the same weights.
"""

import gc
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from infra.errors import EngineError
from infra.models.loading import weights_dtype
from infra.models.model_files import model_folder_digest
from infra.onnx_graphs import model_source as sources
from infra.onnx_graphs.export_manifest import ExportManifest, check_export_files, read_export_manifest
from infra.onnx_graphs.graph_comparison import (
    DECODER_LATENT_SIZES,
    GraphComparison,
    compare_decoder,
    compare_transformer,
    supported_latent_sizes,
)
from infra.onnx_graphs.graph_spec import TRANSFORMER, VAE_DECODER
from infra.onnx_graphs.graph_writer import MODEL_FILE
from infra.onnx_graphs.onnx_runtime import GraphRuntime, OnnxRuntime
from infra.onnx_graphs.reference_models import write_fp32_reference

TOLERANCES = {"fp32": 1e-4, "bf16": 5e-2}
"""The largest difference of any number, by the precision of computation. The transformer's answers reach about 2.4,
images 1. fp32: 1e-5 was measured on small models. bf16: one rounding is up to 8e-3 there, and diffusers in bf16 differs
by 2e-2 from itself in fp32. Captions whose positions are off by 32 differ by 1.5e-1."""

Progress = Callable[[str], None]


class GraphOpener(Protocol):
    """Opens the graphs of an export or an engine, and states its limits."""

    name: str
    compute_precision: str
    """The precision of the arithmetic, which decides the tolerance."""

    device: str
    """The device on which diffusers computes the reference: `cpu` or `cuda`."""

    sizes: tuple[tuple[int, int], ...] | None
    """Latent rows and columns that the graphs take; None for any."""

    batch: int
    """The largest batch that the graphs take."""

    def open_graph(self, graph: str) -> GraphRuntime:
        """Return a runtime for the graph of that name."""


@dataclass(frozen=True)
class GraphVerification:
    """The result. `twin` is the precision of the reference graphs that ran in place of the graphs, None without."""

    runtime: str
    twin: str | None
    precision: str
    tolerance: float
    cases: tuple[GraphComparison, ...]

    @property
    def passed(self) -> bool:
        """Return whether there are cases and every one is within the tolerance."""
        return bool(self.cases) and all(case.is_within(self.tolerance) for case in self.cases)

    def to_document(self) -> dict[str, Any]:
        """Return the result as plain values."""
        return {"passed": self.passed, **asdict(self)}


class OnnxGraphOpener:
    """Opens an export in ONNX Runtime; a bf16 export as its fp32 reference, written into `scratch`."""

    name = "onnxruntime"
    compute_precision = "fp32"
    device = "cpu"
    sizes: tuple[tuple[int, int], ...] | None = None
    batch = 4

    def __init__(self, folder: Path, precision: str, scratch: Path) -> None:
        self._folder, self._precision, self._scratch = folder, precision, scratch

    def open_graph(self, graph: str) -> GraphRuntime:
        """Return the graph's session."""
        path = self._folder / graph / MODEL_FILE
        if self._precision != "fp32":
            reference = self._scratch / graph / MODEL_FILE
            write_fp32_reference(path, reference)
            path = reference
        return OnnxRuntime(path)


def verify_export(model: str, folder: Path, progress: Progress, opener: GraphOpener | None = None) -> GraphVerification:
    """Compare the export in `folder` with `model`, in ONNX Runtime where no `opener` is given.

    Raises `EngineError` where no comparison is possible: no export, damaged files, another model's weights.
    """
    sources.require_onnx_extra()
    if opener is not None and opener.sizes is not None and not opener.sizes:
        raise EngineError(
            f"The engine in {str(folder)!r} supports no size, so there is nothing to compare: build it again."
        )
    manifest = read_export_manifest(folder)
    source = sources.resolve_model_folder(model)
    progress(f"Reading the weights in {source} and the files in {folder} for their digests")
    if (weights_digest := model_folder_digest(source)) != manifest.weights_digest:
        raise EngineError(
            f"The export in {str(folder)!r} was made from weights {manifest.weights_digest!r}, and those of {model!r} "
            f"are {weights_digest!r}: give the model that it was made from, or export again."
        )
    check_export_files(folder, manifest)
    with _scratch_folder(folder) as scratch:
        graphs = opener or OnnxGraphOpener(folder, manifest.precision, scratch)
        cases = tuple(_compare_graphs(source, manifest, graphs, progress))
    twin = graphs.compute_precision if graphs.compute_precision != manifest.precision else None
    return GraphVerification(graphs.name, twin, manifest.precision, TOLERANCES[graphs.compute_precision], cases)


def _compare_graphs(
    source: Path, manifest: ExportManifest, opener: GraphOpener, progress: Progress
) -> Iterator[GraphComparison]:
    transformer = _cast_for_comparison(sources.load_transformer(source, manifest.precision), opener)
    with _open_runtime(opener, TRANSFORMER.name, progress) as runtime:
        yield from compare_transformer(
            transformer, runtime, opener.sizes or supported_latent_sizes(transformer), opener.batch
        )
    del transformer
    vae = _cast_for_comparison(sources.load_vae(source, manifest.precision), opener)
    with _open_runtime(opener, VAE_DECODER.name, progress) as runtime:
        yield from compare_decoder(vae, runtime, opener.sizes or DECODER_LATENT_SIZES, opener.batch)


@contextmanager
def _open_runtime(opener: GraphOpener, graph: str, progress: Progress) -> Iterator[GraphRuntime]:
    progress(f"Comparing the {graph} in {opener.name}")
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()  # TensorRT cannot use memory that torch caches
    runtime = opener.open_graph(graph)
    try:
        yield runtime
    finally:
        runtime.close()


def _cast_for_comparison(model: Any, opener: GraphOpener) -> Any:
    """Move a model to the device and type of the comparison; its weights keep the rounding of the export."""
    # `torch.nn.Module.to`: the model's own `to` warns about types that other models need.
    return torch.nn.Module.to(model, opener.device, weights_dtype(opener.compute_precision, opener.device))


@contextmanager
def _scratch_folder(folder: Path) -> Iterator[Path]:
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-verify-", dir=folder.absolute().parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
