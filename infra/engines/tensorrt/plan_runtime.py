"""Plan runtime: runs one TensorRT plan, with a CUDA graph for each set of shapes.

Inputs: a plan, its graph and profiles; named tensors. Outputs: named tensors. Every call comes from the engine's own
thread: a graph captured on it is replayed on it.

A captured graph fixes shapes and addresses. So each set of shapes has its own buffers, execution context and graph;
NVIDIA advises one context for each graph, since a context whose shapes change spoils what was captured from it.
Contexts are light, as they bring no scratch memory: all share the device's one block, sized for the largest profile of
any plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from infra.engines.tensorrt.bindings import create_error_logger, torch_dtypes
from infra.engines.tensorrt.device import PlanDevice, StreamWork
from infra.engines.tensorrt.profiles import Profile, UnsupportedShape, find_profile
from infra.errors import EngineError
from infra.onnx_graphs.graph_spec import GraphSpec

if TYPE_CHECKING:
    import tensorrt
    import torch

CAPTURE_BUDGET_BYTES = 2 << 30
"""Bytes that buffers and captured graphs of one plan may hold: about 64 sets of shapes at 1024 px, by buffer size."""

TensorShapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class _CapturedContext:
    """One set of shapes, ready to run: fill `inputs`, call `replay`, read `outputs`. The context must live as long."""

    context: "tensorrt.IExecutionContext"
    inputs: "dict[str, torch.Tensor]"
    outputs: "dict[str, torch.Tensor]"
    replay: StreamWork
    size_bytes: int
    """Bytes of the device's memory, counted as at most the whole budget: the newest capture stays whatever its size."""


class TensorRtRuntime:
    """Runs one plan. Raises `EngineError` where it cannot be loaded, or belongs to another graph or other profiles."""

    name = "tensorrt"

    def __init__(
        self,
        trt: Any,
        plan: Path,
        graph: GraphSpec,
        profiles: Sequence[Profile],
        device: PlanDevice,
        budget_bytes: int = CAPTURE_BUDGET_BYTES,
    ) -> None:
        self._trt, self._graph, self._profiles, self._device = trt, graph, profiles, device
        self._logger = create_error_logger(trt)
        self._runtime: tensorrt.Runtime = trt.Runtime(self._logger)
        self._engine: tensorrt.ICudaEngine = self._deserialize(plan)
        self._torch_dtypes = torch_dtypes(trt)
        self._captures: LRUCache[tuple[tuple[str, tuple[int, ...]], ...], _CapturedContext] = LRUCache(
            budget_bytes, getsizeof=lambda capture: capture.size_bytes
        )
        self._check_plan(plan)
        for number in range(self._engine.num_optimization_profiles):
            device.request_scratch(int(self._engine.get_device_memory_size_for_profile_v2(number)))

    def run(self, inputs: "Mapping[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
        """Return the outputs by name, valid until the next run; raise `UnsupportedShape` outside the profiles."""
        shapes = {name: tuple(inputs[name].shape) for name in sorted(inputs)}
        capture = self._captures.get(tuple(shapes.items())) or self._capture(shapes)
        with self._device.on_stream():
            for name, buffer in capture.inputs.items():
                buffer.copy_(inputs[name], non_blocking=True)
            capture.replay()
        return dict(capture.outputs)

    def free_memory(self) -> None:
        """Drop all captures, with their contexts and buffers."""
        self._device.synchronize()
        self._captures.clear()

    def close(self) -> None:
        """Free contexts and buffers, then the engine, then the runtime that loaded it."""
        self.free_memory()
        self._engine = None
        self._runtime = None

    def _deserialize(self, plan: Path) -> "tensorrt.ICudaEngine":
        try:
            with plan.open("rb") as file:
                engine = self._runtime.deserialize_cuda_engine(_stream_reader(self._trt, file))
        except OSError as error:
            raise EngineError(f"The plan {str(plan)!r} cannot be read: {error.strerror or error}.") from error
        if engine is None:
            reason = "; ".join(self._logger.errors) or "TensorRT gave no reason"
            raise EngineError(
                f"TensorRT cannot load the plan {str(plan)!r} ({reason}): build it again on this machine."
            )
        return engine

    def _check_plan(self, plan: Path) -> None:
        """Raise `EngineError` unless the plan has the graph's inputs and outputs, and its manifest's profiles."""
        engine = self._engine
        plan_tensors = {engine.get_tensor_name(number) for number in range(engine.num_io_tensors)}
        graph_tensors = {port.name for port in (*self._graph.inputs, *self._graph.outputs)}
        if plan_tensors != graph_tensors:
            differing = ", ".join(sorted(plan_tensors ^ graph_tensors))
            raise EngineError(f"The plan {str(plan)!r} is of another graph (see {differing}): build it again.")
        if engine.num_optimization_profiles != len(self._profiles):
            raise EngineError(
                f"The plan {str(plan)!r} has {engine.num_optimization_profiles} profiles, and its manifest "
                f"{len(self._profiles)}: build it again."
            )

    def _capture(self, shapes: TensorShapes) -> _CapturedContext:
        """Make a context and buffers for these shapes, run them once, capture a graph, and cache it."""
        number = find_profile(self._graph, self._profiles, shapes)
        free_before = self._device.free_bytes()
        context = self._create_context(number, shapes)
        inputs = {port.name: self._allocate_buffer(context, port.name) for port in self._graph.inputs}
        outputs = {port.name: self._allocate_buffer(context, port.name) for port in self._graph.outputs}

        def enqueue() -> None:
            if not context.execute_async_v3(self._device.stream):
                raise EngineError(f"TensorRT could not run the {self._graph.name}: {self._logged_errors()}.")

        with self._device.on_stream():
            for buffer in inputs.values():
                buffer.zero_()
            enqueue()  # what TensorRT defers to the first run must not be in a capture
        self._device.synchronize()
        replay = self._device.capture(enqueue)
        buffer_bytes = sum(each.numel() * each.element_size() for each in (*inputs.values(), *outputs.values()))
        size_bytes = max(buffer_bytes, free_before - self._device.free_bytes())
        capture = _CapturedContext(context, inputs, outputs, replay, min(size_bytes, int(self._captures.maxsize)))
        self._device.synchronize()  # the captures evicted next may still be at work
        self._captures[tuple(shapes.items())] = capture
        return capture

    def _create_context(self, profile: int, shapes: TensorShapes) -> "tensorrt.IExecutionContext":
        engine, device = self._engine, self._device
        context: tensorrt.IExecutionContext = engine.create_execution_context(
            self._trt.ExecutionContextAllocationStrategy.USER_MANAGED
        )
        if context is None:
            raise EngineError(f"TensorRT created no context for the {self._graph.name}: {self._logged_errors()}.")
        if not context.set_optimization_profile_async(profile, device.stream):
            raise EngineError(f"TensorRT refused profile {profile} of the {self._graph.name}: {self._logged_errors()}.")
        device.synchronize()
        for name, shape in shapes.items():
            if not context.set_input_shape(name, shape):
                raise UnsupportedShape(
                    f"TensorRT refused {shape!r} for {name!r}: the plan has other profiles than its manifest."
                )
        if missing := context.infer_shapes():
            raise EngineError(
                f"The plan of the {self._graph.name} has no shape for {', '.join(missing)}: build it again."
            )
        context.set_device_memory(*device.scratch_memory())
        return context

    def _allocate_buffer(self, context: "tensorrt.IExecutionContext", name: str) -> "torch.Tensor":
        buffer = self._device.empty(
            tuple(context.get_tensor_shape(name)), self._torch_dtypes[self._engine.get_tensor_dtype(name)]
        )
        context.set_tensor_address(name, buffer.data_ptr())
        return buffer

    def _logged_errors(self) -> str:
        return "; ".join(self._logger.errors[-3:]) or "it gave no reason"


def _stream_reader(trt: Any, file: Any) -> "tensorrt.IStreamReaderV2":
    """Return a reader that gives TensorRT a plan of 12 GB in pieces, not as one block of main memory."""

    class PlanReader(trt.IStreamReaderV2):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IStreamReaderV2.__init__(self)

        def read(self, size: int, _stream: int | None = None) -> bytes:
            return bytes(file.read(size))

        def seek(self, offset: int, whence: Any = 0) -> int:
            return int(file.seek(offset, int(whence)))

    return PlanReader()
