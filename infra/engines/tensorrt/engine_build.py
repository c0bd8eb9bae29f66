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

from infra.engines.tensorrt.build_manifest import EngineCard, GraphCard, Machine, graph_digest, write_card
from infra.engines.tensorrt.engine_open import Host, cuda_host
from infra.engines.tensorrt.fp8_calibration import Calibration, read_calibration
from infra.engines.tensorrt.fp8_graph import write_fp8
from infra.engines.tensorrt.model_configs import Config, component_configs, latent_pixel
from infra.engines.tensorrt.plan_build import Compatibility, Order, build_plan, require_room
from infra.engines.tensorrt.profiles import Profile, Size, Span, profiles_of, shapes_of
from infra.errors import EngineError
from infra.models.model_files import folder_digest
from infra.onnx_graphs.export_manifest import ExportCard, check_files, read_card
from infra.onnx_graphs.graph_spec import GRAPHS, TRANSFORMER, fixed_sizes

MODEL, PLAN, TIMING_CACHE, FP8 = "model.onnx", "model.plan", "timing.cache", "fp8"
Precision = Literal["fp32", "bf16", "fp8"]
Runs = Literal["tensorrt", "onnxruntime"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
RUNS: tuple[str, ...] = get_args(Runs)

Say = Callable[[str], None]


@dataclass(frozen=True)
class EngineOrder:
    """What engine to make: of which model's folder, from which export, into which folder, for which pictures."""

    model: Path
    onnx: Path
    out: Path
    sizes: Sequence[Size]
    batch: Span
    precision: Precision = "bf16"
    compatibility: Compatibility = "none"
    runtime: Runs = "tensorrt"
    calibration: Path | None = None

    @property
    def exported(self) -> str:
        """Return the precision that the export must have: fp8 is put into graphs of bf16."""
        return "bf16" if self.precision == "fp8" else self.precision


@dataclass(frozen=True)
class Prepared:
    """An order that was looked at: the export's card, the axes that the model fixes, and each graph's profiles."""

    order: EngineOrder
    export: ExportCard
    fixed: Mapping[str, int]
    profiles: Mapping[str, Sequence[Profile]]
    calibration: Calibration | None = None

    def source(self, graph: str) -> Path:
        """Return a graph's ONNX file."""
        return self.order.onnx / graph / MODEL


def check_precision(precision: str) -> None:
    """Raise `ValueError` with the reason for a precision that is not built."""
    if precision == "fp16":
        raise ValueError(
            "'fp16' is refused: this model's activations reach 63 000 where fp16 ends at 65 504, and its pictures come "
            "out black or white; take 'bf16', which is as large and reaches further."
        )
    if precision not in PRECISIONS:
        raise ValueError(f"{precision!r} is none of {', '.join(PRECISIONS)}.")


def prepare(order: EngineOrder, say: Say) -> Prepared:
    """Look at everything that needs no GPU. Raises `ValueError` for a size or precision, `EngineError` for the rest."""
    check_precision(order.precision)
    if order.runtime == "onnxruntime" and order.precision != "fp32":
        raise ValueError(
            f"A rehearsal by onnxruntime cannot be in {order.precision!r}: on a CPU it computes in fp32 alone; "
            "export and build with --precision fp32."
        )
    configs = component_configs(order.model)
    profiles = _profiles(order, configs)
    export = read_card(order.onnx)
    if export.precision != order.exported:
        raise EngineError(
            f"The export in {str(order.onnx)!r} is in {export.precision!r}, and an engine in {order.precision} is "
            f"built from one in {order.exported}: export with --precision {order.exported}, or build with another."
        )
    say("Reading the model's weights and the export for their digests")
    found = folder_digest(order.model)
    if export.weights_digest != found:
        raise EngineError(
            f"The export in {str(order.onnx)!r} is of weights {export.weights_digest!r}, and the model in "
            f"{str(order.model)!r} is {found!r}: export this model, or name the other one."
        )
    check_files(order.onnx, export)
    return Prepared(order, export, fixed_sizes(*configs), profiles, _calibration(order, found))


def make_engine(prepared: Prepared, say: Say, host: Callable[[], Host] = cuda_host) -> EngineCard:
    """Make the folder and return its card; raise `EngineError` where machine, disk or TensorRT do not allow it."""
    order = prepared.order
    machine = None if order.runtime == "onnxruntime" else _built(prepared, say, host).machine
    require_room(order.out, 0)
    card = _card(prepared, machine)
    write_card(order.out, card)
    return card


def _built(prepared: Prepared, say: Say, host: Callable[[], Host]) -> Host:
    order = prepared.order
    require_room(order.out, sum(each.bytes for each in prepared.export.files))
    found = host()
    for graph in GRAPHS:
        source = prepared.source(graph.name)
        if graph is TRANSFORMER and prepared.calibration is not None:
            say("Putting fp8 into the transformer's graph")
            source = order.out / FP8 / MODEL
            write_fp8(prepared.source(graph.name), source, prepared.calibration.largest)
        say(f"Building the plan of the {graph.name}: minutes, in which the GPU is busy")
        plan = Order(
            onnx=source,
            plan=order.out / graph.name / PLAN,
            shapes=[shapes_of(graph, profile, prepared.fixed) for profile in prepared.profiles[graph.name]],
            timing_cache=order.out / TIMING_CACHE,
            full_fp32=order.precision == "fp32",
            compatibility=order.compatibility,
        )
        build_plan(found.trt, plan)
    shutil.rmtree(order.out / FP8, ignore_errors=True)  # it can be made again, and is half of what the model weighs
    return found


def _calibration(order: EngineOrder, weights_digest: str) -> Calibration | None:
    """Return what an fp8 engine is scaled by; raise `EngineError` where there is none, or another model's."""
    if order.precision != "fp8":
        return None
    if order.calibration is None:
        raise EngineError("An engine in fp8 needs --calibration: make it with `packshot engine calibrate`.")
    found = read_calibration(order.calibration)
    if found.weights_digest != weights_digest:
        raise EngineError(
            f"The calibration {str(order.calibration)!r} is of weights {found.weights_digest!r}, and the model is "
            f"{weights_digest!r}: calibrate this model."
        )
    return found


def _profiles(order: EngineOrder, configs: tuple[Config, Config]) -> dict[str, list[Profile]]:
    pixel = latent_pixel(configs[1])
    return {graph.name: profiles_of(graph, order.sizes, order.batch, pixel) for graph in GRAPHS}


def _card(prepared: Prepared, machine: Machine | None) -> EngineCard:
    order = prepared.order
    graphs = {}
    for graph in GRAPHS:
        numbers = [
            {axis: (span.low, span.usual, span.high) for axis, span in profile.items()}
            for profile in prepared.profiles[graph.name]
        ]
        file = f"{graph.name}/{PLAN}" if machine else str(prepared.source(graph.name).resolve())
        graphs[graph.name] = GraphCard(
            file=file, onnx_sha256=graph_digest(prepared.export, graph.name), profiles=tuple(numbers)
        )
    about: dict[str, Any] = vars(machine) if machine else {}
    return EngineCard(
        runtime=order.runtime,
        weights_digest=prepared.export.weights_digest,
        precision=order.precision,
        sizes=tuple((size.width, size.height) for size in order.sizes),
        batch=(order.batch.low, order.batch.usual, order.batch.high),
        compatibility=order.compatibility,
        calibration_digest=prepared.calibration.digest if prepared.calibration else None,
        **graphs,
        **about,
    )
