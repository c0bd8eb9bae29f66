"""What makes a loaded pipeline faster without changing its pictures: the seam, and doing nothing.

Comes in: a pipeline whose weights are where they will stay. Goes out: the same pipeline, with its transformer, or its
VAE too, replaced or compiled. An accelerator moves pixels by rounding alone; it reaches no key.
"""

from collections.abc import Set
from typing import Any, Protocol

from infra.errors import EngineError


class Accelerator(Protocol):
    """Every method is called on the engine's own thread, so what it captures there is replayed there.

    A component that an accelerator brings in place of a transformer keeps what the pipeline and the painter ask of one:
    `config` (with `axes_lens`), `in_channels`, `dtype` and the call; in place of a VAE: `config`, `dtype`, `decode`.
    """

    name: str
    replaces: Set[str]
    """Components (`transformer`, `vae`) that it brings itself: they are not loaded."""

    def attach(self, pipeline: Any) -> None:
        """Take the pipeline's components over; raise `EngineUnsuitable` where this machine cannot."""

    def spare(self) -> None:
        """Free what can be made again: a batch ran out of memory."""

    def release(self) -> None:
        """Free what it holds, whatever state it is in; calling it twice, or before `attach`, is fine."""


class Eager:
    """The pipeline as diffusers runs it."""

    name = "eager"
    replaces: Set[str] = frozenset()

    def attach(self, pipeline: Any) -> None:
        """Leave everything as it is."""

    def spare(self) -> None:
        """Hold nothing that could be spared."""

    def release(self) -> None:
        """Hold nothing, free nothing."""


def open_accelerator(name: str) -> Accelerator:
    """Return the accelerator of that name; `EngineError` where there is none."""
    if name == "eager":
        return Eager()
    if name == "compile":
        from infra.engines.compiling import Compiled

        return Compiled()
    if name == "graphs":
        from infra.engines.graphs import Graphs

        return Graphs()
    raise EngineError(f"There is no acceleration called {name!r}: choose 'eager', 'compile' or 'graphs'.")
