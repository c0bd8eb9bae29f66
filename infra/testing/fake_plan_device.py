"""A fake plan device: the event order of a CUDA device, on a CPU.

Inputs: work for the stream, as `infra.engines.tensorrt` gives it. Outputs: that work done, or kept and repeated;
`events` lists what happened, in order. With `fake_tensorrt` it drives all the code that a GPU would.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from infra.engines.tensorrt.device import ScratchMemory, StreamWork

if TYPE_CHECKING:
    import torch


class CpuDevice:
    """The same on a CPU, for `recording`; `events` tells what was done, in order."""

    device_type = "cpu"

    def __init__(self) -> None:
        self.stream = 7
        self.events: list[str] = []
        self._scratch = ScratchMemory()

    def empty(self, shape: Sequence[int], dtype: "torch.dtype") -> "torch.Tensor":
        """Return main memory."""
        import torch

        return torch.empty(tuple(shape), dtype=dtype)

    @contextlib.contextmanager
    def on_stream(self) -> Iterator[None]:
        """Have one order of events only."""
        yield

    def synchronize(self) -> None:
        """Note it: nothing is under way."""
        self.events.append("synchronize")

    def capture(self, forward: StreamWork) -> StreamWork:
        """Keep the work, as a graph does: with the addresses that it had, and without doing it."""
        self.events.append("record")

        def replay() -> None:
            self.events.append("replay")
            forward()

        return replay

    def free_bytes(self) -> int:
        """Return the same number always: buffers alone count."""
        return 0

    def request_scratch(self, size: int) -> None:
        """Note the most that is wished for."""
        self._scratch.request(size)

    def scratch_memory(self) -> tuple[int, int]:
        """Allocate at the first call."""
        return self._scratch.allocate(self)
