"""What an engine drives: a model that paints batches.

Comes in: prompts that may share a batch. Goes out: an answer to each. A painter knows its model and its device, and
nothing of threads, windows, retries or consumers: `infra.engines.threaded` has those.
"""

from collections.abc import Hashable, Sequence, Set
from typing import Any, Protocol

from infra.interfaces import Failure, Frame, Prompt


class OutOfDeviceMemory(Exception):
    """The batch does not fit the device's memory; the painter has freed what it could, and a smaller one may fit."""


class Backend(Protocol):
    """A model. Every method is called on its engine's own thread."""

    name: str

    def load(self) -> None:
        """Take the device; raise `EngineError` where that cannot be."""

    def batch_key(self, prompt: Prompt) -> Hashable:
        """Return what prompts must have in common to share a batch: size, steps, guidance, padded caption length."""

    def generate_batch(self, prompts: Sequence[Prompt]) -> Sequence[Frame | Failure]:
        """Return an answer a prompt, in order, for prompts of one group; the engine fills in the seconds.

        Raises `OutOfDeviceMemory` where fewer prompts might fit, `EngineError` where the device is lost, and anything
        else where some prompt of the batch is at fault.
        """

    def close(self) -> None:
        """Free the device, whatever state it is in."""


class Accelerator(Protocol):
    """What makes a painter's pipeline faster and moves its pixels by rounding alone. Called on the engine's thread.

    What it brings in place of a transformer keeps `config`, `in_channels`, `dtype` and the call; in place of a VAE
    `config`, `dtype` and `decode`.
    """

    name: str
    replaces: Set[str]
    """Components (`transformer`, `vae`) that it brings itself: they are not loaded."""

    def attach(self, pipeline: Any) -> None:
        """Put itself into the pipeline, which is on its device; raise `EngineUnsuitable` where that cannot be."""

    def free_memory(self) -> None:
        """Free what can be made again: a batch ran out of memory."""

    def close(self) -> None:
        """Free what it holds, whatever state it is in; twice is fine."""
