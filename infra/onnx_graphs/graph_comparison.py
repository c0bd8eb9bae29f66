"""Does a graph give what diffusers gives: fixed cases, two figures for each, one tolerance.

Comes in: diffusers' transformer and VAE, and what runs their graphs. Goes out: the largest difference and the PSNR of
every case. The cases hold what went wrong elsewhere: captions of several lengths, alone and in a batch, sizes whose
tokens are not a multiple of 32.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from infra.onnx_graphs.graph_spec import PATCH, TRANSFORMER, VAE_DECODER
from infra.onnx_graphs.onnx_runtime import Runtime
from infra.onnx_graphs.preprocessing import Rope, denoise

SEED = 20_260_714

SIZES = ((32, 32), (24, 40), (20, 28))
"""Latent rows and columns where a runtime takes any: 256 x 256, 192 x 320 and 160 x 224 pixels; the last one has 140
tokens, and so padding."""

DECODED_SIZES = ((16, 16), (12, 20), (10, 14))
"""The same for the decoder, and smaller: ONNX Runtime normalizes a group of channels by plain fp32 sums, whose rounding
grows with the picture (1e-4 at 512 x 512 with all channels in one group, where torch is 7e-6 from fp64)."""

FULL_BATCH = 4
ALONE = (9,)
ONE_LENGTH = (65, 96, 70, 80)
MIXED = (9, 129, 40, 96)
"""Tokens of the cases' captions: alone, a batch of one padded length, and one of several, which is run in groups."""

CLEANEST = 200.0
"""Decibels that are said where nothing differs: there is no word for infinity in JSON."""


@dataclass(frozen=True)
class Comparison:
    """One case: which graph, its latents' shape (batch, channels, rows, columns), its captions' tokens, the figures.

    `max_abs_diff` None: the answer held something that is no number.
    """

    graph: str
    shape: tuple[int, int, int, int]
    captions: tuple[int, ...]
    max_abs_diff: float | None
    psnr: float

    def within(self, tolerance: float) -> bool:
        """Tell whether no number is further off than that."""
        return self.max_abs_diff is not None and self.max_abs_diff <= tolerance


def captions_for(batch: int) -> Iterator[tuple[int, ...]]:
    """Yield the captions of the cases for an engine whose largest batch that is, the longest batch last."""
    full = min(batch, FULL_BATCH)
    yield ALONE
    if full > 1:
        yield ONE_LENGTH[:full]
        yield MIXED[:full]


def compare_transformer(
    model: Any, runtime: Runtime, sizes: Sequence[tuple[int, int]] = SIZES, batch: int = FULL_BATCH
) -> Iterator[Comparison]:
    """Yield a comparison for every size (latent rows, columns) and every kind of batch, in the model's own type."""
    rope, noise = Rope.of(model.config), torch.Generator().manual_seed(SEED)
    weight = model.x_pad_token
    for rows, columns in sizes:
        for captions in captions_for(batch):
            latents = _random((len(captions), model.config.in_channels, 1, rows, columns), noise, weight).unbind()
            words = [_random((tokens, model.config.cap_feat_dim), noise, weight) for tokens in captions]
            timestep = torch.rand(len(captions), generator=noise).to(weight.device)
            with torch.no_grad():
                wanted = model(list(latents), timestep, words, return_dict=False)[0]
                made = denoise(runtime, latents, timestep, words, rope)
            shape = (len(captions), model.config.in_channels, rows, columns)
            yield _compared(TRANSFORMER.name, shape, captions, torch.stack(made), torch.stack(wanted))


def compare_decoder(
    vae: Any, runtime: Runtime, sizes: Sequence[tuple[int, int]] = DECODED_SIZES, batch: int = FULL_BATCH
) -> Iterator[Comparison]:
    """Yield a comparison for every size, alone and in a full batch."""
    noise = torch.Generator().manual_seed(SEED)
    weight = next(vae.decoder.parameters())
    for rows, columns in sizes:
        for count in sorted({1, min(batch, FULL_BATCH)}):
            shape = (count, int(vae.config.latent_channels), rows, columns)
            latents = _random(shape, noise, weight)
            with torch.no_grad():
                wanted = vae.decode(latents, return_dict=False)[0]
                made = runtime.run({"latents": latents})["images"]
            yield _compared(VAE_DECODER.name, shape, (), made, wanted)


def sizes_within(model: Any) -> tuple[tuple[int, int], ...]:
    """Return the usual sizes, cut to the positions that a small model has."""
    rows, columns = (PATCH * length for length in model.config.axes_lens[1:])
    return tuple(dict.fromkeys((min(each[0], rows), min(each[1], columns)) for each in SIZES))


def _random(shape: tuple[int, ...], noise: torch.Generator, like: torch.Tensor) -> torch.Tensor:
    return torch.randn(shape, generator=noise).to(like.device, like.dtype)


def _compared(
    graph: str, shape: tuple[int, int, int, int], captions: tuple[int, ...], made: torch.Tensor, wanted: torch.Tensor
) -> Comparison:
    made, wanted = made.double().cpu(), wanted.double().cpu()
    apart = (made - wanted).abs()
    if not bool(apart.isfinite().all()):
        return Comparison(graph, shape, captions, None, 0.0)
    noise = float(apart.square().mean())
    reach = float(wanted.max() - wanted.min())
    psnr = CLEANEST if noise == 0 else min(CLEANEST, 10 * math.log10(reach**2 / noise)) if reach else 0.0
    return Comparison(graph, shape, captions, float(apart.max()), round(psnr, 2))
