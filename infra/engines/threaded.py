"""The threaded engine: one backend on one thread, shared by several consumers.

Inputs: iterables of prompts, from several consumers at once. Outputs: frames and failures, each to the consumer that
sent the prompt. Both directions are bounded: prompts wait in a window, answers in a queue.
The engine thread serves the streams in the order of their arrival, and turns to the next stream when the first has
nothing to generate or no room for answers: a device does its best work when it never waits. Loading, generation and
release run on that one thread, as model libraries expect. It is a daemon thread: an interrupted program does not wait
for an image.

The iterable of prompts is read in its consumer's own thread, up to a window ahead, so that its exceptions reach that
consumer alone. It must therefore never wait for the answer to a prompt that it has already given.
"""

import threading
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from infra.engines.backend import Backend
from infra.engines.batch_runner import BatchRunner, describe_error
from infra.errors import EngineError
from infra.interfaces import Failure, Frame, Prompt

MAX_READY_BATCHES = 2
"""Batches of answers that may wait in a stream's queue: one being read, one just generated."""

MAX_KEPT_REGION_BYTES = 128 * 2**20
"""Bytes of kept regions that may wait in a stream's window: 32 images of 1024 px. A batch may wait, however large."""


@dataclass(eq=False)
class _QueuedPrompt:
    prompt: Prompt
    batch_key: Hashable = None


@dataclass(eq=False)
class _PromptStream:
    queued: list[_QueuedPrompt] = field(default_factory=list)
    answers: deque[Frame | Failure] = field(default_factory=deque)
    pending: int = 0


class ThreadedEngine:
    """Runs a backend on its own thread and shares it among consumers.

    `batch_size` is the largest batch; `window` is how many prompts of one stream may wait (at least one batch).
    Raises what `backend.load` raises.
    """

    def __init__(self, backend: Backend, batch_size: int, window: int) -> None:
        self.name = backend.name
        self.batch_size = batch_size
        self._window = max(window, batch_size)
        self._backend = backend
        self._runner = BatchRunner(backend)
        self._streams: list[_PromptStream] = []
        self._changed = threading.Condition()
        self._end_error: EngineError | None = None
        loaded: deque[BaseException | None] = deque()
        self._thread = threading.Thread(
            target=self._run_backend, args=(loaded,), name=f"engine-{self.name}", daemon=True
        )
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: bool(loaded))
        if loaded[0] is not None:
            raise loaded[0]

    def generate(self, prompts: Iterable[Prompt]) -> Iterator[Frame | Failure]:
        """Yield one Frame or Failure for each prompt as it is ready; raise `EngineError` if the engine ends first."""
        stream, source = _PromptStream(), iter(prompts)
        with self._changed:
            self._streams.append(stream)
        try:
            more = True
            while True:
                more = more and self._refill_window(stream, source)
                with self._changed:
                    self._changed.wait_for(lambda: self._consumer_can_continue(stream, more))  # noqa: B023 - called at once
                    answer = stream.answers.popleft() if stream.answers else None
                    if answer is None and self._end_error is not None:
                        raise EngineError(str(self._end_error)) from self._end_error
                    if answer is None and not more and not stream.pending:
                        return
                    stream.pending -= answer is not None
                    self._changed.notify_all()
                if answer is not None:
                    yield answer
        finally:
            with self._changed:
                self._streams.remove(stream)

    @property
    def first_batch_started(self) -> float | None:
        """The monotonic time in seconds at which the first batch started, or None."""
        return self._runner.first_batch_started

    @property
    def last_batch_ended(self) -> float | None:
        """The monotonic time in seconds at which the last batch ended, or None."""
        return self._runner.last_batch_ended

    def busy_seconds(self) -> float:
        """Return the seconds spent inside the backend since the engine opened, failed attempts included."""
        return self._runner.busy_seconds

    def idle_share(self) -> float | None:
        """Return the share of the time from the first batch to the last in which no batch ran; None before one has.

        Low values mean that the device always had work. Inside a batch it may still wait for kernel launches.
        """
        first, last = self.first_batch_started, self.last_batch_ended
        if first is None or last is None or last <= first:
            return None
        return max(0.0, 1 - self._runner.busy_seconds / (last - first))

    def close(self) -> None:
        """End the thread after the current batch and free the device; waiting consumers get `EngineError`."""
        with self._changed:
            self._end_error = self._end_error or EngineError(f"The engine {self.name!r} is closed: open another one.")
            self._changed.notify_all()
        self._thread.join()

    # Runs on the consumers' threads

    def _refill_window(self, stream: _PromptStream, source: Iterator[Prompt]) -> bool:
        """Read prompts until the window is full; return False when there are no more."""
        waiting = list(stream.queued)
        already = len(waiting)
        while self._has_room(waiting) and (prompt := next(source, None)) is not None:
            waiting.append(_QueuedPrompt(prompt))
        if drawn := waiting[already:]:
            with self._changed:
                stream.queued += drawn
                stream.pending += len(drawn)
                self._changed.notify_all()
        return not self._has_room(waiting)

    def _has_room(self, waiting: Sequence[_QueuedPrompt]) -> bool:
        """Tell whether another prompt may wait: prompts are counted, and so are the bytes of their kept regions."""
        if len(waiting) < self.batch_size:
            return True
        regions = (each.prompt.kept_region for each in waiting)
        held = sum(region.nbytes for region in regions if region is not None)
        return len(waiting) < self._window and held < MAX_KEPT_REGION_BYTES

    def _consumer_can_continue(self, stream: _PromptStream, more: bool) -> bool:
        room = more and self._has_room(stream.queued)
        return bool(stream.answers or room or not stream.pending or self._end_error is not None)

    # Runs on the engine's thread

    def _run_backend(self, loaded: deque[BaseException | None]) -> None:
        """Load the model, generate until the engine is closed, release the device."""
        try:
            self._backend.load()
        except BaseException as error:  # raised again in the thread that opens the engine
            with suppress(Exception):  # the first error is the cause
                self._backend.close()
            self._report_loaded(loaded, error)
            return
        self._report_loaded(loaded, None)
        try:
            while (stream := self._next_stream()) is not None:
                self._serve_batch(stream)
        except BaseException as error:  # a thread that died in silence would leave its consumers waiting for ever
            with self._changed:
                reason = f"The engine {self.name!r} died: {describe_error(error)}."
                self._end_error = error if isinstance(error, EngineError) else EngineError(reason)
                self._changed.notify_all()
        finally:
            self._backend.close()

    def _report_loaded(self, loaded: deque[BaseException | None], outcome: BaseException | None) -> None:
        with self._changed:
            loaded.append(outcome)
            self._changed.notify_all()

    def _next_stream(self) -> _PromptStream | None:
        """Wait for the first stream with prompts and room for answers; return None when the engine is closed."""

        def ready() -> _PromptStream | None:
            full = MAX_READY_BATCHES * self.batch_size
            return next((each for each in self._streams if each.queued and len(each.answers) < full), None)

        with self._changed:
            self._changed.wait_for(lambda: self._end_error is not None or ready() is not None)
            return None if self._end_error is not None else ready()

    def _serve_batch(self, stream: _PromptStream) -> None:
        batch, group = self._take_batch(stream)
        answers = self._runner.run(batch, group)
        with self._changed:
            stream.answers.extend(answers)
            self._changed.notify_all()

    def _take_batch(self, stream: _PromptStream) -> tuple[list[Prompt], Hashable]:
        """Take the fullest batch in the window; among equals, the one that has waited longest."""
        with self._changed:
            waiting = tuple(stream.queued)
        groups: dict[Hashable, list[_QueuedPrompt]] = {}
        for each in waiting:
            if each.batch_key is None:
                each.batch_key = self._batch_key(each.prompt)
            groups.setdefault(each.batch_key, []).append(each)
        fits = {group: self._runner.batch_limit(group, self.batch_size) for group in groups}
        best = max(groups, key=lambda group: min(len(groups[group]), fits[group]))
        batch = groups[best][: fits[best]]
        with self._changed:
            stream.queued = [each for each in stream.queued if each not in batch]
            self._changed.notify_all()
        return [each.prompt for each in batch], best

    def _batch_key(self, prompt: Prompt) -> Hashable:
        try:
            return self._backend.batch_key(prompt)
        except Exception:  # one image's failure: generated alone, it raises its reason there
            return object()
