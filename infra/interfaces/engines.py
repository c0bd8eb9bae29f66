"""Engines that generate images, and pools that run work beside them.

Inputs: prompts. Outputs: a `Frame` with pixels, or a `Failure`, for each.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from infra.interfaces.cutouts import AlphaMask
from infra.interfaces.pixels import Pixels


@dataclass(frozen=True, eq=False)
class KeptRegion:
    """A placed product that an image is generated around.

    `pixels` (uint8, height x width x 3, RGB) show the product on a neutral ground, `alpha` (uint8, height x width) is
    255 in its core and 0 where the image is generated. Both have the image's size. They are in memory, as the image
    will be: engines bound how many wait. Two regions of equal bytes are equal. Raises ValueError for arrays that do not
    fit one another.
    """

    pixels: Pixels
    alpha: AlphaMask

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.alpha.dtype != np.uint8 or self.pixels.shape != (*self.alpha.shape, 3):
            raise ValueError(
                f"Pixels of {self.pixels.shape} {self.pixels.dtype} and an alpha of {self.alpha.shape}"
                f" {self.alpha.dtype} are no kept region: they are height x width x 3 and height x width of uint8."
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeptRegion) and (
            self is other or (np.array_equal(self.alpha, other.alpha) and np.array_equal(self.pixels, other.pixels))
        )

    def __hash__(self) -> int:
        return hash(self.alpha.shape)

    @property
    def nbytes(self) -> int:
        """Return the bytes of both arrays."""
        return self.pixels.nbytes + self.alpha.nbytes


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
    kept_region: KeptRegion | None = None
    """The product whose surroundings are generated; None where the whole image is."""


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


NO_VAE_ENCODER, KEPT_REGION_TOO_THIN = "no-vae-encoder", "kept-region-too-thin"
"""Codes of failures: an engine cannot generate around a product; the product leaves nothing to generate around."""


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
