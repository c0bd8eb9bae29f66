"""A plan, run: TensorRT 11's named tensors, a CUDA graph a shape, scratch memory shared between plans.

Comes in: a plan, its graph and profiles; named tensors. Goes out: named tensors. Every call comes from the engine's own
thread: what is recorded there is replayed there.

A recorded graph fixes shapes and addresses. So each set of shapes has buffers, an execution context and a graph of its
own; NVIDIA advises a context a graph, since a context whose shapes move spoils what was recorded from it. They are
light, as they bring no scratch memory: all use the device's one block, sized for the largest profile of any plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.engines.lru_cache import Recent
from infra.engines.tensorrt.bindings import listener, torch_types
from infra.engines.tensorrt.device import Device, Work
from infra.engines.tensorrt.profiles import Profile, ShapeRefused, profile_for
from infra.errors import EngineError
from infra.onnx_graphs.graph_spec import Graph

if TYPE_CHECKING:
    import tensorrt
    import torch

RECORDED_BYTES = 2 << 30
"""What buffers and recorded graphs of one plan may hold: some 64 sets of shapes at 1024 px, by their buffers' size."""

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class _Recorded:
    """One set of shapes, ready: fill `inputs`, call `replay`, read `outputs`. The context must live as long."""

    context: "tensorrt.IExecutionContext"
    inputs: "dict[str, torch.Tensor]"
    outputs: "dict[str, torch.Tensor]"
    replay: Work


class TensorRtRuntime:
    """Runs one plan. Raises `EngineError` where the plan cannot be loaded, or is not of this graph and profiles."""

    name = "tensorrt"

    def __init__(
        self,
        trt: Any,
        plan: Path,
        graph: Graph,
        profiles: Sequence[Profile],
        device: Device,
        budget: int = RECORDED_BYTES,
    ) -> None:
        self._trt, self._graph, self._profiles, self._device = trt, graph, profiles, device
        self._listener = listener(trt)
        self._runtime: tensorrt.Runtime = trt.Runtime(self._listener)
        self._engine: tensorrt.ICudaEngine = self._loaded(plan)
        self._types = torch_types(trt)
        self._recorded: Recent[tuple[tuple[str, tuple[int, ...]], ...], _Recorded] = Recent(budget)
        self._check(plan)
        for number in range(self._engine.num_optimization_profiles):
            device.wish(int(self._engine.get_device_memory_size_for_profile_v2(number)))

    def run(self, inputs: "Mapping[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
        """Return the outputs by name, the caller's until the next run; raise `ShapeRefused` outside the profiles."""
        shapes = {name: tuple(inputs[name].shape) for name in sorted(inputs)}
        recorded = self._recorded.get(tuple(shapes.items())) or self._record(shapes)
        with self._device.working():
            for name, buffer in recorded.inputs.items():
                buffer.copy_(inputs[name], non_blocking=True)
            recorded.replay()
        return dict(recorded.outputs)

    def spare(self) -> None:
        """Forget what was recorded, with its contexts and buffers."""
        self._device.synchronize()
        self._recorded.clear()

    def close(self) -> None:
        """Free contexts and buffers, then the engine, then what it was loaded with."""
        self.spare()
        self._engine = None
        self._runtime = None

    def _loaded(self, plan: Path) -> "tensorrt.ICudaEngine":
        try:
            with plan.open("rb") as file:
                engine = self._runtime.deserialize_cuda_engine(_reader(self._trt, file))
        except OSError as error:
            raise EngineError(f"The plan {str(plan)!r} cannot be read: {error.strerror or error}.") from error
        if engine is None:
            said = "; ".join(self._listener.errors) or "TensorRT gave no reason"
            raise EngineError(f"TensorRT cannot load the plan {str(plan)!r} ({said}): build it again on this machine.")
        return engine

    def _check(self, plan: Path) -> None:
        """Raise `EngineError` unless the plan has the graph's inputs and outputs, and as many profiles as its card."""
        engine = self._engine
        found = {engine.get_tensor_name(number) for number in range(engine.num_io_tensors)}
        wanted = {port.name for port in (*self._graph.inputs, *self._graph.outputs)}
        if found != wanted:
            strange = ", ".join(sorted(found ^ wanted))
            raise EngineError(f"The plan {str(plan)!r} is of another graph (see {strange}): build it again.")
        if engine.num_optimization_profiles != len(self._profiles):
            raise EngineError(
                f"The plan {str(plan)!r} has {engine.num_optimization_profiles} profiles, and its card "
                f"{len(self._profiles)}: build it again."
            )

    def _record(self, shapes: Shapes) -> _Recorded:
        """Make a context and buffers for these shapes, run them once, record them, and keep what was recorded."""
        number = profile_for(self._graph, self._profiles, shapes)
        free = self._device.free_bytes()
        context = self._context(number, shapes)
        inputs = {port.name: self._buffer(context, port.name) for port in self._graph.inputs}
        outputs = {port.name: self._buffer(context, port.name) for port in self._graph.outputs}

        def enqueue() -> None:
            if not context.execute_async_v3(self._device.stream):
                raise EngineError(f"TensorRT could not run the {self._graph.name}: {self._said()}.")

        with self._device.working():
            for buffer in inputs.values():
                buffer.zero_()
            enqueue()  # what TensorRT puts off until the first run must not be in a recording
        self._device.synchronize()
        made = _Recorded(context, inputs, outputs, self._device.record(enqueue))
        buffers = sum(each.numel() * each.element_size() for each in (*inputs.values(), *outputs.values()))
        size = max(buffers, free - self._device.free_bytes())
        self._device.synchronize()  # what is forgotten now may still have been at work
        self._recorded.put(tuple(shapes.items()), made, size)
        return made

    def _context(self, profile: int, shapes: Shapes) -> "tensorrt.IExecutionContext":
        engine, device = self._engine, self._device
        context: tensorrt.IExecutionContext = engine.create_execution_context(
            self._trt.ExecutionContextAllocationStrategy.USER_MANAGED
        )
        if context is None:
            raise EngineError(f"TensorRT made no context for the {self._graph.name}: {self._said()}.")
        if not context.set_optimization_profile_async(profile, device.stream):
            raise EngineError(f"TensorRT refused profile {profile} of the {self._graph.name}: {self._said()}.")
        device.synchronize()
        for name, shape in shapes.items():
            if not context.set_input_shape(name, shape):
                raise ShapeRefused(
                    f"TensorRT refused {shape!r} for {name!r}: the plan has other profiles than its card."
                )
        if missing := context.infer_shapes():
            raise EngineError(
                f"The {self._graph.name} does not know the shape of {', '.join(missing)}: build it again."
            )
        context.set_device_memory(*device.scratch())
        return context

    def _buffer(self, context: "tensorrt.IExecutionContext", name: str) -> "torch.Tensor":
        buffer = self._device.empty(
            tuple(context.get_tensor_shape(name)), self._types[self._engine.get_tensor_dtype(name)]
        )
        context.set_tensor_address(name, buffer.data_ptr())
        return buffer

    def _said(self) -> str:
        return "; ".join(self._listener.errors[-3:]) or "it gave no reason"


def _reader(trt: Any, file: Any) -> "tensorrt.IStreamReaderV2":
    """Return what TensorRT reads a plan of 12 GB with, piece by piece instead of as one block of main memory."""

    class Reader(trt.IStreamReaderV2):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IStreamReaderV2.__init__(self)

        def read(self, size: int, _stream: int | None = None) -> bytes:
            return bytes(file.read(size))

        def seek(self, offset: int, whence: Any = 0) -> int:
            return int(file.seek(offset, int(whence)))

    return Reader()
