"""A backend that fails on order, for tests of the paths that a healthy device seldom takes.

Inputs: prompts. Outputs: flat grey images, or the ordered fault.
It records its batches, and can be held before each one, so that tests observe an order of events instead of measuring
time.
"""

import os
import signal
import threading
from collections.abc import Hashable, Sequence

import numpy as np

from infra.engines import PROMPT_WINDOW
from infra.engines.backend import OutOfDeviceMemory
from infra.engines.spec import EngineSpec
from infra.engines.stub.stub_backend import StubBackend
from infra.engines.threaded import ThreadedEngine
from infra.errors import EngineError
from infra.interfaces import Engine, Failure, Frame, Prompt

POISON = "[poison]"
UNGROUPABLE = "[ungroupable]"
DEVICE_LOSS = "[deadly]"
PROCESS_KILL = "[fatal]"


class FaultyBackend:
    """Generates flat images of at most `capacity` pixels in a batch; words in a prompt's text order other faults.

    `[poison]` raises `ValueError` with the whole text, `[ungroupable]` raises while the batch is put together, and
    `[deadly]` loses the device. With `wait_for_permits` each batch waits for a permit.
    """

    name = "faulty"

    def __init__(
        self, capacity: int | None = None, *, wait_for_permits: bool = False, load_succeeds: bool = True
    ) -> None:
        self.batches: list[tuple[str, ...]] = []
        self.calls: list[tuple[str, int]] = []
        self._capacity = capacity
        self._load_succeeds = load_succeeds
        self._permits = threading.Semaphore(0) if wait_for_permits else None

    def permit_batches(self, batches: int) -> None:
        """Let a held backend generate that many batches more."""
        if self._permits is not None:
            self._permits.release(batches)

    def load(self) -> None:
        """Record the call; raise `EngineError` if ordered not to load."""
        self._record_call("load")
        if not self._load_succeeds:
            raise EngineError("The backend was ordered not to load.")

    def batch_key(self, prompt: Prompt) -> Hashable:
        """Return the size and the length of the text."""
        if UNGROUPABLE in prompt.text:
            raise LookupError("The prompt contains the word [ungroupable].")
        return prompt.width, prompt.height, len(prompt.text)

    def generate_batch(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        """Return a flat image for each prompt, its seed as the grey level, or raise the ordered fault."""
        self._record_call("generate")
        if self._permits is not None:
            self._permits.acquire()
        self.batches.append(tuple(prompt.key for prompt in prompts))
        if self._capacity is not None and sum(prompt.width * prompt.height for prompt in prompts) > self._capacity:
            raise OutOfDeviceMemory(f"{len(prompts)} images are more than {self._capacity} pixels.")
        for prompt in prompts:
            if DEVICE_LOSS in prompt.text:
                raise EngineError("The device was lost, as ordered.")
            if POISON in prompt.text:
                raise ValueError(f"cannot generate {prompt.text}")
        return [
            Frame(prompt.key, np.full((prompt.height, prompt.width, 3), prompt.seed % 256, np.uint8), 0.0)
            for prompt in prompts
        ]

    def close(self) -> None:
        """Record the call."""
        self._record_call("close")

    def _record_call(self, call: str) -> None:
        self.calls.append((call, threading.get_ident()))


class ProcessKillingBackend(StubBackend):
    """The stub backend, but `[fatal]` in a prompt kills the process, as a driver's crash would."""

    def generate_batch(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        """Generate cards, or kill this process."""
        if any(PROCESS_KILL in prompt.text for prompt in prompts):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().generate_batch(prompts)


def open_process_killing_engine(spec: EngineSpec) -> Engine:
    """Open an engine whose process a prompt can kill: for pools of several processes."""
    return ThreadedEngine(ProcessKillingBackend(spec.stub_seconds), 1, PROMPT_WINDOW)
