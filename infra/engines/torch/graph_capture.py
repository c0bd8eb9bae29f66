"""A forward pass, recorded once and played again: CUDA graphs, and a stand-in for machines without CUDA.

Comes in: work that reads tensors at fixed addresses and returns one. Goes out: a recording, and the tensor that every
replay fills. A graph keeps its addresses and its shapes, takes no argument and returns nothing, and launches thousands
of kernels by one call: it saves the launches, which is what small pictures wait for.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

ForwardPass = Callable[[], "torch.Tensor"]


class CapturedGraph(Protocol):
    """A recorded piece of work."""

    output: "torch.Tensor"
    memory_bytes: int
    """What the recording keeps of the device's memory."""

    def replay(self) -> None:
        """Do the work again, on what its input tensors hold now; `output` holds the answer."""

    def free(self) -> None:
        """Give the memory back."""


class GraphCapturer(Protocol):
    """Makes recordings. It is used on one thread only, the engine's."""

    def capture(self, forward: ForwardPass) -> CapturedGraph:
        """Warm up, record, and return the recording; `RuntimeError` for work that cannot be recorded."""


class CudaGraphCapturer:
    """Records CUDA graphs, each with a memory pool of its own, so that dropping one gives its memory back."""

    def capture(self, forward: ForwardPass) -> CapturedGraph:
        """Run the work once beside the current stream, then capture it."""
        import torch

        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            forward()  # libraries allocate and choose kernels the first time, which a capture does not allow
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.empty_cache()
        before = torch.cuda.memory_reserved()
        graph = torch.cuda.CUDAGraph()
        # Only this thread's calls are held against the capture: other threads may copy to the device meanwhile.
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            output = forward()
        return _CapturedCudaGraph(graph, output, max(torch.cuda.memory_reserved() - before, 0))


class _CapturedCudaGraph:
    def __init__(self, graph: "torch.cuda.CUDAGraph", output: "torch.Tensor", size: int) -> None:
        self.output, self.memory_bytes = output, size
        self._graph = graph

    def replay(self) -> None:
        self._graph.replay()

    def free(self) -> None:
        import torch

        self._graph.reset()
        self.output = torch.empty(0)
        torch.cuda.empty_cache()
