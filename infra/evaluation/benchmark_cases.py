"""Benchmark cases and results: prompts to generate, rows of figures, and the document they make.

Inputs: sizes, batches and steps; a pipeline, whose sizes give the FLOPs. Outputs: prompts, rows, and the one document
that both the terminal and a file are made of.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from infra.engines.torch.caption_embedding import CaptionEmbedder
from infra.evaluation.flops import DecoderSizes, TransformerSizes, image_flops
from infra.interfaces import Prompt

CAPTION_TEMPLATE = "Studio product photograph of vase number {size}-{batch}-{number:05}, on a white background"
"""As many tokens as a typical caption where tokens are letters; a real tokenizer makes about 25 of it."""


@dataclass(frozen=True)
class BenchmarkCase:
    """The settings of one measurement: images are squares of `size` pixels."""

    size: int
    batch: int
    steps: int
    rounds: int
    """Timed batches."""

    def caption(self, number: int) -> str:
        """Return the caption with this number, which no other case has."""
        return CAPTION_TEMPLATE.format(size=self.size, batch=self.batch, number=number)

    def prompts(self, first: int, count: int) -> list[Prompt]:
        """Return `count` prompts from number `first`: each has its own caption, so each is embedded."""
        return [
            Prompt(str(number), self.caption(number), number, self.size, self.size, self.steps)
            for number in range(first, first + count)
        ]


@dataclass(frozen=True)
class BenchmarkRow:
    """One result, or the reason for none. Rates count whole images; `peak_bytes` is the GPU's, None on a CPU."""

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
class ModelSizes:
    """The sizes of a model that its FLOPs depend on."""

    transformer: TransformerSizes
    decoder: DecoderSizes
    caption_tokens: int
    pixels_per_latent: int

    @classmethod
    def from_pipeline(cls, pipeline: Any) -> "ModelSizes":
        """Return the sizes of a pipeline."""
        tokens = CaptionEmbedder(pipeline, 1).padded_token_count(BenchmarkCase(1024, 4, 1, 1).caption(0))
        scale = pipeline.vae_scale_factor
        return cls(
            TransformerSizes.from_config(pipeline.transformer.config),
            DecoderSizes.from_config(pipeline.vae.config),
            tokens,
            scale,
        )

    def flops(self, case: BenchmarkCase) -> int:
        """Return the operations of one image."""
        size = (case.size, case.size)
        return image_flops(
            self.transformer, self.decoder, size, self.caption_tokens, case.steps, self.pixels_per_latent
        )


def benchmark_document(rows: Sequence[BenchmarkRow], run_settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results with machine, date and the run's own settings, as plain values."""
    return {"machine": describe_machine(), **run_settings, "rows": [asdict(row) for row in rows]}


def describe_machine() -> dict[str, Any]:
    """Return the device, its memory, library versions and the date."""
    import torch

    has_cuda = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name()
        if has_cuda
        else f"CPU ({platform.machine()}), {torch.get_num_threads()} threads",
        "memory_bytes": int(torch.cuda.mem_get_info()[1]) if has_cuda else None,
        "cuda": torch.version.cuda if has_cuda else None,
        "versions": {name: metadata.version(name) for name in ("torch", "diffusers", "transformers")},
        "date": datetime.now(UTC).date().isoformat(),
    }
