"""What makes a loaded pipeline faster, by its name; and doing nothing.

Comes in: the name that a setting gives. Goes out: an `infra.engines.backend.Accelerator`. It moves pixels by rounding
alone, so the name reaches no key.
"""

from collections.abc import Set
from typing import Any

from infra.engines.backend import Accelerator
from infra.errors import EngineError


class EagerAccelerator:
    """The pipeline as diffusers runs it."""

    name = "eager"
    replaces: Set[str] = frozenset()

    def attach(self, pipeline: Any) -> None:
        """Leave everything as it is."""

    def free_memory(self) -> None:
        """Hold nothing that could be spared."""

    def close(self) -> None:
        """Hold nothing, free nothing."""


def open_accelerator(name: str) -> Accelerator:
    """Return the accelerator of that name; `EngineError` where there is none."""
    if name == "eager":
        return EagerAccelerator()
    if name == "compile":
        from infra.engines.torch.compilation import CompileAccelerator

        return CompileAccelerator()
    if name == "graphs":
        from infra.engines.torch.cuda_graphs import CudaGraphAccelerator

        return CudaGraphAccelerator()
    raise EngineError(f"There is no acceleration called {name!r}: choose 'eager', 'compile' or 'graphs'.")
