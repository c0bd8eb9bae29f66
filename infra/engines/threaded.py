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

from infra.engines.backend import OutOfDeviceMemory, Painter
from infra.errors import EngineError
from infra.interfaces import Failure, Frame, Prompt

logger = logging.getLogger(__name__)

REASON_CHARACTERS = 80
"""How much of an exception's message a Failure repeats: messages may quote prompts, and prompts are hostile text."""

READY_BATCHES = 2
"""Batches that may wait in a stream's queue: one being taken away, one just painted."""


@dataclass(eq=False)
class _Waiting:
    prompt: Prompt
    group: Hashable = None


@dataclass(eq=False)
class _Stream:
    waiting: list[_Waiting] = field(default_factory=list)
    painted: deque[Frame | Failure] = field(default_factory=deque)
    owed: int = 0


class ThreadedEngine:
    """Runs a painter on a thread of its own and shares it among consumers.

    `batch_size` is the most prompts that are painted at once, `window` how many of a stream's prompts may wait to be
    painted (at least a batch). Raises what `painter.load` raises.
    """

    def __init__(self, painter: Painter, batch_size: int, window: int) -> None:
        self.name = painter.name
        self.batch_size = batch_size
        self.first_paint: float | None = None
        self.last_paint: float | None = None
        self._window = max(window, batch_size)
        self._painter = painter
        self._fitting: dict[Hashable, int] = {}
        self._busy = 0.0
        self._streams: list[_Stream] = []
        self._changed = threading.Condition()
        self._over: EngineError | None = None
        loaded: deque[BaseException | None] = deque()
        self._thread = threading.Thread(target=self._live, args=(loaded,), name=f"engine-{self.name}", daemon=True)
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: bool(loaded))
        if loaded[0] is not None:
            raise loaded[0]

    def generate(self, prompts: Iterable[Prompt]) -> Iterator[Frame | Failure]:
        """Yield one Frame or Failure a prompt, as they are made; raise `EngineError` if the engine ends before."""
        stream, source = _Stream(), iter(prompts)
        with self._changed:
            self._streams.append(stream)
        try:
            more = True
            while True:
                more = more and self._refill(stream, source)
                with self._changed:
                    self._changed.wait_for(lambda: self._concerns(stream, more))  # noqa: B023 - called at once
                    answer = stream.painted.popleft() if stream.painted else None
                    if answer is None and self._over is not None:
                        raise EngineError(str(self._over)) from self._over
                    if answer is None and not more and not stream.owed:
                        return
                    stream.owed -= answer is not None
                    self._changed.notify_all()
                if answer is not None:
                    yield answer
        finally:
            with self._changed:
                self._streams.remove(stream)

    def busy_seconds(self) -> float:
        """Return the seconds spent inside the painter since the engine was opened, failed tries too."""
        return self._busy

    def idle_share(self) -> float | None:
        """Return the part of the time from the first painting to the last that was not painting; None before one.

        Inside a painting the device may still wait for launches; that it is never left without work is what this says.
        """
        if self.first_paint is None or self.last_paint is None or self.last_paint <= self.first_paint:
            return None
        return max(0.0, 1 - self._busy / (self.last_paint - self.first_paint))

    def close(self) -> None:
        """End the thread after the batch in hand and free the device; consumers still waiting get `EngineError`."""
        with self._changed:
            self._over = self._over or EngineError(f"The engine {self.name!r} is closed: open another one.")
            self._changed.notify_all()
        self._thread.join()

    # The consumer's side

    def _refill(self, stream: _Stream, source: Iterator[Prompt]) -> bool:
        """Draw prompts until the window is full; False when there are no more."""
        drawn: list[_Waiting] = []
        room = self._window - len(stream.waiting)
        while len(drawn) < room and (prompt := next(source, None)) is not None:
            drawn.append(_Waiting(prompt))
        if drawn:
            with self._changed:
                stream.waiting += drawn
                stream.owed += len(drawn)
                self._changed.notify_all()
        return len(drawn) == max(room, 0)

    def _concerns(self, stream: _Stream, more: bool) -> bool:
        room = more and len(stream.waiting) < self._window
        return bool(stream.painted or room or not stream.owed or self._over is not None)

    # The engine's side

    def _live(self, loaded: deque[BaseException | None]) -> None:
        """Load, paint until closed, release."""
        try:
            self._painter.load()
        except BaseException as error:  # handed to whoever opens the engine
            with suppress(Exception):  # the first error is the one to tell
                self._painter.release()
            self._tell(loaded, error)
            return
        self._tell(loaded, None)
        try:
            while (stream := self._next_stream()) is not None:
                self._serve(stream)
        except BaseException as error:  # a thread that died in silence would leave its consumers waiting for ever
            with self._changed:
                reason = f"The engine {self.name!r} died: {_described(error)}."
                self._over = error if isinstance(error, EngineError) else EngineError(reason)
                self._changed.notify_all()
        finally:
            self._painter.release()

    def _tell(self, loaded: deque[BaseException | None], outcome: BaseException | None) -> None:
        with self._changed:
            loaded.append(outcome)
            self._changed.notify_all()

    def _next_stream(self) -> _Stream | None:
        """Wait for the first stream that has something to paint and somewhere to put it; None when closed."""

        def ready() -> _Stream | None:
            full = READY_BATCHES * self.batch_size
            return next((each for each in self._streams if each.waiting and len(each.painted) < full), None)

        with self._changed:
            self._changed.wait_for(lambda: self._over is not None or ready() is not None)
            return None if self._over is not None else ready()

    def _serve(self, stream: _Stream) -> None:
        batch, group = self._batch(stream)
        answers = self._painted(batch, group)
        with self._changed:
            stream.painted.extend(answers)
            self._changed.notify_all()

    def _batch(self, stream: _Stream) -> tuple[list[Prompt], Hashable]:
        """Take the fullest batch that the window offers, the one that has waited longest among equals."""
        with self._changed:
            waiting = tuple(stream.waiting)
        groups: dict[Hashable, list[_Waiting]] = {}
        for each in waiting:
            if each.group is None:
                each.group = self._group(each.prompt)
            groups.setdefault(each.group, []).append(each)
        fits = {group: self._fitting.get(group, self.batch_size) for group in groups}
        best = max(groups, key=lambda group: min(len(groups[group]), fits[group]))
        batch = groups[best][: fits[best]]
        with self._changed:
            stream.waiting = [each for each in stream.waiting if each not in batch]
            self._changed.notify_all()
        return [each.prompt for each in batch], best

    def _group(self, prompt: Prompt) -> Hashable:
        try:
            return self._painter.group(prompt)
        except Exception:  # one image's failure: painted alone, it says there what is wrong with it
            return object()

    def _painted(self, prompts: Sequence[Prompt], group: Hashable) -> list[Frame | Failure]:
        """Paint one batch whatever it takes: by halves when memory is short, one by one when a prompt is poison."""
        answers: list[Frame | Failure] = []
        size = len(prompts)
        while len(answers) < len(prompts):
            batch = prompts[len(answers) : len(answers) + size]
            try:
                answers += self._timed(batch)
            except EngineError:
                raise
            except OutOfDeviceMemory as error:
                if len(batch) == 1:
                    answers.append(_failure(batch[0], error))
                    continue
                size = self._fitting[group] = len(batch) // 2
                logger.warning("%s: batches of this kind are cut to %d: out of device memory", self.name, size)
            except Exception as error:  # one image's failure
                if len(batch) == 1:
                    answers.append(_failure(batch[0], error))
                else:
                    answers += [answer for prompt in batch for answer in self._painted([prompt], group)]
        return answers

    def _timed(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        started = time.monotonic()
        self.first_paint = started if self.first_paint is None else self.first_paint
        try:
            painted = self._painter.paint(prompts)
        finally:
            self.last_paint = time.monotonic()
            self._busy += self.last_paint - started
        if len(painted) != len(prompts):
            raise EngineError(f"The painter {self.name!r} gave {len(painted)} answers to {len(prompts)} prompts.")
        share = (self.last_paint - started) / len(prompts)
        return [replace(answer, seconds=share) for answer in painted]


def _failure(prompt: Prompt, error: Exception) -> Failure:
    return Failure(key=prompt.key, reason=_described(error))


def _described(error: BaseException) -> str:
    message = " ".join(str(error).split())
    cut = message if len(message) <= REASON_CHARACTERS else f"{message[: REASON_CHARACTERS - 1]}…"
    return f"{type(error).__name__}: {cut}" if cut else type(error).__name__
