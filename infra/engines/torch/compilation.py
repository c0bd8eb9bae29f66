"""The transformer's blocks compiled: each kind once, the rest of the pipeline as it was.

Comes in: a pipeline on its device. Goes out: the same one, whose repeated blocks run as generated code. Compiling the
blocks alone takes seconds where the whole model takes minutes. Other sizes and caption lengths compile again, at most
a few times: after the second shape the code serves any. Where it is faster than diffusers as it is, a bench must say.
"""

from collections.abc import Set
from typing import Any

from infra.errors import EngineUnsuitable, one_line


class CompileAccelerator:
    """Runs the pipeline's transformer blocks through torch.compile."""

    name = "compile"
    replaces: Set[str] = frozenset()

    def attach(self, pipeline: Any) -> None:
        """Compile what repeats; raise `EngineUnsuitable` now, and not at the first picture, where no compiler works."""
        import torch

        try:
            torch.compile(_compiler_probe)(torch.ones(8, device=pipeline._execution_device))
        except Exception as error:  # whatever the compiler's own tools raise
            reason = one_line(error)
            raise EngineUnsuitable(
                f"The acceleration 'compile' does not work here ({type(error).__name__}: {reason}): install a C++ "
                "compiler (and Triton for CUDA), or choose 'eager'."
            ) from error
        from infra.engines.torch.rotary_embedding import use_real_rotary_embedding

        use_real_rotary_embedding(pipeline.transformer)
        pipeline.transformer.compile_repeated_blocks()

    def free_memory(self) -> None:
        """Hold nothing that could be spared."""

    def close(self) -> None:
        """Leave the generated code to the process: another engine of the same model uses it again."""


def _compiler_probe(numbers: Any) -> Any:
    return numbers.sin() * 2 + numbers
