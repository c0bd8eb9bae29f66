"""An export or an engine, verified: it gives what diffusers gives within a tolerance, or it is refused.

Comes in: a model, a folder with graphs, what runs them. Goes out: a `Verdict`. Through TensorRT it is compared with
diffusers in the same precision on the same GPU; through ONNX Runtime with diffusers in fp32 on the same weights.
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
"""The largest difference of any number, by the precision that is computed in. The transformer's answers reach about
2.4, pictures 1. fp32: 1e-5 was seen on small models. bf16: one rounding is up to 8e-3 there, and diffusers in bf16 is
2e-2 from itself in fp32. Captions whose positions are off by 32 are 1.5e-1 off."""

Progress = Callable[[str], None]


class GraphOpener(Protocol):
    """What opens one of the graphs, and says how far it goes."""

    name: str
    compute_precision: str
    """The precision of the arithmetic: what the tolerance is for."""

    device: str
    """Where diffusers computes what it is compared with: `cpu` or `cuda`."""

    sizes: tuple[tuple[int, int], ...] | None
    """Latent rows and columns that it takes; None for any."""

    batch: int
    """The largest batch that it takes."""

    def open_graph(self, graph: str) -> GraphRuntime:
        """Return what runs the graph of that name."""


@dataclass(frozen=True)
class GraphVerification:
    """What came out. `twin` is the precision of the twin that was run in the graphs' place, None for the graphs."""

    runtime: str
    twin: str | None
    precision: str
    tolerance: float
    cases: tuple[GraphComparison, ...]

    @property
    def passed(self) -> bool:
        """Tell whether every case is within the tolerance; no cases are no proof."""
        return bool(self.cases) and all(case.is_within(self.tolerance) for case in self.cases)

    def to_document(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"passed": self.passed, **asdict(self)}


class OnnxGraphOpener:
    """Opens an export in ONNX Runtime; a bf16 one as its fp32 twin, written into `scratch`."""

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
            twin = self._scratch / graph / MODEL_FILE
            write_fp32_reference(path, twin)
            path = twin
        return OnnxRuntime(path)


def verify_export(model: str, folder: Path, progress: Progress, opener: GraphOpener | None = None) -> GraphVerification:
    """Compare the export in `folder` with `model`; without an `opener`, in ONNX Runtime.

    Raises `EngineError` where they cannot be compared: no export, damaged files, another model's weights.
    """
    sources.require_onnx_extra()
    if opener is not None and opener.sizes is not None and not opener.sizes:
        raise EngineError(
            f"The engine in {str(folder)!r} takes no size, so there is nothing to compare: build it again."
        )
    card = read_export_manifest(folder)
    source = sources.resolve_model_folder(model)
    progress(f"Reading the weights in {source} and the files in {folder} for their digests")
    if (found := model_folder_digest(source)) != card.weights_digest:
        raise EngineError(
            f"The export in {str(folder)!r} was made from weights with the digest {card.weights_digest!r}, and those "
            f"of {model!r} have {found!r}: give the model that it was made from, or export again."
        )
    check_export_files(folder, card)
    with _scratch_folder(folder) as scratch:
        opened = opener or OnnxGraphOpener(folder, card.precision, scratch)
        cases = tuple(_compare_graphs(source, card, opened, progress))
    twin = opened.compute_precision if opened.compute_precision != card.precision else None
    return GraphVerification(opened.name, twin, card.precision, TOLERANCES[opened.compute_precision], cases)


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
        torch.cuda.empty_cache()  # TensorRT cannot use what torch keeps for itself
    runtime = opener.open_graph(graph)
    try:
        yield runtime
    finally:
        runtime.close()


def _cast_for_comparison(model: Any, opener: GraphOpener) -> Any:
    """Move a model to where, and the type in which, it is compared; its weights keep the rounding of the export."""
    # Not the model's own `to`, which warns of types that some other models need.
    return torch.nn.Module.to(model, opener.device, weights_dtype(opener.compute_precision, opener.device))


@contextmanager
def _scratch_folder(folder: Path) -> Iterator[Path]:
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-verify-", dir=folder.absolute().parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
