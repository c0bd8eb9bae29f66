"""A fake plan device: the event order of a CUDA device, on a CPU.

Inputs: work for the stream, as `infra.engines.tensorrt` gives it. Outputs: that work done, or captured and repeated;
`events` lists what happened, in order. With `fake_tensorrt` it drives all the code that a GPU would.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from infra.engines.tensorrt.device import ScratchMemory, StreamWork

if TYPE_CHECKING:
    import torch


class CpuDevice:
    """A plan device without a stream: work runs at once, and captured work runs when it is replayed."""

    device_type = "cpu"

    def __init__(self) -> None:
        self.stream = 7
        self.events: list[str] = []
        self._scratch = ScratchMemory()

    def empty(self, shape: Sequence[int], dtype: "torch.dtype") -> "torch.Tensor":
        """Return an uninitialized tensor in main memory."""
        import torch

        return torch.empty(tuple(shape), dtype=dtype)

    @contextlib.contextmanager
    def on_stream(self) -> Iterator[None]:
        """Do nothing: work on a CPU has one order."""
        yield

    def synchronize(self) -> None:
        """Record the event: no work is pending."""
        self.events.append("synchronize")

    def capture(self, forward: StreamWork) -> StreamWork:
        """Keep the work with its addresses, without running it, as a graph does."""
        self.events.append("record")

        def replay() -> None:
            self.events.append("replay")
            forward()

        return replay

    def free_bytes(self) -> int:
        """Return a constant, so that the size of buffers alone counts."""
        return 0

    def request_scratch(self, size: int) -> None:
        """Note the largest request."""
        self._scratch.request(size)

    def scratch_memory(self) -> tuple[int, int]:
        """Return the block, allocated at the first call."""
        return self._scratch.allocate(self)
