"""Random batches for a small Z-Image, and how far one answer is from another."""

from collections.abc import Sequence
from typing import Any

import torch

TransformerBatch = tuple[list[torch.Tensor], torch.Tensor, list[torch.Tensor]]
"""Latents, timesteps and captions, as the pipeline gives them to its transformer."""


def random_batch(model: Any, rows: int, columns: int, captions: Sequence[int], seed: int = 0) -> TransformerBatch:
    noise = torch.Generator().manual_seed(seed)
    config = model.config
    return (
        [torch.randn(config.in_channels, 1, rows, columns, generator=noise) for _ in captions],
        torch.rand(len(captions), generator=noise),
        [torch.randn(tokens, config.cap_feat_dim, generator=noise) for tokens in captions],
    )


def run_diffusers(model: Any, batch: TransformerBatch) -> list[torch.Tensor]:
    latents, timestep, captions = batch
    with torch.no_grad():
        answer: list[torch.Tensor] = model(list(latents), timestep, list(captions), return_dict=False)[0]
    return answer


def max_abs_difference(one: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> float:
    return max(float((left - right).abs().max()) for left, right in zip(one, other, strict=True))
