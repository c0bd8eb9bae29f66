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
from infra.models.model_files import folder_digest
from infra.onnx_graphs import model_source as sources
from infra.onnx_graphs.export_manifest import ExportCard, check_files, read_card
from infra.onnx_graphs.graph_comparison import (
    DECODED_SIZES,
    Comparison,
    compare_decoder,
    compare_transformer,
    sizes_within,
)
from infra.onnx_graphs.graph_spec import TRANSFORMER, VAE_DECODER
from infra.onnx_graphs.graph_writer import MODEL
from infra.onnx_graphs.onnx_runtime import OnnxRuntime, Runtime
from infra.onnx_graphs.reference_models import write_twin

TOLERANCES = {"fp32": 1e-4, "bf16": 5e-2}
"""The largest difference of any number, by the precision that is computed in. The transformer's answers reach about
2.4, pictures 1. fp32: 1e-5 was seen on small models. bf16: one rounding is up to 8e-3 there, and diffusers in bf16 is
2e-2 from itself in fp32. Captions whose positions are off by 32 are 1.5e-1 off."""

Say = Callable[[str], None]


class Opener(Protocol):
    """What opens one of the graphs, and says how far it goes."""

    name: str
    computes_in: str
    """The precision of the arithmetic: what the tolerance is for."""

    device: str
    """Where diffusers computes what it is compared with: `cpu` or `cuda`."""

    sizes: tuple[tuple[int, int], ...] | None
    """Latent rows and columns that it takes; None for any."""

    batch: int
    """The largest batch that it takes."""

    def open(self, graph: str) -> Runtime:
        """Return what runs the graph of that name."""


@dataclass(frozen=True)
class Verdict:
    """What came out. `twin` is the precision of the twin that was run in the graphs' place, None for the graphs."""

    runtime: str
    twin: str | None
    precision: str
    tolerance: float
    cases: tuple[Comparison, ...]

    @property
    def passed(self) -> bool:
        """Tell whether every case is within the tolerance; no cases are no proof."""
        return bool(self.cases) and all(case.within(self.tolerance) for case in self.cases)

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"passed": self.passed, **asdict(self)}


class OnnxOpener:
    """Opens an export in ONNX Runtime; a bf16 one as its fp32 twin, written into `scratch`."""

    name = "onnxruntime"
    computes_in = "fp32"
    device = "cpu"
    sizes: tuple[tuple[int, int], ...] | None = None
    batch = 4

    def __init__(self, folder: Path, precision: str, scratch: Path) -> None:
        self._folder, self._precision, self._scratch = folder, precision, scratch

    def open(self, graph: str) -> Runtime:
        """Return the graph's session."""
        path = self._folder / graph / MODEL
        if self._precision != "fp32":
            twin = self._scratch / graph / MODEL
            write_twin(path, twin)
            path = twin
        return OnnxRuntime(path)


def verify(model: str, folder: Path, say: Say, opener: Opener | None = None) -> Verdict:
    """Compare the export in `folder` with `model`; without an `opener`, in ONNX Runtime.

    Raises `EngineError` where they cannot be compared: no export, damaged files, another model's weights.
    """
    sources.require_libraries()
    if opener is not None and opener.sizes is not None and not opener.sizes:
        raise EngineError(
            f"The engine in {str(folder)!r} takes no size, so there is nothing to compare: build it again."
        )
    card = read_card(folder)
    source = sources.model_folder(model)
    say(f"Reading the weights in {source} and the files in {folder} for their digests")
    if (found := folder_digest(source)) != card.weights_digest:
        raise EngineError(
            f"The export in {str(folder)!r} was made from weights with the digest {card.weights_digest!r}, and those "
            f"of {model!r} have {found!r}: give the model that it was made from, or export again."
        )
    check_files(folder, card)
    with _scratch(folder) as scratch:
        opened = opener or OnnxOpener(folder, card.precision, scratch)
        cases = tuple(_cases(source, card, opened, say))
    twin = opened.computes_in if opened.computes_in != card.precision else None
    return Verdict(opened.name, twin, card.precision, TOLERANCES[opened.computes_in], cases)


def _cases(source: Path, card: ExportCard, opener: Opener, say: Say) -> Iterator[Comparison]:
    transformer = _as_computed(sources.load_transformer(source, card.precision), opener)
    with _opened(opener, TRANSFORMER.name, say) as runtime:
        yield from compare_transformer(transformer, runtime, opener.sizes or sizes_within(transformer), opener.batch)
    del transformer
    vae = _as_computed(sources.load_vae(source, card.precision), opener)
    with _opened(opener, VAE_DECODER.name, say) as runtime:
        yield from compare_decoder(vae, runtime, opener.sizes or DECODED_SIZES, opener.batch)


@contextmanager
def _opened(opener: Opener, graph: str, say: Say) -> Iterator[Runtime]:
    say(f"Comparing the {graph} in {opener.name}")
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()  # TensorRT cannot use what torch keeps for itself
    runtime = opener.open(graph)
    try:
        yield runtime
    finally:
        runtime.close()


def _as_computed(model: Any, opener: Opener) -> Any:
    """Move a model to where, and the type in which, it is compared; its weights keep the rounding of the export."""
    # Not the model's own `to`, which warns of types that some other models need.
    return torch.nn.Module.to(model, opener.device, weights_dtype(opener.computes_in, opener.device))


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-verify-", dir=folder.absolute().parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
