"""Graph comparison: the differences between a graph and diffusers over fixed cases.

Inputs: diffusers' transformer and VAE, and a runtime for their graphs. Outputs: the largest difference and the PSNR of
every case. The cases hold what went wrong elsewhere: captions of several lengths, alone and in a batch, and sizes whose
tokens are not a multiple of 32.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from infra.onnx_graphs.graph_spec import PATCH_SIZE, TRANSFORMER, VAE_DECODER
from infra.onnx_graphs.onnx_runtime import GraphRuntime
from infra.onnx_graphs.preprocessing import RopeConfig, run_transformer_step

SEED = 20_260_714

LATENT_SIZES = ((32, 32), (24, 40), (20, 28))
"""Latent rows and columns where a runtime takes any: 256 x 256, 192 x 320 and 160 x 224 pixels; the last one has 140
tokens, and so padding."""

DECODER_LATENT_SIZES = ((16, 16), (12, 20), (10, 14))
"""The same for the decoder, and smaller: ONNX Runtime normalizes a group of channels by plain fp32 sums, whose rounding
grows with the image (1e-4 at 512 x 512 with all channels in one group, where torch is 7e-6 from fp64)."""

MAX_COMPARED_BATCH = 4
SINGLE_CAPTION = (9,)
SAME_LENGTH_CAPTIONS = (65, 96, 70, 80)
MIXED_LENGTH_CAPTIONS = (9, 129, 40, 96)
"""Tokens of the cases' captions: alone, a batch of one padded length, and one of several, which is run in groups."""

MAX_PSNR = 200.0
"""Decibels reported where nothing differs: JSON has no infinity."""


@dataclass(frozen=True)
class GraphComparison:
    """One case: the graph, the latents' shape (batch, channels, rows, columns), the captions' tokens, the differences.

    `max_abs_diff` is None where the answer holds a value that is not finite.
    """

    graph: str
    shape: tuple[int, int, int, int]
    captions: tuple[int, ...]
    max_abs_diff: float | None
    psnr: float

    def is_within(self, tolerance: float) -> bool:
        """Return whether every number is within the tolerance."""
        return self.max_abs_diff is not None and self.max_abs_diff <= tolerance


def caption_lengths_for(max_batch: int) -> Iterator[tuple[int, ...]]:
    """Yield the caption lengths of the cases for an engine with this largest batch, the mixed batch last."""
    full = min(max_batch, MAX_COMPARED_BATCH)
    yield SINGLE_CAPTION
    if full > 1:
        yield SAME_LENGTH_CAPTIONS[:full]
        yield MIXED_LENGTH_CAPTIONS[:full]


def compare_transformer(
    model: Any,
    runtime: GraphRuntime,
    sizes: Sequence[tuple[int, int]] = LATENT_SIZES,
    max_batch: int = MAX_COMPARED_BATCH,
) -> Iterator[GraphComparison]:
    """Yield a comparison for every size (latent rows, columns) and every kind of batch, in the model's own type."""
    rope, noise = RopeConfig.from_config(model.config), torch.Generator().manual_seed(SEED)
    weight = model.x_pad_token
    for rows, columns in sizes:
        for captions in caption_lengths_for(max_batch):
            latents = _random_tensor(
                (len(captions), model.config.in_channels, 1, rows, columns), noise, weight
            ).unbind()
            embeddings = [_random_tensor((tokens, model.config.cap_feat_dim), noise, weight) for tokens in captions]
            timestep = torch.rand(len(captions), generator=noise).to(weight.device)
            with torch.no_grad():
                expected = model(list(latents), timestep, embeddings, return_dict=False)[0]
                actual = run_transformer_step(runtime, latents, timestep, embeddings, rope)
            shape = (len(captions), model.config.in_channels, rows, columns)
            yield _graph_comparison(TRANSFORMER.name, shape, captions, torch.stack(actual), torch.stack(expected))


def compare_decoder(
    vae: Any,
    runtime: GraphRuntime,
    sizes: Sequence[tuple[int, int]] = DECODER_LATENT_SIZES,
    max_batch: int = MAX_COMPARED_BATCH,
) -> Iterator[GraphComparison]:
    """Yield a comparison for every size, with a batch of one and a full batch."""
    noise = torch.Generator().manual_seed(SEED)
    weight = next(vae.decoder.parameters())
    for rows, columns in sizes:
        for count in sorted({1, min(max_batch, MAX_COMPARED_BATCH)}):
            shape = (count, int(vae.config.latent_channels), rows, columns)
            latents = _random_tensor(shape, noise, weight)
            with torch.no_grad():
                expected = vae.decode(latents, return_dict=False)[0]
                actual = runtime.run({"latents": latents})["images"]
            yield _graph_comparison(VAE_DECODER.name, shape, (), actual, expected)


def supported_latent_sizes(model: Any) -> tuple[tuple[int, int], ...]:
    """Return the compared sizes, limited to the positions that a small model has."""
    rows, columns = (PATCH_SIZE * length for length in model.config.axes_lens[1:])
    return tuple(dict.fromkeys((min(each[0], rows), min(each[1], columns)) for each in LATENT_SIZES))


def _random_tensor(shape: tuple[int, ...], noise: torch.Generator, like: torch.Tensor) -> torch.Tensor:
    return torch.randn(shape, generator=noise).to(like.device, like.dtype)


def _graph_comparison(
    graph: str,
    shape: tuple[int, int, int, int],
    captions: tuple[int, ...],
    actual: torch.Tensor,
    expected: torch.Tensor,
) -> GraphComparison:
    actual, expected = actual.double().cpu(), expected.double().cpu()
    difference = (actual - expected).abs()
    if not bool(difference.isfinite().all()):
        return GraphComparison(graph, shape, captions, None, 0.0)
    squared_error = float(difference.square().mean())
    value_range = float(expected.max() - expected.min())
    if squared_error == 0:
        psnr = MAX_PSNR
    else:
        psnr = min(MAX_PSNR, 10 * math.log10(value_range**2 / squared_error)) if value_range else 0.0
    return GraphComparison(graph, shape, captions, float(difference.max()), round(psnr, 2))
