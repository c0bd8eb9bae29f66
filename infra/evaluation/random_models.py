"""Random models: a pipeline of random weights at a real model's size, for benchmarks without a model.

Inputs: a name from `data/random_models.json`. Outputs: a `ZImagePipeline`, made on the device itself.
Its images mean nothing; the operations, the bytes and the launches are those of the real model. Its tokenizer knows
single bytes, so a caption's tokens are its letters.
"""

import json
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.errors import EngineError, EngineUnsuitable
from infra.models.library_state import library_state

if TYPE_CHECKING:
    import torch

MODEL_SIZES_FILE = Path(__file__).parent / "data" / "random_models.json"
TINY = "tiny"
"""The model that a CPU can generate with."""
RANDOM_MODEL_NAMES = tuple(json.loads(MODEL_SIZES_FILE.read_text("utf-8")))
"""The names of the sizes file."""


@dataclass(frozen=True)
class RandomPipeline:
    """Random weights by the name of their sizes, made on `device` (cuda or cpu)."""

    name: str
    device: str

    def load_pipeline(self, dtype: "torch.dtype", exclude: Set[str] = frozenset()) -> Any:
        """Create the pipeline, the same for the same name; raise `EngineUnsuitable` for a large model on a CPU."""
        import torch
        from diffusers import AutoencoderKL, ZImageTransformer2DModel
        from transformers import Qwen3Config, Qwen3Model

        from infra.nano.architecture import create_pipeline, create_tokenizer

        sizes = self._component_sizes()
        factories = {
            "transformer": lambda: ZImageTransformer2DModel(**sizes["transformer"]),
            "vae": lambda: AutoencoderKL(**sizes["vae"]),
            "text_encoder": lambda: Qwen3Model(Qwen3Config(**sizes["text_encoder"])),
        }
        with library_state.loading():
            default_dtype = torch.get_default_dtype()
            torch.set_default_dtype(dtype)  # created in its final type: a copy in another precision might not fit
            try:
                with torch.random.fork_rng(), torch.device(self.device), torch.no_grad():
                    torch.manual_seed(0)
                    components = {name: None if name in exclude else new().eval() for name, new in factories.items()}  # type: ignore[no-untyped-call]
                    if (transformer := components["transformer"]) is not None:
                        for token in (transformer.x_pad_token, transformer.cap_pad_token):
                            token.normal_(std=0.5)
            except torch.OutOfMemoryError as error:
                raise EngineUnsuitable(f"The random model {self.name!r} does not fit this device: {error}.") from error
            finally:
                torch.set_default_dtype(default_dtype)
        return create_pipeline(tokenizer=create_tokenizer(()), **components)

    def _component_sizes(self) -> Any:
        sizes = json.loads(MODEL_SIZES_FILE.read_text("utf-8"))
        if self.name not in sizes:
            raise EngineError(f"There is no random model {self.name!r}: choose one of {', '.join(sizes)}.")
        if self.device == "cpu" and self.name != TINY:
            raise EngineUnsuitable(f"The random model {self.name!r} needs a GPU: choose {TINY!r} on a CPU.")
        return sizes[self.name]
