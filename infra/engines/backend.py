"""Backend and accelerator protocols: a model that generates batches, and what speeds it up.

Inputs: prompts that may share a batch. Outputs: one answer for each prompt, in order.
A backend knows its model and its device, and nothing of threads, windows, retries or consumers:
`infra.engines.threaded` has those, so every backend behaves alike.
"""

from collections.abc import Hashable, Sequence, Set
from typing import Any, Protocol

from infra.interfaces import Failure, Frame, Prompt


class OutOfDeviceMemory(Exception):
    """The batch does not fit the device's memory. The backend has freed what it could; a smaller batch may fit."""


def unfit_region_reason(prompt: Prompt) -> str | None:
    """Return why a prompt's kept region does not fit its image; None where it fits, or there is none."""
    if prompt.kept_region is None or prompt.kept_region.alpha.shape == (prompt.height, prompt.width):
        return None
    height, width = prompt.kept_region.alpha.shape
    return f"The kept region is {width}x{height} and the image {prompt.width}x{prompt.height}: place it on that canvas."


class Backend(Protocol):
    """A model on a device. Its engine calls every method on the engine's own thread."""

    name: str

    def load(self) -> None:
        """Load the model onto the device; raise `EngineError` where that fails."""

    def batch_key(self, prompt: Prompt) -> Hashable:
        """Return the key that prompts of one batch share: size, steps, guidance, padded caption length."""

    def generate_batch(self, prompts: Sequence[Prompt]) -> Sequence[Frame | Failure]:
        """Return one answer for each prompt, in order; all prompts have one batch key. The engine fills in the seconds.

        Raises `OutOfDeviceMemory` where fewer prompts might fit, `EngineError` where the device is lost, and any other
        exception where a prompt of the batch is at fault.
        """

    def close(self) -> None:
        """Free the device, whatever its state."""


class Accelerator(Protocol):
    """Makes a backend's pipeline faster, and changes its pixels by rounding alone. Runs on the engine's thread.

    A replacement for the transformer keeps `config`, `in_channels`, `dtype` and the call; a replacement for the VAE
    keeps `config`, `dtype` and `decode`.
    """

    name: str
    replaces: Set[str]
    """Components (`transformer`, `vae`) that the accelerator supplies: the pipeline does not load them."""

    def attach(self, pipeline: Any) -> None:
        """Install the accelerator in a pipeline that is on its device; raise `EngineUnsuitable` where it cannot run."""

    def free_memory(self) -> None:
        """Free memory that can be filled again: a batch ran out of it."""

    def close(self) -> None:
        """Free everything, whatever the state. A second call does nothing."""
