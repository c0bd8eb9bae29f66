"""A fake CUDA-graph capturer: a replay runs the work again, into the same output, on any device.

Inputs: the work to capture. Outputs: captured graphs that keep the contract of `infra.engines.torch.graph_capture`.
The capturer counts captures, replays and frees, and notes the threads that it was used on: the graph cache is tested
with it where there is no CUDA.
"""

import threading

from infra.engines.torch.graph_capture import CapturedGraph, ForwardPass


class FakeGraphCapturer:
    """Captures by running the work. Every graph claims `size` bytes; `error`, where set, is raised by `capture`."""

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self.captured = self.replayed = self.freed = 0
        self.threads: set[int] = set()
        self.error: RuntimeError | None = None

    def capture(self, forward: ForwardPass) -> CapturedGraph:
        """Run the work once and keep it for replays; raise `error` where one is set."""
        self.note_thread()
        if self.error is not None:
            raise self.error
        self.captured += 1
        return _FakeCapturedGraph(self, forward)

    def note_thread(self) -> None:
        """Add the current thread to `threads`."""
        self.threads.add(threading.get_ident())


class _FakeCapturedGraph:
    def __init__(self, capturer: FakeGraphCapturer, forward: ForwardPass) -> None:
        self._capturer, self._forward = capturer, forward
        self.output, self.memory_bytes = forward(), capturer.size

    def replay(self) -> None:
        self._capturer.note_thread()
        self._capturer.replayed += 1
        self.output.copy_(self._forward())

    def free(self) -> None:
        self._capturer.freed += 1
