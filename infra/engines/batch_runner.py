"""Batch runner: generates batches through a backend with retries, and measures the time spent in it.

Inputs: prompts that share a batch. Outputs: one answer for each prompt, in order; a failed image is a `Failure`.
Only a lost device raises. A batch that runs out of memory is halved, and the smaller size is remembered for its batch
key; a batch in which a prompt raises is generated one by one, so that one prompt never spoils its neighbours.
"""

import logging
import time
from collections.abc import Hashable, Sequence
from dataclasses import replace

from infra.engines.backend import Backend, OutOfDeviceMemory
from infra.errors import EngineError, one_line
from infra.interfaces import Failure, Frame, Prompt

logger = logging.getLogger(__name__)

MAX_REASON_CHARACTERS = 80
"""Characters of an exception's message that a Failure keeps: messages may quote prompts, which are hostile text."""


class BatchRunner:
    """Runs batches on one backend, on the calling thread; sums the time they take."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._batch_limits: dict[Hashable, int] = {}
        self.busy_seconds = 0.0
        self.first_batch_started: float | None = None
        self.last_batch_ended: float | None = None

    def batch_limit(self, batch_key: Hashable, batch_size: int) -> int:
        """Return the largest batch of this key that fitted the device so far, `batch_size` where none has failed."""
        return self._batch_limits.get(batch_key, batch_size)

    def run(self, prompts: Sequence[Prompt], batch_key: Hashable) -> list[Frame | Failure]:
        """Return the answers to one batch: in halves when memory is short, one by one when a prompt raises.

        Raises `EngineError` where the device is lost.
        """
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
                logger.warning(
                    "%s: out of device memory, so batches of this kind are cut to %d", self._backend.name, size
                )
            except Exception as error:  # one image's failure
                if len(batch) == 1:
                    answers.append(_failure(batch[0], error))
                else:
                    answers += [answer for prompt in batch for answer in self.run([prompt], batch_key)]
        return answers

    def _generate_timed(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        started = time.monotonic()
        self.first_batch_started = started if self.first_batch_started is None else self.first_batch_started
        try:
            answers = self._backend.generate_batch(prompts)
        finally:
            self.last_batch_ended = time.monotonic()
            self.busy_seconds += self.last_batch_ended - started
        if len(answers) != len(prompts):
            raise EngineError(
                f"The backend {self._backend.name!r} returned {len(answers)} answers to {len(prompts)} prompts."
            )
        share = (self.last_batch_ended - started) / len(prompts)
        return [replace(answer, seconds=share) for answer in answers]


def _failure(prompt: Prompt, error: Exception) -> Failure:
    return Failure(key=prompt.key, reason=describe_error(error))


def describe_error(error: BaseException) -> str:
    """Return an exception as one short line, its class first."""
    name = type(error).__name__
    return f"{name}: {one_line(error, MAX_REASON_CHARACTERS)}" if str(error).strip() else name
