"""Engine loading: checks an engine folder's manifest, then makes its two graphs ready to run.

Inputs: an engine folder. Outputs: a runtime for the transformer and one for the VAE decoder, and the manifest that
says which shapes they take.
A folder built with --runtime onnxruntime has no plans: ONNX Runtime executes the graphs themselves on the CPU, and
refuses every shape that TensorRT would refuse. So everything between a prompt and a plan runs on any machine.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.engines.tensorrt.bindings import load_tensorrt
from infra.engines.tensorrt.build_manifest import (
    BuildManifest,
    GraphManifest,
    TensorRtMachine,
    detect_machine,
    graph_digest,
    read_build_manifest,
)
from infra.engines.tensorrt.device import CudaDevice, PlanDevice
from infra.engines.tensorrt.plan_runtime import TensorRtRuntime
from infra.engines.tensorrt.profiles import Profile, find_profile
from infra.errors import EngineError
from infra.onnx_graphs.export_manifest import ExportManifest
from infra.onnx_graphs.graph_spec import TRANSFORMER, VAE_DECODER, GraphSpec
from infra.onnx_graphs.onnx_runtime import GraphRuntime, OnnxRuntime

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TensorRtHost:
    """A machine that runs plans: TensorRT's module, the device, and the properties that plans depend on."""

    trt: Any
    device: PlanDevice
    machine: TensorRtMachine


def open_cuda_host() -> TensorRtHost:
    """Return this machine, or raise `EngineError` naming what to install: TensorRT, a driver, a torch with CUDA."""
    trt = load_tensorrt()
    machine = detect_machine(str(trt.__version__))
    return TensorRtHost(trt, CudaDevice(), machine)


def find_tensorrt_machine() -> TensorRtMachine | None:
    """Return the properties that plans depend on, or None where this machine runs none: no TensorRT, or no GPU."""
    try:
        return detect_machine(str(load_tensorrt().__version__))
    except EngineError:
        return None


@dataclass(frozen=True)
class LoadedEngine:
    """An engine whose two graphs are ready to run."""

    manifest: BuildManifest
    transformer: GraphRuntime
    vae_decoder: GraphRuntime

    def free_memory(self) -> None:
        """Drop the captures of both graphs."""
        self.transformer.free_memory()
        self.vae_decoder.free_memory()

    def close(self) -> None:
        """Free memory and device."""
        self.transformer.close()
        self.vae_decoder.close()


class ShapeCheckedRuntime:
    """Runs a graph on another runtime, and refuses the shapes that a plan with these profiles would refuse."""

    def __init__(self, runtime: GraphRuntime, graph: GraphSpec, profiles: Sequence[Profile]) -> None:
        self.name = runtime.name
        self._runtime, self._graph, self._profiles = runtime, graph, profiles

    def run(self, inputs: "Mapping[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
        """Return the outputs by name; raise `UnsupportedShape` outside the profiles."""
        find_profile(self._graph, self._profiles, {name: tuple(tensor.shape) for name, tensor in inputs.items()})
        return self._runtime.run(inputs)

    def free_memory(self) -> None:
        """Free the inner runtime's reusable memory."""
        self._runtime.free_memory()

    def close(self) -> None:
        """Close the inner runtime."""
        self._runtime.close()


def host_for(manifest: BuildManifest, open_host: Callable[[], TensorRtHost] = open_cuda_host) -> TensorRtHost | None:
    """Return the machine that runs the plans, None without plans; raise `EngineUnsuitable` where they need another."""
    if manifest.runtime == "onnxruntime":
        return None
    host = open_host()
    manifest.check_machine(host.machine)
    return host


def load_engine_folder(folder: Path, manifest: BuildManifest, host: TensorRtHost | None) -> LoadedEngine:
    """Load both graphs of an engine; raise `EngineError` where a file is missing or damaged."""
    transformer = _open_runtime(folder, TRANSFORMER, manifest.transformer, host)
    return LoadedEngine(manifest, transformer, _open_runtime(folder, VAE_DECODER, manifest.vae_decoder, host))


class EngineGraphOpener:
    """Opens an engine's graphs one at a time for `packshot engine verify`, with their precision, device and limits.

    Raises `EngineError` for an engine of another export, and for one without batches of 1, which are compared too.
    """

    def __init__(
        self, folder: Path, export: ExportManifest, open_host: Callable[[], TensorRtHost] = open_cuda_host
    ) -> None:
        self._folder, self._manifest = folder, read_build_manifest(folder)
        for graph in (TRANSFORMER, VAE_DECODER):
            if self._graph_manifest(graph.name).onnx_sha256 != graph_digest(export, graph.name):
                raise EngineError(
                    f"The engine in {str(folder)!r} was built from another export: verify it with that one, or "
                    "build it again from this."
                )
        if self._manifest.batch_range.low > 1:
            raise EngineError(
                f"The engine in {str(folder)!r} takes batches of {self._manifest.batch_range}, and verification starts "
                f"at 1: build it with --batch 1-{self._manifest.batch_range.high}."
            )
        self._open_host = open_host
        host = host_for(self._manifest, open_host)
        self.name: str = self._manifest.runtime
        self.compute_precision: str = "fp32" if self._manifest.precision == "fp32" else "bf16"
        self.device: str = host.device.device_type if host else "cpu"
        decoder = self._manifest.vae_decoder.to_profiles()
        self.sizes: tuple[tuple[int, int], ...] | None = tuple(
            (profile["latent_rows"].optimal, profile["latent_columns"].optimal) for profile in decoder
        )
        self.batch = self._manifest.batch_range.high

    def open_graph(self, graph: str) -> GraphRuntime:
        """Return a runtime for the graph of that name, on a device of its own.

        The device's scratch memory is one block, sized before the first run; here the second graph is opened after it.
        """
        specs = {spec.name: spec for spec in (TRANSFORMER, VAE_DECODER)}
        return _open_runtime(
            self._folder, specs[graph], self._graph_manifest(graph), host_for(self._manifest, self._open_host)
        )

    def _graph_manifest(self, name: str) -> GraphManifest:
        return self._manifest.transformer if name == TRANSFORMER.name else self._manifest.vae_decoder


def _open_runtime(folder: Path, graph: GraphSpec, manifest: GraphManifest, host: TensorRtHost | None) -> GraphRuntime:
    path = folder / manifest.file
    if host is not None and not path.resolve().is_relative_to(folder.resolve()):
        raise EngineError(
            f"The engine in {str(folder)!r} names the plan {manifest.file!r}, which is outside: build it again."
        )
    if not path.is_file():
        raise EngineError(f"The engine in {str(folder)!r} lacks {manifest.file!r}: build it again.")
    if host is None:
        return ShapeCheckedRuntime(OnnxRuntime(path), graph, manifest.to_profiles())
    return TensorRtRuntime(host.trt, path, graph, manifest.to_profiles(), host.device)
