"""Engine build: both graphs of an export become plans, and a manifest describes the result.

Inputs: a model's folder, its export, sizes, a batch range, a precision. Outputs: `transformer/model.plan`,
`vae_decoder/model.plan`, the timing cache, and the manifest, written last.
`prepare_build` finds everything that can be wrong before the first second of GPU time: precision, sizes, weights, an
export that is not complete.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from infra.engines.tensorrt.build_manifest import (
    BuildManifest,
    GraphManifest,
    TensorRtMachine,
    graph_digest,
    write_build_manifest,
)
from infra.engines.tensorrt.engine_open import TensorRtHost, open_cuda_host
from infra.engines.tensorrt.fp8_calibration import Fp8Calibration, read_fp8_calibration
from infra.engines.tensorrt.fp8_graph import write_fp8_graph
from infra.engines.tensorrt.model_configs import ComponentConfig, component_configs, pixels_per_latent
from infra.engines.tensorrt.plan_build import Compatibility, PlanBuildSpec, build_plan, require_disk_space
from infra.engines.tensorrt.profiles import AxisRange, ImageSize, Profile, build_profiles, input_shape_ranges
from infra.errors import EngineError
from infra.models.model_files import model_folder_digest
from infra.onnx_graphs.export_manifest import ExportManifest, check_export_files, read_export_manifest
from infra.onnx_graphs.external_data import load_graph
from infra.onnx_graphs.graph_spec import GRAPHS, TRANSFORMER, fixed_axis_sizes

MODEL_FILE, PLAN_FILE, TIMING_CACHE_FILE, FP8_FOLDER = "model.onnx", "model.plan", "timing.cache", "fp8"
EnginePrecision = Literal["fp32", "bf16", "fp8"]
EngineRuntime = Literal["tensorrt", "onnxruntime"]
ENGINE_PRECISIONS: tuple[str, ...] = get_args(EnginePrecision)
ENGINE_RUNTIMES: tuple[str, ...] = get_args(EngineRuntime)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class EngineBuildRequest:
    """An engine to build: its model and export, the output folder, and the sizes, batches and precision it takes."""

    model: Path
    onnx: Path
    out: Path
    sizes: Sequence[ImageSize]
    batch: AxisRange
    precision: EnginePrecision = "bf16"
    compatibility: Compatibility = "none"
    runtime: EngineRuntime = "tensorrt"
    calibration: Path | None = None

    @property
    def export_precision(self) -> str:
        """Return the precision that the export must have: fp8 engines are made from bf16 graphs."""
        return "bf16" if self.precision == "fp8" else self.precision


@dataclass(frozen=True)
class PreparedBuild:
    """A checked request: the export's manifest, the axes that the model fixes, and each graph's profiles."""

    request: EngineBuildRequest
    export: ExportManifest
    fixed_axes: Mapping[str, int]
    profiles: Mapping[str, Sequence[Profile]]
    calibration: Fp8Calibration | None = None

    def onnx_path(self, graph: str) -> Path:
        """Return a graph's ONNX file."""
        return self.request.onnx / graph / MODEL_FILE


def check_engine_precision(precision: str) -> None:
    """Raise `ValueError` for a precision that no engine is built in, with the reason."""
    if precision == "fp16":
        raise ValueError(
            "'fp16' is refused: this model's activations reach 63 000 where fp16 ends at 65 504, so its images come "
            "out black or white; choose 'bf16', which is as large and reaches further."
        )
    if precision not in ENGINE_PRECISIONS:
        raise ValueError(f"The precision {precision!r} is unknown: choose one of {', '.join(ENGINE_PRECISIONS)}.")


def prepare_build(request: EngineBuildRequest, progress: Progress) -> PreparedBuild:
    """Check everything that needs no GPU; raise `ValueError` for a size or precision, `EngineError` otherwise."""
    check_engine_precision(request.precision)
    if request.runtime == "onnxruntime" and request.precision != "fp32":
        raise ValueError(
            f"The runtime onnxruntime cannot compute in {request.precision!r}: on a CPU it has fp32 alone; "
            "export and build with --precision fp32."
        )
    configs = component_configs(request.model)
    profiles = _graph_profiles(request, configs)
    export = read_export_manifest(request.onnx)
    if export.precision != request.export_precision:
        raise EngineError(
            f"The export in {str(request.onnx)!r} is in {export.precision!r}, and an engine in {request.precision} is "
            f"built from one in {request.export_precision}: export with --precision {request.export_precision}, or "
            "build with that precision."
        )
    progress("Reading the model's weights and the export for their digests")
    weights_digest = model_folder_digest(request.model)
    if export.weights_digest != weights_digest:
        raise EngineError(
            f"The export in {str(request.onnx)!r} is of weights {export.weights_digest!r}, and the model in "
            f"{str(request.model)!r} is {weights_digest!r}: export this model, or name the other one."
        )
    check_export_files(request.onnx, export)
    for graph in GRAPHS:
        _check_graph(request.onnx / graph.name / MODEL_FILE)
    return PreparedBuild(
        request, export, fixed_axis_sizes(*configs), profiles, _load_calibration(request, weights_digest)
    )


def build_engine_folder(
    prepared: PreparedBuild, progress: Progress, open_host: Callable[[], TensorRtHost] = open_cuda_host
) -> BuildManifest:
    """Build the engine folder and return its manifest; raise `EngineError` where machine, disk or TensorRT fail."""
    request = prepared.request
    machine = None if request.runtime == "onnxruntime" else _build_plans(prepared, progress, open_host).machine
    require_disk_space(request.out, 0)
    manifest = _build_manifest(prepared, machine)
    write_build_manifest(request.out, manifest)
    return manifest


def _build_plans(prepared: PreparedBuild, progress: Progress, open_host: Callable[[], TensorRtHost]) -> TensorRtHost:
    request = prepared.request
    require_disk_space(request.out, sum(file.bytes for file in prepared.export.files))
    host = open_host()
    for graph in GRAPHS:
        source = prepared.onnx_path(graph.name)
        if graph is TRANSFORMER and prepared.calibration is not None:
            progress("Putting fp8 into the transformer's graph")
            source = request.out / FP8_FOLDER / MODEL_FILE
            write_fp8_graph(prepared.onnx_path(graph.name), source, prepared.calibration.largest)
        progress(f"Building the plan of the {graph.name}: this takes minutes and keeps the GPU busy")
        spec = PlanBuildSpec(
            onnx=source,
            plan=request.out / graph.name / PLAN_FILE,
            shapes=[
                input_shape_ranges(graph, profile, prepared.fixed_axes) for profile in prepared.profiles[graph.name]
            ],
            timing_cache=request.out / TIMING_CACHE_FILE,
            full_fp32=request.precision == "fp32",
            compatibility=request.compatibility,
        )
        build_plan(host.trt, spec)
    # The fp8 graph can be made again, and is half as large as the model.
    shutil.rmtree(request.out / FP8_FOLDER, ignore_errors=True)
    return host


def _check_graph(path: Path) -> None:
    """Raise `EngineError` for a file that is no graph, or whose weights lie elsewhere."""
    try:
        load_graph(path)
    except ValueError as error:
        raise EngineError(f"The graph {str(path)!r} cannot be read: {error}; export it again.") from error


def _load_calibration(request: EngineBuildRequest, weights_digest: str) -> Fp8Calibration | None:
    """Return an fp8 engine's calibration; raise `EngineError` where it is missing or another model's."""
    if request.precision != "fp8":
        return None
    if request.calibration is None:
        raise EngineError("An engine in fp8 needs --calibration: make it with `packshot engine calibrate`.")
    calibration = read_fp8_calibration(request.calibration)
    if calibration.weights_digest != weights_digest:
        raise EngineError(
            f"The calibration {str(request.calibration)!r} is of weights {calibration.weights_digest!r}, and the model "
            f"is {weights_digest!r}: calibrate this model."
        )
    return calibration


def _graph_profiles(
    request: EngineBuildRequest, configs: tuple[ComponentConfig, ComponentConfig]
) -> dict[str, list[Profile]]:
    scale = pixels_per_latent(configs[1])
    return {graph.name: build_profiles(graph, request.sizes, request.batch, scale) for graph in GRAPHS}


def _build_manifest(prepared: PreparedBuild, machine: TensorRtMachine | None) -> BuildManifest:
    request = prepared.request
    graphs = {}
    for graph in GRAPHS:
        profiles = [
            {axis: (span.low, span.optimal, span.high) for axis, span in profile.items()}
            for profile in prepared.profiles[graph.name]
        ]
        file = f"{graph.name}/{PLAN_FILE}" if machine else str(prepared.onnx_path(graph.name).resolve())
        graphs[graph.name] = GraphManifest(
            file=file, onnx_sha256=graph_digest(prepared.export, graph.name), profiles=tuple(profiles)
        )
    machine_fields: dict[str, Any] = vars(machine) if machine else {}
    return BuildManifest(
        runtime=request.runtime,
        weights_digest=prepared.export.weights_digest,
        precision=request.precision,
        sizes=tuple((size.width, size.height) for size in request.sizes),
        batch=(request.batch.low, request.batch.optimal, request.batch.high),
        compatibility=request.compatibility,
        calibration_digest=prepared.calibration.digest if prepared.calibration else None,
        **graphs,
        **machine_fields,
    )
