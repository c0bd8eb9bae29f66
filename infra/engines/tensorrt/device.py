"""The device that plans run on: memory, a stream, and the recording of CUDA graphs.

Comes in: work to be done on the stream. Goes out: that work done, or recorded and ready to be repeated. Both plans of
an engine share one device: one stream, so that the scratch memory which they share is never used by both at once.
`CpuDevice` has the same order of events on a CPU; with `recording` it drives all the code that a GPU would.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from infra.errors import EngineError

if TYPE_CHECKING:
    import torch

StreamWork = Callable[[], None]


class PlanDevice(Protocol):
    """Where a plan runs. Every method is called on the engine's own thread."""

    device_type: str
    """What torch calls it: `cuda` or `cpu`."""

    stream: int
    """The address of the stream that work is put on."""

    def empty(self, shape: Sequence[int], dtype: "torch.dtype") -> "torch.Tensor":
        """Return memory for a tensor that is not written yet."""

    def on_stream(self) -> contextlib.AbstractContextManager[None]:
        """Put what torch does inside on the stream, after what the caller put on its own and before what follows."""

    def synchronize(self) -> None:
        """Wait for all that is on the stream."""

    def capture(self, forward: StreamWork) -> StreamWork:
        """Record work as a CUDA graph without doing it; what is returned does it. Nothing in it may wait."""

    def free_bytes(self) -> int:
        """Return how much memory of the device is free."""

    def request_scratch(self, size: int) -> None:
        """Say before the first `scratch` how many bytes of scratch memory some plan needs."""

    def scratch_memory(self) -> tuple[int, int]:
        """Return address and bytes of the shared scratch memory: the most that was wished for, and never moved."""


class ScratchMemory:
    """One block that all plans share. Recorded graphs hold its address, so it cannot grow once it is there."""

    def __init__(self) -> None:
        self._requested_bytes = 0
        self._block: torch.Tensor | None = None

    def request(self, size: int) -> None:
        if self._block is not None and size > self._requested_bytes:
            raise EngineError(
                f"A plan needs {size} bytes of scratch memory, and {self._requested_bytes} are in use already: open "
                "all plans "
                "before the first picture."
            )
        self._requested_bytes = max(self._requested_bytes, size)

    def allocate(self, device: PlanDevice) -> tuple[int, int]:
        import torch

        if self._block is None:
            self._block = device.empty((max(self._requested_bytes, 1),), torch.uint8)
        return self._block.data_ptr(), self._block.numel()


class CudaDevice:
    """The current CUDA device, with a stream of its own: the default one cannot be recorded."""

    device_type = "cuda"

    def __init__(self) -> None:
        import torch

        self._stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self.stream = int(self._stream.cuda_stream)
        self._scratch = ScratchMemory()

    def empty(self, shape: Sequence[int], dtype: "torch.dtype") -> "torch.Tensor":
        """Return memory of the device."""
        import torch

        return torch.empty(tuple(shape), dtype=dtype, device="cuda")

    @contextlib.contextmanager
    def on_stream(self) -> Iterator[None]:
        """Order the two streams by events: no thread waits."""
        import torch

        callers = torch.cuda.current_stream()
        self._stream.wait_stream(callers)
        with torch.cuda.stream(self._stream):
            yield
        callers.wait_stream(self._stream)

    def synchronize(self) -> None:
        """Wait for the stream alone."""
        self._stream.synchronize()

    def capture(self, forward: StreamWork) -> StreamWork:
        """Record on the stream. Other threads may use CUDA meanwhile: only this one's calls are watched."""
        import torch

        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            forward()
        return graph.replay

    def free_bytes(self) -> int:
        """Ask the driver: TensorRT's own memory is not torch's."""
        import torch

        return int(torch.cuda.mem_get_info()[0])

    def request_scratch(self, size: int) -> None:
        """Note the most that is wished for."""
        self._scratch.request(size)

    def scratch_memory(self) -> tuple[int, int]:
        """Allocate at the first call."""
        return self._scratch.allocate(self)
