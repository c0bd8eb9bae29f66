"""Plan build: a TensorRT plan from an ONNX graph and profiles, for the GPU of this machine.

Inputs: an ONNX file (its weights beside it), profiles, options. Outputs: a plan file, written atomically, and the
timings of kernels (the timing cache), which make the next build minutes shorter.

A network of TensorRT 11 computes in the types that the ONNX graph names: no flag lowers them, so the precision is that
of the export. Parser and logger report failures in fragments; here they end in one sentence.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from infra.engines.tensorrt.bindings import create_error_logger
from infra.engines.tensorrt.profiles import Shape
from infra.errors import EngineError

if TYPE_CHECKING:
    import tensorrt

Compatibility = Literal["none", "same-compute-capability", "ampere-plus"]
"""Other GPUs that a plan runs on: none but this model, those of its compute capability, or all from Ampere on (with
fewer fusions, so slower)."""

MAX_REPORTED_ERRORS = 3
"""How many of TensorRT's errors a message repeats: the first ones are the cause."""

DISK_MARGIN = 1.2
"""Disk space for a plan, as a multiple of its graph's weights: it holds them once, and little more."""

InputShapeRanges = Mapping[str, tuple[Shape, Shape, Shape]]


@dataclass(frozen=True)
class PlanBuildSpec:
    """A plan to build and its files. `workspace` None leaves the limit of scratch memory to TensorRT."""

    onnx: Path
    plan: Path
    shapes: Sequence[InputShapeRanges]
    timing_cache: Path
    full_fp32: bool = False
    compatibility: Compatibility = "none"
    effort: int = 3
    workspace: int | None = None


def build_plan(trt: Any, spec: PlanBuildSpec) -> None:
    """Build one plan and write it, or raise `EngineError`; an older file stays until the new one is complete."""
    require_disk_space(spec.plan.parent, graph_bytes(spec.onnx))
    logger = create_error_logger(trt)
    builder: tensorrt.Builder = trt.Builder(logger)
    network: tensorrt.INetworkDefinition = builder.create_network(0)
    _parse_graph(trt, network, spec.onnx, logger)
    _allow_decomposed_attention(trt, network)
    config: tensorrt.IBuilderConfig = builder.create_builder_config()
    _configure(trt, config, spec)
    cache: tensorrt.ITimingCache = config.create_timing_cache(_read_timing_cache(spec.timing_cache))
    if not config.set_timing_cache(cache, False):
        raise EngineError(
            f"TensorRT refused the timing cache {str(spec.timing_cache)!r}, which another version or GPU wrote: "
            "delete it, and build again."
        )
    for shapes in spec.shapes:
        _add_profile(builder, config, shapes)
    plan: tensorrt.IHostMemory = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineError(_failure_message(spec.onnx, logger.errors))
    write_atomically(spec.plan, plan)
    timings: tensorrt.ITimingCache = config.get_timing_cache()
    write_atomically(spec.timing_cache, timings.serialize())


def graph_bytes(onnx: Path) -> int:
    """Return the bytes of a graph with its external weights; raise `EngineError` where the graph is missing."""
    if not onnx.is_file():
        raise EngineError(f"There is no graph {str(onnx)!r}: write it with `packshot engine export`.")
    return sum(path.stat().st_size for path in onnx.parent.iterdir() if path.is_file())


def require_disk_space(folder: Path, weight_bytes: int) -> None:
    """Create the folder; raise `EngineError` where its disk cannot hold a plan with that many bytes of weights."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(f"The folder {str(folder)!r} cannot be made: {error.strerror or error}.") from error
    needed, free = int(weight_bytes * DISK_MARGIN), shutil.disk_usage(folder).free
    if free < needed:
        raise EngineError(
            f"A plan needs about {needed / 1e9:.1f} GB, and {str(folder)!r} has {free / 1e9:.1f} GB free: free some "
            "space, or give another --out."
        )


def write_atomically(path: Path, content: "bytes | tensorrt.IHostMemory") -> None:
    """Write under another name, then rename: a reader of `path` finds the whole content or the previous one."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        remedy = (
            "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "check the disk and its permissions"
        )
        raise EngineError(f"{str(path)!r} could not be written ({error.strerror or error}): {remedy}.") from error


def _parse_graph(trt: Any, network: "tensorrt.INetworkDefinition", onnx: Path, logger: Any) -> None:
    """Parse the graph by its path: only then are the weights beside it found (over 2 GB they must lie there)."""
    parser: tensorrt.OnnxParser = trt.OnnxParser(network, logger)
    if parser.parse_from_file(str(onnx)):
        return
    reasons = []
    for number in range(parser.num_errors):
        error: tensorrt.ParserError = parser.get_error(number)
        reasons.append(f"{error.desc()} at {error.node_name()} ({error.node_operator()})")
    raise EngineError(_failure_message(onnx, reasons or logger.errors))


def _allow_decomposed_attention(trt: Any, network: "tensorrt.INetworkDefinition") -> None:
    """Let attention be decomposed where no fused kernel fits (the decoder's one wide head); else the build fails."""
    for number in range(network.num_layers):
        layer: tensorrt.ILayer = network.get_layer(number)
        if layer.type == trt.LayerType.ATTENTION_INPUT:
            # The bindings return the base class; the object is of the other one.
            layer.__class__ = trt.IAttentionInputLayer
            attention_input: tensorrt.IAttentionInputLayer = layer
            attention: tensorrt.IAttention = attention_input.attention
            attention.decomposable = True


def _configure(trt: Any, config: "tensorrt.IBuilderConfig", spec: PlanBuildSpec) -> None:
    config.builder_optimization_level = spec.effort
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    if spec.workspace is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, spec.workspace)
    if spec.full_fp32:  # TF32 is on by default: 10 bits of mantissa are not fp32
        config.clear_flag(trt.BuilderFlag.TF32)
    else:
        config.set_flag(trt.BuilderFlag.TF32)
    levels = {
        "none": trt.HardwareCompatibilityLevel.NONE,
        "same-compute-capability": trt.HardwareCompatibilityLevel.SAME_COMPUTE_CAPABILITY,
        "ampere-plus": trt.HardwareCompatibilityLevel.AMPERE_PLUS,
    }
    config.hardware_compatibility_level = levels[spec.compatibility]


def _add_profile(builder: "tensorrt.Builder", config: "tensorrt.IBuilderConfig", shapes: InputShapeRanges) -> None:
    profile: tensorrt.IOptimizationProfile = builder.create_optimization_profile()
    for name, (least, usual, largest) in shapes.items():
        profile.set_shape(name, least, usual, largest)
    if config.add_optimization_profile(profile) < 0:
        raise EngineError(f"TensorRT refused the profile {dict(shapes)!r}: it fits neither graph nor GPU.")


def _read_timing_cache(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise EngineError(f"The timing cache {str(path)!r} cannot be read: {error.strerror or error}.") from error


def _failure_message(onnx: Path, reasons: Sequence[str]) -> str:
    details = "; ".join(reason.rstrip(".") for reason in reasons[:MAX_REPORTED_ERRORS]) or "it gave no reason"
    return f"TensorRT could not build {str(onnx)!r}: {details}."


COMPATIBILITIES: tuple[str, ...] = get_args(Compatibility)
