"""Preprocessing: from `ZImagePipeline`'s tensors to the transformer graph's inputs, and from its output to latents.

Inputs: latents, a timestep, caption embeddings (lists of tensors, as diffusers passes them). Outputs: the graph's named
inputs, and latents from its output.
Positions and captions stay the same over the steps of an image: each group of inputs has a function of its own, so that
a caller may make them once.

Kept from diffusers, and tested against it: a caption takes the positions 1 to its padded length on the first axis; its
padding is the model's own learned token, and is attended; the image comes after it, at padded length plus 1, with rows
and columns on the other axes; the image's padding is a learned token at position 0, attended too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from infra.errors import EngineError
from infra.onnx_graphs.graph_spec import MAX_CAPTION_TOKENS, PATCH_SIZE, TOKEN_MULTIPLE, padded_length
from infra.onnx_graphs.onnx_runtime import GraphRuntime

MAX_CACHED_TABLES = 64
"""Cached position tables: sizes times padded caption lengths of a run, at 2 MB each for 1024 pixels."""


@dataclass(frozen=True)
class RopeConfig:
    """Rotary embedding parameters: the base of the wavelengths, and the channels and positions of each axis."""

    theta: float
    channels: tuple[int, ...]
    lengths: tuple[int, ...]

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "RopeConfig":
        """Return the parameters in a transformer's configuration."""
        return cls(float(config["rope_theta"]), tuple(config["axes_dims"]), tuple(config["axes_lens"]))


def run_transformer_step(
    runtime: GraphRuntime,
    latents: Sequence[torch.Tensor],
    timestep: torch.Tensor,
    captions: Sequence[torch.Tensor],
    rope: RopeConfig,
) -> list[torch.Tensor]:
    """Return what diffusers' transformer returns for these lists, with one run of the graph for each group.

    A group has one padded caption length: a prompt and its negative may differ in it.
    """
    groups: dict[int, list[int]] = {}
    for index, caption in enumerate(captions):
        groups.setdefault(padded_length(len(caption)), []).append(index)
    velocities: dict[int, torch.Tensor] = {}
    for indices in groups.values():
        group_latents = [latents[index] for index in indices]
        feeds = transformer_inputs(group_latents, timestep[indices], [captions[index] for index in indices], rope)
        velocity = runtime.run(feeds)["velocity"]
        velocities.update(zip(indices, latents_from_patches(velocity, *group_latents[0].shape[-2:]), strict=True))
    return [velocities[index] for index in range(len(captions))]


def transformer_inputs(
    latents: Sequence[torch.Tensor], timestep: torch.Tensor, captions: Sequence[torch.Tensor], rope: RopeConfig
) -> dict[str, torch.Tensor]:
    """Return all inputs of one step from latents (channels x 1 x rows x columns each) and captions (tokens x channels).

    Raises `EngineError` for a batch without a common size or padded caption length, or beyond the model's limits.
    """
    if not len(latents) == len(captions) == len(timestep):
        raise EngineError(
            f"A batch needs as many latents as captions and timesteps, not {len(latents)!r}, {len(captions)!r} "
            f"and {len(timestep)!r}."
        )
    caption_tensors = caption_inputs(captions)
    rows, columns = latents[0].shape[-2:]
    length = caption_tensors["caption_features"].shape[1]
    return {
        "image_patches": image_patches(latents),
        "timestep": timestep.float(),
        **caption_tensors,
        **position_inputs(rope, rows, columns, length, device=latents[0].device),
    }


def caption_inputs(captions: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return captions (tokens x channels each) as one block padded with zeros, and the mask of its real tokens."""
    lengths = [len(caption) for caption in captions]
    invalid = next((length for length in lengths if not 1 <= length <= MAX_CAPTION_TOKENS), None)
    if not lengths or invalid is not None:
        raise EngineError(
            f"A caption must have from 1 to {MAX_CAPTION_TOKENS} tokens, not {invalid or 0!r}: shorten it."
        )
    padded = padded_length(lengths[0])
    other = next((length for length in lengths if padded_length(length) != padded), None)
    if other is not None:
        raise EngineError(
            f"Captions of {lengths[0]!r} and {other!r} tokens are padded to {padded!r} and {padded_length(other)!r}: "
            "they cannot share a batch without a mask. Group them by padded length."
        )
    block = torch.stack([torch.nn.functional.pad(each, (0, 0, 0, padded - len(each))) for each in captions])
    positions = torch.arange(padded, device=block.device)
    return {
        "caption_features": block,
        "caption_is_real": positions[None] < torch.tensor(lengths, device=block.device)[:, None],
    }


def image_patches(latents: Sequence[torch.Tensor]) -> torch.Tensor:
    """Split latents (channels x 1 x rows x columns each) into tokens: batch x padded tokens x patch channels."""
    if len({tuple(each.shape) for each in latents}) != 1 or latents[0].shape[1] != 1:
        shapes = sorted({tuple(each.shape) for each in latents})
        raise EngineError(f"A batch needs latents of one size and one frame, not {shapes!r}: group them by size.")
    block = torch.stack(list(latents)).squeeze(2)
    batch, channels, rows, columns = block.shape
    if rows % PATCH_SIZE or columns % PATCH_SIZE:
        raise EngineError(
            f"Latents of {rows} x {columns} cannot be split into patches of {PATCH_SIZE}: use even sides."
        )
    patches = block.reshape(batch, channels, rows // PATCH_SIZE, PATCH_SIZE, columns // PATCH_SIZE, PATCH_SIZE)
    tokens = patches.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)
    real = tokens.shape[1]
    return torch.nn.functional.pad(tokens, (0, 0, 0, padded_length(real) - real))


def latents_from_patches(tokens: torch.Tensor, rows: int, columns: int) -> list[torch.Tensor]:
    """Join tokens (batch x padded tokens x patch channels) to latents, channels x 1 x rows x columns each."""
    down, across = rows // PATCH_SIZE, columns // PATCH_SIZE
    patches = tokens[:, : down * across].reshape(len(tokens), down, across, PATCH_SIZE, PATCH_SIZE, -1)
    block = patches.permute(0, 5, 1, 3, 2, 4).reshape(len(tokens), -1, 1, rows, columns)
    return list(block.unbind())


@lru_cache(maxsize=MAX_CACHED_TABLES)
def _position_tables(
    rope: RopeConfig, rows: int, columns: int, caption_tokens: int, device: torch.device
) -> tuple[tuple[str, torch.Tensor], ...]:
    down, across = rows // PATCH_SIZE, columns // PATCH_SIZE
    real = down * across
    positions = torch.zeros(padded_length(real) + caption_tokens, 3, dtype=torch.long)
    positions[:real, 0] = caption_tokens + 1
    positions[:real, 1] = torch.arange(down).repeat_interleave(across)
    positions[:real, 2] = torch.arange(across).repeat(down)
    positions[padded_length(real) :, 0] = torch.arange(1, caption_tokens + 1)
    angles = torch.cat([_rotary_angles(rope, axis, positions[:, axis]) for axis in range(3)], dim=1)
    cosines, sines = angles.cos().to(device), angles.sin().to(device)
    return (
        ("image_is_real", torch.arange(padded_length(real), device=device) < real),
        ("image_cosines", cosines[: padded_length(real)]),
        ("image_sines", sines[: padded_length(real)]),
        ("caption_cosines", cosines[padded_length(real) :]),
        ("caption_sines", sines[padded_length(real) :]),
    )


def _rotary_angles(rope: RopeConfig, axis: int, positions: torch.Tensor) -> torch.Tensor:
    """Return an angle for each position and channel pair, rounded to fp32 before cosine and sine, as in diffusers."""
    channels = rope.channels[axis]
    frequencies = 1.0 / rope.theta ** (torch.arange(0, channels, 2, dtype=torch.float64) / channels)
    return torch.outer(positions.double(), frequencies).float()


def position_inputs(
    rope: RopeConfig, rows: int, columns: int, caption_tokens: int, *, device: torch.device
) -> dict[str, torch.Tensor]:
    """Return the position tables for latents of rows x columns after a caption of `caption_tokens` padded tokens.

    The tables are cached and shared: do not write into them. Raises `EngineError` beyond the model's last position.
    """
    for side, last in ((rows, PATCH_SIZE * rope.lengths[1]), (columns, PATCH_SIZE * rope.lengths[2])):
        if side % PATCH_SIZE or not 0 < side <= last:
            raise EngineError(f"Latents of {rows} x {columns} have no positions: sides must be even, up to {last}.")
    longest = min(MAX_CAPTION_TOKENS, rope.lengths[0] - 2)
    if caption_tokens != padded_length(caption_tokens) or not 0 < caption_tokens <= longest:
        raise EngineError(
            f"A caption's padded length must be a multiple of {TOKEN_MULTIPLE} up to {longest}, not {caption_tokens!r}."
        )
    return dict(_position_tables(rope, rows, columns, caption_tokens, device))
