"""Plan device: memory, a stream, and CUDA-graph capture for plans.

Inputs: work for the stream. Outputs: that work done, or captured and ready to be repeated.
Both plans of an engine share one device and one stream, so that the scratch memory which they share is never used by
both at once. `infra.testing.fake_plan_device` has the same order of events on a CPU.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from infra.errors import EngineError

if TYPE_CHECKING:
    import torch

StreamWork = Callable[[], None]


class PlanDevice(Protocol):
    """The device of a plan. Every method is called on the engine's own thread."""

    device_type: str
    """torch's device type: `cuda` or `cpu`."""

    stream: int
    """The address of the stream that plans run on."""

    def empty(self, shape: Sequence[int], dtype: "torch.dtype") -> "torch.Tensor":
        """Return an uninitialized tensor on the device."""

    def on_stream(self) -> contextlib.AbstractContextManager[None]:
        """Run torch's work inside on the stream, after the caller's earlier work and before its later work."""

    def synchronize(self) -> None:
        """Wait for all work on the stream."""

    def capture(self, forward: StreamWork) -> StreamWork:
        """Capture work as a CUDA graph without running it; the returned function runs it. The work must not wait."""

    def free_bytes(self) -> int:
        """Return the free bytes of the device's memory."""

    def request_scratch(self, size: int) -> None:
        """Request scratch memory for a plan, before the first call of `scratch_memory`."""

    def scratch_memory(self) -> tuple[int, int]:
        """Return address and bytes of the shared scratch memory: the largest request; it never moves."""


class ScratchMemory:
    """One block that all plans share. Captured graphs hold its address, so it cannot grow once allocated."""

    def __init__(self) -> None:
        self._requested_bytes = 0
        self._block: torch.Tensor | None = None

    def request(self, size: int) -> None:
        """Note a plan's need; raise `EngineError` where the block exists already and is too small."""
        if self._block is not None and size > self._requested_bytes:
            raise EngineError(
                f"A plan needs {size} bytes of scratch memory, and {self._requested_bytes} are allocated already: open "
                "all plans before the first image."
            )
        self._requested_bytes = max(self._requested_bytes, size)

    def allocate(self, device: PlanDevice) -> tuple[int, int]:
        """Return the block's address and bytes, allocated at the first call."""
        import torch

        if self._block is None:
            self._block = device.empty((max(self._requested_bytes, 1),), torch.uint8)
        return self._block.data_ptr(), self._block.numel()


class CudaDevice:
    """The current CUDA device, with a stream of its own: the default stream cannot be captured."""

    device_type = "cuda"

    def __init__(self) -> None:
        import torch

        self._stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self.stream = int(self._stream.cuda_stream)
        self._scratch = ScratchMemory()

    def empty(self, shape: Sequence[int], dtype: "torch.dtype") -> "torch.Tensor":
        """Return an uninitialized tensor on the current CUDA device."""
        import torch

        return torch.empty(tuple(shape), dtype=dtype, device="cuda")

    @contextlib.contextmanager
    def on_stream(self) -> Iterator[None]:
        """Order the caller's stream and this one by events: no thread waits."""
        import torch

        caller_stream = torch.cuda.current_stream()
        self._stream.wait_stream(caller_stream)
        with torch.cuda.stream(self._stream):
            yield
        caller_stream.wait_stream(self._stream)

    def synchronize(self) -> None:
        """Wait for this stream alone."""
        self._stream.synchronize()

    def capture(self, forward: StreamWork) -> StreamWork:
        """Capture on the stream. Other threads may use CUDA meanwhile: only this thread's calls can break a capture."""
        import torch

        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            forward()
        return graph.replay

    def free_bytes(self) -> int:
        """Return the driver's figure: TensorRT's memory is not torch's."""
        import torch

        return int(torch.cuda.mem_get_info()[0])

    def request_scratch(self, size: int) -> None:
        """Note the largest request."""
        self._scratch.request(size)

    def scratch_memory(self) -> tuple[int, int]:
        """Return the block, allocated at the first call."""
        return self._scratch.allocate(self)
