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

FILE = Path(__file__).parent / "data" / "random_models.json"
TINY = "tiny"
"""The model that a CPU can paint with."""
NAMES = tuple(json.loads(FILE.read_text("utf-8")))
"""What there are sizes of."""


@dataclass(frozen=True)
class RandomWeights:
    """Random weights by the name of their sizes, made on `device` (cuda or cpu)."""

    name: str
    device: str

    def open(self, dtype: "torch.dtype", without: Set[str] = frozenset()) -> Any:
        """Make the pipeline, the same for the same name. Raises `EngineUnsuitable` for a large model on a CPU."""
        import torch
        from diffusers import AutoencoderKL, ZImageTransformer2DModel
        from transformers import Qwen3Config, Qwen3Model

        from infra.nano.architecture import pipeline_of, tokenizer_of

        sizes = self._sizes()
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
                parts = {name: None if name in without else make().eval() for name, make in makers.items()}  # type: ignore[no-untyped-call]
                if parts["transformer"] is not None:
                    for token in (parts["transformer"].x_pad_token, parts["transformer"].cap_pad_token):
                        token.normal_(std=0.5)
        except torch.OutOfMemoryError as error:
            raise EngineUnsuitable(f"The random model {self.name!r} does not fit this device: {error}.") from error
        finally:
            torch.set_default_dtype(usual)
        return pipeline_of(tokenizer=tokenizer_of(()), **parts)

    def _sizes(self) -> Any:
        known = json.loads(FILE.read_text("utf-8"))
        if self.name not in known:
            raise EngineError(f"There is no random model {self.name!r}: choose one of {', '.join(known)}.")
        if self.device == "cpu" and self.name != TINY:
            raise EngineUnsuitable(f"The random model {self.name!r} needs a GPU: on a CPU take {TINY!r}.")
        return known[self.name]
