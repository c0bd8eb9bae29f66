"""Random batches for a small Z-Image, and how far one answer is from another."""

from collections.abc import Sequence
from typing import Any

import torch

Batch = tuple[list[torch.Tensor], torch.Tensor, list[torch.Tensor]]
"""Latents, timesteps and captions, as the pipeline gives them to its transformer."""


def batch_of(model: Any, rows: int, columns: int, captions: Sequence[int], seed: int = 0) -> Batch:
    noise = torch.Generator().manual_seed(seed)
    config = model.config
    return (
        [torch.randn(config.in_channels, 1, rows, columns, generator=noise) for _ in captions],
        torch.rand(len(captions), generator=noise),
        [torch.randn(tokens, config.cap_feat_dim, generator=noise) for tokens in captions],
    )


def by_diffusers(model: Any, batch: Batch) -> list[torch.Tensor]:
    latents, timestep, captions = batch
    with torch.no_grad():
        answer: list[torch.Tensor] = model(list(latents), timestep, list(captions), return_dict=False)[0]
    return answer


def distance(one: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> float:
    return max(float((left - right).abs().max()) for left, right in zip(one, other, strict=True))
