"""What a measurement is asked for, and what it says.

Comes in: sizes, batches and steps; a pipeline, of which the budget needs the sizes. Goes out: prompts to paint, rows of
figures, and the one document that both the terminal and a file are made of.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from infra.engines.torch.caption_embedding import Captions
from infra.evaluation.flops import Decoder, Transformer, picture_flops
from infra.interfaces import Prompt

TEXT = "Studio product photograph of vase number {size}-{batch}-{number:05}, on a white background"
"""As many tokens as a usual caption where tokens are letters; a real tokenizer makes about 25 of it."""


@dataclass(frozen=True)
class Case:
    """One measurement's terms: pictures are square, `size` pixels a side."""

    size: int
    batch: int
    steps: int
    rounds: int
    """Batches on the clock."""

    def caption(self, number: int) -> str:
        """Return the case's caption of that number, which no other case has."""
        return TEXT.format(size=self.size, batch=self.batch, number=number)

    def prompts(self, first: int, count: int) -> list[Prompt]:
        """Return `count` prompts that no other call had: each has its own caption, so each is embedded."""
        return [
            Prompt(str(number), self.caption(number), number, self.size, self.size, self.steps)
            for number in range(first, first + count)
        ]


@dataclass(frozen=True)
class Row:
    """What was measured, or why not. Rates count whole pictures; `peak_bytes` is the GPU's, None on a CPU."""

    backend: str
    size: int
    batch: int
    reason: str = ""
    images: int = 0
    images_per_second: float | None = None
    seconds_an_image: float | None = None
    tflops_per_second: float | None = None
    peak_bytes: int | None = None
    idle_share: float | None = None
    to_diffusers: float | None = None


@dataclass(frozen=True)
class Model:
    """What the budget needs to know of a model."""

    transformer: Transformer
    decoder: Decoder
    caption_tokens: int
    scale: int

    @classmethod
    def of(cls, pipeline: Any) -> "Model":
        """Read it from a pipeline."""
        tokens = Captions(pipeline, 1).padded_tokens(Case(1024, 4, 1, 1).caption(0))
        scale = pipeline.vae_scale_factor
        return cls(Transformer.of(pipeline.transformer.config), Decoder.of(pipeline.vae.config), tokens, scale)

    def flops(self, case: Case) -> int:
        """Return one picture's operations."""
        size = (case.size, case.size)
        return picture_flops(self.transformer, self.decoder, size, self.caption_tokens, case.steps, self.scale)


def document(rows: Sequence[Row], terms: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that was measured, on what and when, as plain values; `terms` are the run's own."""
    return {"machine": machine(), **terms, "rows": [asdict(row) for row in rows]}


def machine() -> dict[str, Any]:
    """Say where the figures come from."""
    import torch

    here = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name()
        if here
        else f"CPU ({platform.machine()}), {torch.get_num_threads()} threads",
        "memory_bytes": int(torch.cuda.mem_get_info()[1]) if here else None,
        "cuda": torch.version.cuda if here else None,
        "versions": {name: metadata.version(name) for name in ("torch", "diffusers", "transformers")},
        "date": datetime.now(UTC).date().isoformat(),
    }
