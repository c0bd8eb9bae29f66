"""Compilation: the transformer's repeated blocks through torch.compile.

Inputs: a pipeline on its device. Outputs: the same pipeline, whose repeated blocks run as generated code; the rest is
unchanged. Compiling the blocks alone takes seconds where the whole model takes minutes. Other sizes and caption lengths
compile again, at most a few times: after the second shape the code serves any.
Where this is faster than diffusers alone is for `packshot engine bench` to measure.
"""

from collections.abc import Set
from typing import Any

from infra.errors import EngineUnsuitable, one_line


class CompileAccelerator:
    """Runs the pipeline's transformer blocks through torch.compile."""

    name = "compile"
    replaces: Set[str] = frozenset()

    def attach(self, pipeline: Any) -> None:
        """Compile the repeated blocks; raise `EngineUnsuitable` now, not at the first image, without a compiler."""
        import torch

        try:
            torch.compile(_compiler_probe)(torch.ones(8, device=pipeline._execution_device))
        except Exception as error:  # any exception of the compiler's own tools
            reason = one_line(error)
            raise EngineUnsuitable(
                f"The acceleration 'compile' does not work here ({type(error).__name__}: {reason}): install a C++ "
                "compiler (and Triton for CUDA), or choose 'eager'."
            ) from error
        from infra.engines.torch.rotary_embedding import use_real_rotary_embedding

        use_real_rotary_embedding(pipeline.transformer)
        pipeline.transformer.compile_repeated_blocks()

    def free_memory(self) -> None:
        """Do nothing: no memory is held."""

    def close(self) -> None:
        """Do nothing: the generated code stays in the process, and another engine of the same model uses it again."""


def _compiler_probe(numbers: Any) -> Any:
    return numbers.sin() * 2 + numbers
