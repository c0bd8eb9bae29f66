"""An engine folder, made: both graphs of an export become plans, and a card says what they are for.

Comes in: a model's folder, its export, sizes, a batch range, a precision. Goes out: `transformer/model.plan`,
`vae_decoder/model.plan`, the timing cache, and the card, last. `prepare` finds all that can be known to be wrong before
the first second of GPU time: precision, sizes, weights, an export that is not whole.
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
from infra.onnx_graphs.graph_spec import GRAPHS, TRANSFORMER, fixed_axis_sizes

MODEL_FILE, PLAN_FILE, TIMING_CACHE_FILE, FP8_FOLDER = "model.onnx", "model.plan", "timing.cache", "fp8"
EnginePrecision = Literal["fp32", "bf16", "fp8"]
EngineRuntime = Literal["tensorrt", "onnxruntime"]
ENGINE_PRECISIONS: tuple[str, ...] = get_args(EnginePrecision)
ENGINE_RUNTIMES: tuple[str, ...] = get_args(EngineRuntime)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class EngineBuildRequest:
    """What engine to make: of which model's folder, from which export, into which folder, for which pictures."""

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
        """Return the precision that the export must have: fp8 is put into graphs of bf16."""
        return "bf16" if self.precision == "fp8" else self.precision


@dataclass(frozen=True)
class PreparedBuild:
    """An order that was looked at: the export's card, the axes that the model fixes, and each graph's profiles."""

    request: EngineBuildRequest
    export: ExportManifest
    fixed_axes: Mapping[str, int]
    profiles: Mapping[str, Sequence[Profile]]
    calibration: Fp8Calibration | None = None

    def onnx_path(self, graph: str) -> Path:
        """Return a graph's ONNX file."""
        return self.request.onnx / graph / MODEL_FILE


def check_engine_precision(precision: str) -> None:
    """Raise `ValueError` with the reason for a precision that is not built."""
    if precision == "fp16":
        raise ValueError(
            "'fp16' is refused: this model's activations reach 63 000 where fp16 ends at 65 504, and its pictures come "
            "out black or white; take 'bf16', which is as large and reaches further."
        )
    if precision not in ENGINE_PRECISIONS:
        raise ValueError(f"{precision!r} is none of {', '.join(ENGINE_PRECISIONS)}.")


def prepare_build(request: EngineBuildRequest, progress: Progress) -> PreparedBuild:
    """Look at everything that needs no GPU. Raises `ValueError` for a size or precision, `EngineError` for the rest."""
    check_engine_precision(request.precision)
    if request.runtime == "onnxruntime" and request.precision != "fp32":
        raise ValueError(
            f"A rehearsal by onnxruntime cannot be in {request.precision!r}: on a CPU it computes in fp32 alone; "
            "export and build with --precision fp32."
        )
    configs = component_configs(request.model)
    profiles = _graph_profiles(request, configs)
    export = read_export_manifest(request.onnx)
    if export.precision != request.export_precision:
        raise EngineError(
            f"The export in {str(request.onnx)!r} is in {export.precision!r}, and an engine in {request.precision} is "
            f"built from one in {request.export_precision}: export with --precision {request.export_precision}, or "
            "build with another."
        )
    progress("Reading the model's weights and the export for their digests")
    found = model_folder_digest(request.model)
    if export.weights_digest != found:
        raise EngineError(
            f"The export in {str(request.onnx)!r} is of weights {export.weights_digest!r}, and the model in "
            f"{str(request.model)!r} is {found!r}: export this model, or name the other one."
        )
    check_export_files(request.onnx, export)
    return PreparedBuild(request, export, fixed_axis_sizes(*configs), profiles, _load_calibration(request, found))


def build_engine_folder(
    prepared: PreparedBuild, progress: Progress, open_host: Callable[[], TensorRtHost] = open_cuda_host
) -> BuildManifest:
    """Make the folder and return its card; raise `EngineError` where machine, disk or TensorRT do not allow it."""
    order = prepared.request
    machine = None if order.runtime == "onnxruntime" else _build_plans(prepared, progress, open_host).machine
    require_disk_space(order.out, 0)
    card = _build_manifest(prepared, machine)
    write_build_manifest(order.out, card)
    return card


def _build_plans(prepared: PreparedBuild, progress: Progress, open_host: Callable[[], TensorRtHost]) -> TensorRtHost:
    order = prepared.request
    require_disk_space(order.out, sum(each.bytes for each in prepared.export.files))
    found = open_host()
    for graph in GRAPHS:
        source = prepared.onnx_path(graph.name)
        if graph is TRANSFORMER and prepared.calibration is not None:
            progress("Putting fp8 into the transformer's graph")
            source = order.out / FP8_FOLDER / MODEL_FILE
            write_fp8_graph(prepared.onnx_path(graph.name), source, prepared.calibration.largest)
        progress(f"Building the plan of the {graph.name}: minutes, in which the GPU is busy")
        plan = PlanBuildSpec(
            onnx=source,
            plan=order.out / graph.name / PLAN_FILE,
            shapes=[
                input_shape_ranges(graph, profile, prepared.fixed_axes) for profile in prepared.profiles[graph.name]
            ],
            timing_cache=order.out / TIMING_CACHE_FILE,
            full_fp32=order.precision == "fp32",
            compatibility=order.compatibility,
        )
        build_plan(found.trt, plan)
    shutil.rmtree(
        order.out / FP8_FOLDER, ignore_errors=True
    )  # it can be made again, and is half of what the model weighs
    return found


def _load_calibration(request: EngineBuildRequest, weights_digest: str) -> Fp8Calibration | None:
    """Return what an fp8 engine is scaled by; raise `EngineError` where there is none, or another model's."""
    if request.precision != "fp8":
        return None
    if request.calibration is None:
        raise EngineError("An engine in fp8 needs --calibration: make it with `packshot engine calibrate`.")
    found = read_fp8_calibration(request.calibration)
    if found.weights_digest != weights_digest:
        raise EngineError(
            f"The calibration {str(request.calibration)!r} is of weights {found.weights_digest!r}, and the model is "
            f"{weights_digest!r}: calibrate this model."
        )
    return found


def _graph_profiles(
    request: EngineBuildRequest, configs: tuple[ComponentConfig, ComponentConfig]
) -> dict[str, list[Profile]]:
    pixel = pixels_per_latent(configs[1])
    return {graph.name: build_profiles(graph, request.sizes, request.batch, pixel) for graph in GRAPHS}


def _build_manifest(prepared: PreparedBuild, machine: TensorRtMachine | None) -> BuildManifest:
    order = prepared.request
    graphs = {}
    for graph in GRAPHS:
        numbers = [
            {axis: (span.low, span.optimal, span.high) for axis, span in profile.items()}
            for profile in prepared.profiles[graph.name]
        ]
        file = f"{graph.name}/{PLAN_FILE}" if machine else str(prepared.onnx_path(graph.name).resolve())
        graphs[graph.name] = GraphManifest(
            file=file, onnx_sha256=graph_digest(prepared.export, graph.name), profiles=tuple(numbers)
        )
    about: dict[str, Any] = vars(machine) if machine else {}
    return BuildManifest(
        runtime=order.runtime,
        weights_digest=prepared.export.weights_digest,
        precision=order.precision,
        sizes=tuple((size.width, size.height) for size in order.sizes),
        batch=(order.batch.low, order.batch.optimal, order.batch.high),
        compatibility=order.compatibility,
        calibration_digest=prepared.calibration.digest if prepared.calibration else None,
        **graphs,
        **about,
    )
