"""From what `ZImagePipeline` gives its transformer to what the graph takes, and back.

Comes in: latents, a timestep, caption embeddings (lists of tensors, as diffusers passes them). Goes out: the graph's
named inputs; its output as latents again. Positions and captions stay the same over the steps of a picture: each
group of inputs has a function of its own, so that a caller may make them once.

What must be kept of diffusers, and is tested against it: a caption takes the positions 1 to its padded length on the
first axis; its padding is the model's own learned token, and is attended; the image comes after it, at padded length
plus 1, with rows and columns on the other axes; the image's padding is a learned token at position 0, attended too.
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
"""Position tables that are kept: sizes times padded caption lengths of a run, at 2 MB each for 1024 pixels."""


@dataclass(frozen=True)
class RopeConfig:
    """How positions become angles: the base of the wavelengths, channels an axis, positions an axis."""

    theta: float
    channels: tuple[int, ...]
    lengths: tuple[int, ...]

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "RopeConfig":
        """Read it from a transformer's configuration."""
        return cls(float(config["rope_theta"]), tuple(config["axes_dims"]), tuple(config["axes_lens"]))


def run_transformer_step(
    runtime: GraphRuntime,
    latents: Sequence[torch.Tensor],
    timestep: torch.Tensor,
    captions: Sequence[torch.Tensor],
    rope: RopeConfig,
) -> list[torch.Tensor]:
    """Return what diffusers' transformer returns for these three lists, by a run of the graph for each group.

    A group is what shares a padded caption length: a prompt and its negative may well differ in it.
    """
    groups: dict[int, list[int]] = {}
    for place, caption in enumerate(captions):
        groups.setdefault(padded_length(len(caption)), []).append(place)
    made: dict[int, torch.Tensor] = {}
    for places in groups.values():
        own = [latents[place] for place in places]
        feeds = transformer_inputs(own, timestep[places], [captions[place] for place in places], rope)
        velocity = runtime.run(feeds)["velocity"]
        made.update(zip(places, latents_from_patches(velocity, *own[0].shape[-2:]), strict=True))
    return [made[place] for place in range(len(captions))]


def transformer_inputs(
    latents: Sequence[torch.Tensor], timestep: torch.Tensor, captions: Sequence[torch.Tensor], rope: RopeConfig
) -> dict[str, torch.Tensor]:
    """Return all the inputs of one step: latents (channels x 1 x rows x columns each), captions (tokens x channels).

    Raises `EngineError` for a batch that has no common size or padded caption length, or is past the model's limits.
    """
    if not len(latents) == len(captions) == len(timestep):
        raise EngineError(
            f"A batch needs as many latents as captions and timesteps, not {len(latents)!r}, {len(captions)!r} "
            f"and {len(timestep)!r}."
        )
    told = caption_inputs(captions)
    rows, columns = latents[0].shape[-2:]
    length = told["caption_features"].shape[1]
    return {
        "image_patches": image_patches(latents),
        "timestep": timestep.float(),
        **told,
        **position_inputs(rope, rows, columns, length, device=latents[0].device),
    }


def caption_inputs(captions: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return captions (tokens x channels each) as one block, zeros behind each, and which of its tokens are real."""
    lengths = [len(caption) for caption in captions]
    wrong = next((length for length in lengths if not 1 <= length <= MAX_CAPTION_TOKENS), None)
    if not lengths or wrong is not None:
        raise EngineError(f"A caption must have from 1 to {MAX_CAPTION_TOKENS} tokens, not {wrong or 0!r}: shorten it.")
    whole = padded_length(lengths[0])
    stranger = next((length for length in lengths if padded_length(length) != whole), None)
    if stranger is not None:
        raise EngineError(
            f"Captions of {lengths[0]!r} and {stranger!r} tokens are padded to {whole!r} and "
            f"{padded_length(stranger)!r}: "
            "they cannot share a batch without a mask. Group them by padded length."
        )
    block = torch.stack([torch.nn.functional.pad(each, (0, 0, 0, whole - len(each))) for each in captions])
    places = torch.arange(whole, device=block.device)
    return {
        "caption_features": block,
        "caption_is_real": places[None] < torch.tensor(lengths, device=block.device)[:, None],
    }


def image_patches(latents: Sequence[torch.Tensor]) -> torch.Tensor:
    """Cut latents (channels x 1 x rows x columns each) into tokens: batch x padded tokens x patch channels."""
    if len({tuple(each.shape) for each in latents}) != 1 or latents[0].shape[1] != 1:
        shapes = sorted({tuple(each.shape) for each in latents})
        raise EngineError(f"A batch needs latents of one size and one frame, not {shapes!r}: group them by size.")
    block = torch.stack(list(latents)).squeeze(2)
    batch, channels, rows, columns = block.shape
    if rows % PATCH_SIZE or columns % PATCH_SIZE:
        raise EngineError(f"Latents of {rows} x {columns} cannot be cut into patches of {PATCH_SIZE}: use even sides.")
    cut = block.reshape(batch, channels, rows // PATCH_SIZE, PATCH_SIZE, columns // PATCH_SIZE, PATCH_SIZE)
    tokens = cut.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)
    real = tokens.shape[1]
    return torch.nn.functional.pad(tokens, (0, 0, 0, padded_length(real) - real))


def latents_from_patches(tokens: torch.Tensor, rows: int, columns: int) -> list[torch.Tensor]:
    """Put tokens (batch x padded tokens x patch channels) together as latents, channels x 1 x rows x columns each."""
    down, across = rows // PATCH_SIZE, columns // PATCH_SIZE
    cut = tokens[:, : down * across].reshape(len(tokens), down, across, PATCH_SIZE, PATCH_SIZE, -1)
    block = cut.permute(0, 5, 1, 3, 2, 4).reshape(len(tokens), -1, 1, rows, columns)
    return list(block.unbind())


@lru_cache(maxsize=MAX_CACHED_TABLES)
def _position_tables(
    rope: RopeConfig, rows: int, columns: int, caption_tokens: int, device: torch.device
) -> tuple[tuple[str, torch.Tensor], ...]:
    down, across = rows // PATCH_SIZE, columns // PATCH_SIZE
    real = down * across
    places = torch.zeros(padded_length(real) + caption_tokens, 3, dtype=torch.long)
    places[:real, 0] = caption_tokens + 1
    places[:real, 1] = torch.arange(down).repeat_interleave(across)
    places[:real, 2] = torch.arange(across).repeat(down)
    places[padded_length(real) :, 0] = torch.arange(1, caption_tokens + 1)
    angles = torch.cat([_rotary_angles(rope, axis, places[:, axis]) for axis in range(3)], dim=1)
    cosines, sines = angles.cos().to(device), angles.sin().to(device)
    return (
        ("image_is_real", torch.arange(padded_length(real), device=device) < real),
        ("image_cosines", cosines[: padded_length(real)]),
        ("image_sines", sines[: padded_length(real)]),
        ("caption_cosines", cosines[padded_length(real) :]),
        ("caption_sines", sines[padded_length(real) :]),
    )


def _rotary_angles(rope: RopeConfig, axis: int, positions: torch.Tensor) -> torch.Tensor:
    """Return one angle a place and pair of channels, rounded to fp32 before cosine and sine, as diffusers does."""
    channels = rope.channels[axis]
    frequencies = 1.0 / rope.theta ** (torch.arange(0, channels, 2, dtype=torch.float64) / channels)
    return torch.outer(positions.double(), frequencies).float()


def position_inputs(
    rope: RopeConfig, rows: int, columns: int, caption_tokens: int, *, device: torch.device
) -> dict[str, torch.Tensor]:
    """Return the position tables for latents of rows x columns behind a caption of `caption` padded tokens.

    The tables are kept and shared: do not write into them. Raises `EngineError` past the model's last position.
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
