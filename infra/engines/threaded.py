"""One device, one thread: what every engine has in common.

Comes in: prompts, from several consumers at once. Goes out: frames and failures, to the consumer that asked.
A device does its best work when it is never asked to wait, so consumers leave prompts in a window and find answers in
a queue; both are bounded. The engine thread serves the streams first come first served, and turns to the next one
whenever the first has nothing to paint or nowhere to put it. Model libraries are happiest on one thread, so loading,
painting and releasing all happen on it. It is a daemon: an interrupted program does not wait for a picture.

The iterable of prompts is drawn in its consumer's own thread, up to a window ahead: what it raises reaches that
consumer alone. It must therefore never wait for an answer to a prompt that it has given.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from infra.engines.backend import Backend, OutOfDeviceMemory
from infra.errors import EngineError, one_line
from infra.interfaces import Failure, Frame, Prompt

logger = logging.getLogger(__name__)

MAX_REASON_CHARACTERS = 80
"""How much of an exception's message a Failure repeats: messages may quote prompts, and prompts are hostile text."""

MAX_READY_BATCHES = 2
"""Batches that may wait in a stream's queue: one being taken away, one just painted."""


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
    """Runs a painter on a thread of its own and shares it among consumers.

    `batch_size` is the most prompts that are painted at once, `window` how many of a stream's prompts may wait to be
    painted (at least a batch). Raises what `painter.load` raises.
    """

    def __init__(self, backend: Backend, batch_size: int, window: int) -> None:
        self.name = backend.name
        self.batch_size = batch_size
        self.first_batch_started: float | None = None
        self.last_batch_ended: float | None = None
        self._window = max(window, batch_size)
        self._backend = backend
        self._batch_limits: dict[Hashable, int] = {}
        self._busy_seconds = 0.0
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
        """Yield one Frame or Failure a prompt, as they are made; raise `EngineError` if the engine ends before."""
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

    def busy_seconds(self) -> float:
        """Return the seconds spent inside the painter since the engine was opened, failed tries too."""
        return self._busy_seconds

    def idle_share(self) -> float | None:
        """Return the part of the time from the first painting to the last that was not painting; None before one.

        Inside a painting the device may still wait for launches; that it is never left without work is what this says.
        """
        if (
            self.first_batch_started is None
            or self.last_batch_ended is None
            or self.last_batch_ended <= self.first_batch_started
        ):
            return None
        return max(0.0, 1 - self._busy_seconds / (self.last_batch_ended - self.first_batch_started))

    def close(self) -> None:
        """End the thread after the batch in hand and free the device; consumers still waiting get `EngineError`."""
        with self._changed:
            self._end_error = self._end_error or EngineError(f"The engine {self.name!r} is closed: open another one.")
            self._changed.notify_all()
        self._thread.join()

    # The consumer's side

    def _refill_window(self, stream: _PromptStream, source: Iterator[Prompt]) -> bool:
        """Draw prompts until the window is full; False when there are no more."""
        drawn: list[_QueuedPrompt] = []
        room = self._window - len(stream.queued)
        while len(drawn) < room and (prompt := next(source, None)) is not None:
            drawn.append(_QueuedPrompt(prompt))
        if drawn:
            with self._changed:
                stream.queued += drawn
                stream.pending += len(drawn)
                self._changed.notify_all()
        return len(drawn) == max(room, 0)

    def _consumer_can_continue(self, stream: _PromptStream, more: bool) -> bool:
        room = more and len(stream.queued) < self._window
        return bool(stream.answers or room or not stream.pending or self._end_error is not None)

    # The engine's side

    def _run_backend(self, loaded: deque[BaseException | None]) -> None:
        """Load, paint until closed, release."""
        try:
            self._backend.load()
        except BaseException as error:  # handed to whoever opens the engine
            with suppress(Exception):  # the first error is the one to tell
                self._backend.close()
            self._report_loaded(loaded, error)
            return
        self._report_loaded(loaded, None)
        try:
            while (stream := self._next_stream()) is not None:
                self._serve_batch(stream)
        except BaseException as error:  # a thread that died in silence would leave its consumers waiting for ever
            with self._changed:
                reason = f"The engine {self.name!r} died: {_describe_error(error)}."
                self._end_error = error if isinstance(error, EngineError) else EngineError(reason)
                self._changed.notify_all()
        finally:
            self._backend.close()

    def _report_loaded(self, loaded: deque[BaseException | None], outcome: BaseException | None) -> None:
        with self._changed:
            loaded.append(outcome)
            self._changed.notify_all()

    def _next_stream(self) -> _PromptStream | None:
        """Wait for the first stream that has something to paint and somewhere to put it; None when closed."""

        def ready() -> _PromptStream | None:
            full = MAX_READY_BATCHES * self.batch_size
            return next((each for each in self._streams if each.queued and len(each.answers) < full), None)

        with self._changed:
            self._changed.wait_for(lambda: self._end_error is not None or ready() is not None)
            return None if self._end_error is not None else ready()

    def _serve_batch(self, stream: _PromptStream) -> None:
        batch, group = self._take_batch(stream)
        answers = self._generate_with_retries(batch, group)
        with self._changed:
            stream.answers.extend(answers)
            self._changed.notify_all()

    def _take_batch(self, stream: _PromptStream) -> tuple[list[Prompt], Hashable]:
        """Take the fullest batch that the window offers, the one that has waited longest among equals."""
        with self._changed:
            waiting = tuple(stream.queued)
        groups: dict[Hashable, list[_QueuedPrompt]] = {}
        for each in waiting:
            if each.batch_key is None:
                each.batch_key = self._batch_key(each.prompt)
            groups.setdefault(each.batch_key, []).append(each)
        fits = {group: self._batch_limits.get(group, self.batch_size) for group in groups}
        best = max(groups, key=lambda group: min(len(groups[group]), fits[group]))
        batch = groups[best][: fits[best]]
        with self._changed:
            stream.queued = [each for each in stream.queued if each not in batch]
            self._changed.notify_all()
        return [each.prompt for each in batch], best

    def _batch_key(self, prompt: Prompt) -> Hashable:
        try:
            return self._backend.batch_key(prompt)
        except Exception:  # one image's failure: painted alone, it says there what is wrong with it
            return object()

    def _generate_with_retries(self, prompts: Sequence[Prompt], batch_key: Hashable) -> list[Frame | Failure]:
        """Paint one batch whatever it takes: by halves when memory is short, one by one when a prompt is poison."""
        answers: list[Frame | Failure] = []
        size = len(prompts)
        while len(answers) < len(prompts):
            batch = prompts[len(answers) : len(answers) + size]
            try:
                answers += self._generate_timed(batch)
            except EngineError:
                raise
            except OutOfDeviceMemory as error:
                if len(batch) == 1:
                    answers.append(_failure(batch[0], error))
                    continue
                size = self._batch_limits[batch_key] = len(batch) // 2
                logger.warning("%s: batches of this kind are cut to %d: out of device memory", self.name, size)
            except Exception as error:  # one image's failure
                if len(batch) == 1:
                    answers.append(_failure(batch[0], error))
                else:
                    answers += [
                        answer for prompt in batch for answer in self._generate_with_retries([prompt], batch_key)
                    ]
        return answers

    def _generate_timed(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        started = time.monotonic()
        self.first_batch_started = started if self.first_batch_started is None else self.first_batch_started
        try:
            painted = self._backend.generate_batch(prompts)
        finally:
            self.last_batch_ended = time.monotonic()
            self._busy_seconds += self.last_batch_ended - started
        if len(painted) != len(prompts):
            raise EngineError(f"The painter {self.name!r} gave {len(painted)} answers to {len(prompts)} prompts.")
        share = (self.last_batch_ended - started) / len(prompts)
        return [replace(answer, seconds=share) for answer in painted]


def _failure(prompt: Prompt, error: Exception) -> Failure:
    return Failure(key=prompt.key, reason=_describe_error(error))


def _describe_error(error: BaseException) -> str:
    name = type(error).__name__
    return f"{name}: {one_line(error, MAX_REASON_CHARACTERS)}" if str(error).strip() else name
