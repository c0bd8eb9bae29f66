"""An engine folder, opened: its card is checked, then its two graphs are made ready to run.

Comes in: a folder. Goes out: a runtime for the transformer and one for the VAE's decoder, and the card that says what
they take. A folder built with --runtime onnxruntime has no plans: ONNX Runtime executes the graphs themselves on the
CPU, and refuses every shape that TensorRT would refuse. So all that lies between a prompt and a plan runs anywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.engines.tensorrt.bindings import load_tensorrt
from infra.engines.tensorrt.build_manifest import EngineCard, GraphCard, Machine, graph_digest, read_card, this_machine
from infra.engines.tensorrt.device import CudaDevice, Device
from infra.engines.tensorrt.plan_runtime import TensorRtRuntime
from infra.engines.tensorrt.profiles import Profile, profile_for
from infra.errors import EngineError
from infra.onnx_graphs.export_manifest import ExportCard
from infra.onnx_graphs.graph_spec import TRANSFORMER, VAE_DECODER, Graph
from infra.onnx_graphs.onnx_runtime import OnnxRuntime, Runtime

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Host:
    """A machine that runs plans: TensorRT's module, its device, and what its plans depend on."""

    trt: Any
    device: Device
    machine: Machine


def cuda_host() -> Host:
    """Return this machine, or raise `EngineError` with what to install: TensorRT, a driver, a torch with CUDA."""
    trt = load_tensorrt()
    machine = this_machine(str(trt.__version__))
    return Host(trt, CudaDevice(), machine)


def machine_of_plans() -> Machine | None:
    """Return what plans depend on here, or None where none can be run: no TensorRT, or no GPU."""
    try:
        return this_machine(str(load_tensorrt().__version__))
    except EngineError:
        return None


@dataclass(frozen=True)
class OpenEngine:
    """An engine whose graphs are ready."""

    card: EngineCard
    transformer: Runtime
    vae_decoder: Runtime

    def spare(self) -> None:
        """Forget what both have recorded."""
        self.transformer.spare()
        self.vae_decoder.spare()

    def close(self) -> None:
        """Give memory and device back."""
        self.transformer.close()
        self.vae_decoder.close()


class ProfiledRuntime:
    """Runs a graph by another runtime, and refuses the shapes that a plan with these profiles would refuse."""

    def __init__(self, runtime: Runtime, graph: Graph, profiles: Sequence[Profile]) -> None:
        self.name = runtime.name
        self._runtime, self._graph, self._profiles = runtime, graph, profiles

    def run(self, inputs: "Mapping[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
        """Return the outputs by name; raise `ShapeRefused` outside the profiles."""
        profile_for(self._graph, self._profiles, {name: tuple(tensor.shape) for name, tensor in inputs.items()})
        return self._runtime.run(inputs)

    def spare(self) -> None:
        """Have what runs the graph free what it can make again."""
        self._runtime.spare()

    def close(self) -> None:
        """Close what runs the graph."""
        self._runtime.close()


def host_of(card: EngineCard, host: Callable[[], Host] = cuda_host) -> Host | None:
    """Return the machine that the plans run on, None where there are none; raise `EngineUnsuitable` if not here."""
    if card.runtime == "onnxruntime":
        return None
    found = host()
    card.check(found.machine)
    return found


def open_engine_folder(folder: Path, card: EngineCard, host: Host | None) -> OpenEngine:
    """Make both graphs of an engine ready. Raises `EngineError` where a file is missing or damaged."""
    transformer = _runtime(folder, TRANSFORMER, card.transformer, host)
    return OpenEngine(card, transformer, _runtime(folder, VAE_DECODER, card.vae_decoder, host))


class EngineOpener:
    """Opens an engine's graphs one at a time, for `verify`: what it computes in, where, and how far it goes.

    Raises `EngineError` for an engine of another export, and for one without batches of 1, which are compared too.
    """

    def __init__(self, folder: Path, export: ExportCard, host: Callable[[], Host] = cuda_host) -> None:
        self._folder, self._card = folder, read_card(folder)
        for graph in (TRANSFORMER, VAE_DECODER):
            if self._graph(graph.name).onnx_sha256 != graph_digest(export, graph.name):
                raise EngineError(
                    f"The engine in {str(folder)!r} was built from another export: verify it with that one, or "
                    "build it again from this."
                )
        if self._card.batches.low > 1:
            raise EngineError(
                f"The engine in {str(folder)!r} takes batches of {self._card.batches}, and verifying starts at 1: "
                f"build it with --batch 1-{self._card.batches.high}."
            )
        self._find_host = host
        found = host_of(self._card, host)
        self.name: str = self._card.runtime
        self.computes_in: str = "fp32" if self._card.precision == "fp32" else "bf16"
        self.device: str = found.device.kind if found else "cpu"
        decoder = self._card.vae_decoder.spans()
        self.sizes: tuple[tuple[int, int], ...] | None = tuple(
            (profile["latent_rows"].usual, profile["latent_columns"].usual) for profile in decoder
        )
        self.batch = self._card.batches.high

    def open(self, graph: str) -> Runtime:
        """Return what runs the graph of that name, on a device of its own: the graphs are not ready together here.

        Scratch memory is one block of the size that the plans wished for before the first run, and the second comes
        after that.
        """
        known = {each.name: each for each in (TRANSFORMER, VAE_DECODER)}
        return _runtime(self._folder, known[graph], self._graph(graph), host_of(self._card, self._find_host))

    def _graph(self, name: str) -> GraphCard:
        return self._card.transformer if name == TRANSFORMER.name else self._card.vae_decoder


def _runtime(folder: Path, graph: Graph, card: GraphCard, host: Host | None) -> Runtime:
    path = folder / card.file
    if not path.is_file():
        raise EngineError(f"The engine in {str(folder)!r} lacks {card.file!r}: build it again.")
    if host is None:
        return ProfiledRuntime(OnnxRuntime(path), graph, card.spans())
    return TensorRtRuntime(host.trt, path, graph, card.spans(), host.device)
