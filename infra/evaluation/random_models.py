"""A pipeline of random weights at a real model's size: what speed is measured with where no model is at hand.

Comes in: a name from `data/random_models.json`. Goes out: a `ZImagePipeline`, made on the device itself. Its pictures
mean nothing; the operations, the bytes and the launches are those of the real model. Its tokenizer knows single bytes,
so a caption's tokens are its letters.
"""

import json
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.errors import EngineError, EngineUnsuitable

if TYPE_CHECKING:
    import torch

MODEL_SIZES_FILE = Path(__file__).parent / "data" / "random_models.json"
TINY = "tiny"
"""The model that a CPU can paint with."""
RANDOM_MODEL_NAMES = tuple(json.loads(MODEL_SIZES_FILE.read_text("utf-8")))
"""What there are sizes of."""


@dataclass(frozen=True)
class RandomPipeline:
    """Random weights by the name of their sizes, made on `device` (cuda or cpu)."""

    name: str
    device: str

    def load_pipeline(self, dtype: "torch.dtype", exclude: Set[str] = frozenset()) -> Any:
        """Make the pipeline, the same for the same name. Raises `EngineUnsuitable` for a large model on a CPU."""
        import torch
        from diffusers import AutoencoderKL, ZImageTransformer2DModel
        from transformers import Qwen3Config, Qwen3Model

        from infra.nano.architecture import create_pipeline, create_tokenizer

        sizes = self._component_sizes()
        makers = {
            "transformer": lambda: ZImageTransformer2DModel(**sizes["transformer"]),
            "vae": lambda: AutoencoderKL(**sizes["vae"]),
            "text_encoder": lambda: Qwen3Model(Qwen3Config(**sizes["text_encoder"])),
        }
        usual = torch.get_default_dtype()
        torch.set_default_dtype(dtype)  # made as it will be used: a copy in another precision might not fit
        try:
            with torch.random.fork_rng(), torch.device(self.device), torch.no_grad():
                torch.manual_seed(0)
                parts = {name: None if name in exclude else make().eval() for name, make in makers.items()}  # type: ignore[no-untyped-call]
                if parts["transformer"] is not None:
                    for token in (parts["transformer"].x_pad_token, parts["transformer"].cap_pad_token):
                        token.normal_(std=0.5)
        except torch.OutOfMemoryError as error:
            raise EngineUnsuitable(f"The random model {self.name!r} does not fit this device: {error}.") from error
        finally:
            torch.set_default_dtype(usual)
        return create_pipeline(tokenizer=create_tokenizer(()), **parts)

    def _component_sizes(self) -> Any:
        known = json.loads(MODEL_SIZES_FILE.read_text("utf-8"))
        if self.name not in known:
            raise EngineError(f"There is no random model {self.name!r}: choose one of {', '.join(known)}.")
        if self.device == "cpu" and self.name != TINY:
            raise EngineUnsuitable(f"The random model {self.name!r} needs a GPU: on a CPU take {TINY!r}.")
        return known[self.name]
