"""Accelerators by name, and the one that changes nothing.

Inputs: the setting's name. Outputs: an `infra.engines.backend.Accelerator`.
An accelerator changes pixels by rounding alone, so its name is part of no request key.
"""

from collections.abc import Set
from typing import Any

from infra.engines.backend import Accelerator
from infra.errors import EngineError


class EagerAccelerator:
    """Runs the pipeline as diffusers does."""

    name = "eager"
    replaces: Set[str] = frozenset()

    def attach(self, pipeline: Any) -> None:
        """Change nothing."""

    def free_memory(self) -> None:
        """Do nothing: no memory is held."""

    def close(self) -> None:
        """Do nothing: no memory is held."""


def open_accelerator(name: str) -> Accelerator:
    """Return the accelerator with this name; raise `EngineError` for an unknown one."""
    if name == "eager":
        return EagerAccelerator()
    if name == "compile":
        from infra.engines.torch.compilation import CompileAccelerator

        return CompileAccelerator()
    if name == "graphs":
        from infra.engines.torch.cuda_graphs import CudaGraphAccelerator

        return CudaGraphAccelerator()
    raise EngineError(f"There is no acceleration {name!r}: choose 'eager', 'compile' or 'graphs'.")
