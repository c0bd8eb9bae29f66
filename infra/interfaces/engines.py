"""Engines that generate images, and pools that run work beside them.

Inputs: prompts. Outputs: a `Frame` with pixels, or a `Failure`, for each.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol, TypeVar

from infra.interfaces.pixels import Pixels


@dataclass(frozen=True)
class Prompt:
    """One image to generate. `key` is the caller's name for it and reaches no pixel."""

    key: str
    text: str
    seed: int
    width: int
    height: int
    steps: int = 8
    guidance: float = 0.0
    negative: str = ""
    kept: str = ""
    """The `KeptRequest` as JSON, for the engine that composes; empty where a model generates."""


@dataclass(frozen=True)
class Frame:
    """A generated image, which owns its pixels (uint8, height x width x 3, RGB). `seconds` is engine time."""

    key: str
    pixels: Pixels
    seconds: float
    kept: str = ""
    """The `KeptResult` as JSON, where the image keeps a photo's product."""


CAPTION_TOO_LONG = "caption-too-long"
"""The code of a failure: a prompt has more tokens than the model reads."""


def caption_too_long_sentence(tokens: int, limit: int) -> str:
    """Return why a prompt of so many tokens is refused: the same before an engine sees it and by the engine."""
    return f"A caption has {tokens:,} tokens and the model reads {limit}: shorten the template or the prompt."


@dataclass(frozen=True)
class Failure:
    """A prompt that could not be generated, or an image that could not be measured, and why. Others are unaffected.

    `scanner` is the scanner that was running, where that is known. `code` is the reason's code, where the prompt itself
    is at fault and not the machine.
    """

    key: str
    reason: str
    seconds: float = 0.0
    scanner: str = ""
    code: str = ""


class Engine(Protocol):
    """Generates images on one thread of its own; `generate` may be called from several threads at once."""

    name: str

    def generate(self, prompts: Iterable[Prompt]) -> Iterator[Frame | Failure]:
        """Yield one Frame or Failure per prompt, in any order, reading ahead within a bounded window."""

    def busy_seconds(self) -> float:
        """Return the seconds spent inside the model since the engine was opened."""

    def close(self) -> None:
        """End the thread and free the device. Calling it twice is fine."""


S = TypeVar("S")
R = TypeVar("R")


class Pool(Protocol):
    """Runs work beside an engine: `work(engine, shard)` generates, encodes, stages and returns keys."""

    def submit(self, work: "Callable[[Engine, S], R]", shard: S) -> "Future[R]":
        """Start `work` beside an engine as soon as one has capacity."""

    def busy_seconds(self) -> float:
        """Return the engine seconds of all engines since the pool was opened."""

    def close(self) -> None:
        """End all engines, and cancel work that has not started."""
