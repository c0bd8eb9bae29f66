"""CUDA-graph capture: a forward pass recorded once and replayed.

Inputs: work that reads tensors at fixed addresses and returns one tensor. Outputs: a captured graph, and the tensor
that every replay fills.
A graph keeps its addresses and shapes, takes no argument and returns nothing, and launches thousands of kernels by one
call: it saves the launches, which small images wait for.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

ForwardPass = Callable[[], "torch.Tensor"]


class CapturedGraph(Protocol):
    """A captured forward pass."""

    output: "torch.Tensor"
    memory_bytes: int
    """Bytes of the device's memory that the graph holds."""

    def replay(self) -> None:
        """Run again on the present content of the input tensors; `output` then holds the result."""

    def free(self) -> None:
        """Free the graph's memory."""


class GraphCapturer(Protocol):
    """Captures graphs, on one thread only: the engine's."""

    def capture(self, forward: ForwardPass) -> CapturedGraph:
        """Warm up, capture and return the graph; raise `RuntimeError` for work that cannot be captured."""


class CudaGraphCapturer:
    """Captures CUDA graphs, each with its own memory pool, so that dropping one gives its memory back."""

    def capture(self, forward: ForwardPass) -> CapturedGraph:
        """Run the work once on a side stream, then capture it."""
        import torch

        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            forward()  # libraries allocate and choose kernels the first time, which a capture does not allow
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.empty_cache()
        before = torch.cuda.memory_reserved()
        graph = torch.cuda.CUDAGraph()
        # `thread_local`: only this thread's calls can break the capture; other threads may copy meanwhile.
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
