"""Pipeline adapters: an engine's runtimes behind the calls of diffusers' transformer and VAE.

Inputs: the lists of tensors that `ZImagePipeline` passes. Outputs: what its own components would return.
A batch is split into groups of one padded caption length and of a size that the engine takes; a group that is too small
is filled up with its last item, whose answer is dropped. So guidance, which doubles a batch and mixes lengths, needs no
profile of its own.
"""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import torch

from infra.engines.tensorrt.profiles import AxisRange, batch_layout
from infra.onnx_graphs.graph_spec import padded_length
from infra.onnx_graphs.onnx_runtime import GraphRuntime
from infra.onnx_graphs.preprocessing import (
    RopeConfig,
    caption_inputs,
    image_patches,
    latents_from_patches,
    position_inputs,
)

MAX_CACHED_CAPTION_BATCHES = 4
"""Batches of caption inputs that are cached from step to step: those of an image's guided batches."""


class TransformerAdapter:
    """Stands for `ZImageTransformer2DModel`; `config` is that model's."""

    def __init__(
        self, runtime: GraphRuntime, config: Mapping[str, Any], batch_range: AxisRange, dtype: torch.dtype
    ) -> None:
        self.config, self.dtype = SimpleNamespace(**config), dtype
        self.in_channels = int(config["in_channels"])
        self._runtime, self._batch_range = runtime, batch_range
        self._rope = RopeConfig.from_config(config)
        self._caption_cache: dict[tuple[int, ...], tuple[Sequence[torch.Tensor], dict[str, torch.Tensor]]] = {}

    def __call__(
        self, latents: Sequence[torch.Tensor], timestep: torch.Tensor, captions: Sequence[torch.Tensor], **_: Any
    ) -> tuple[list[torch.Tensor]]:
        """Return the velocity of each item (channels x 1 x rows x columns), in order."""
        groups: dict[int, list[int]] = {}
        for index, caption in enumerate(captions):
            groups.setdefault(padded_length(len(caption)), []).append(index)
        velocities: dict[int, torch.Tensor] = {}
        for group in groups.values():
            for indices, padding in split_into_batches(group, self._batch_range):
                batch = [*indices, *indices[-1:] * padding]
                answers = self._denoise_batch(
                    [latents[i] for i in batch], timestep[batch], [captions[i] for i in batch]
                )
                velocities.update(zip(indices, answers, strict=False))
        return ([velocities[index] for index in range(len(latents))],)

    def _denoise_batch(
        self, latents: Sequence[torch.Tensor], timestep: torch.Tensor, captions: Sequence[torch.Tensor]
    ) -> list[torch.Tensor]:
        rows, columns = latents[0].shape[-2:]
        caption_tensors = self._caption_inputs(captions)
        length = caption_tensors["caption_features"].shape[1]
        inputs = {
            "image_patches": image_patches(latents),
            "timestep": timestep.float(),
            **caption_tensors,
            **position_inputs(self._rope, rows, columns, length, device=latents[0].device),
        }
        velocity = self._runtime.run(inputs)["velocity"].to(latents[0].device)
        # The runtime may write its next answer into the same memory.
        return latents_from_patches(velocity.clone(), rows, columns)

    def _caption_inputs(self, captions: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the captions' inputs, made once for all steps: the pipeline passes the same tensors at each step."""
        key = tuple(id(caption) for caption in captions)
        if key not in self._caption_cache:
            while len(self._caption_cache) >= MAX_CACHED_CAPTION_BATCHES:
                del self._caption_cache[next(iter(self._caption_cache))]
            # The captions are cached too: while they live, no other tensor has their identity.
            self._caption_cache[key] = (captions, caption_inputs([caption.to(self.dtype) for caption in captions]))
        return self._caption_cache[key][1]


class VaeDecoderAdapter:
    """Stands for `AutoencoderKL`, of which generation needs the decoder alone; `config` is that model's."""

    def __init__(
        self, runtime: GraphRuntime, config: Mapping[str, Any], batch_range: AxisRange, dtype: torch.dtype
    ) -> None:
        self.config, self.dtype = SimpleNamespace(**config), dtype
        self._runtime, self._batch_range = runtime, batch_range

    def decode(self, latents: torch.Tensor, **_: Any) -> tuple[torch.Tensor]:
        """Return images (batch x 3 x height x width, -1 to 1) of latents that are already scaled."""
        decoded = []
        for indices, padding in split_into_batches(range(len(latents)), self._batch_range):
            batch = [*indices, *indices[-1:] * padding]
            images = self._runtime.run({"latents": latents[batch].to(self.dtype).contiguous()})["images"]
            decoded.append(images[: len(indices)].to(latents.device).clone())
        return (torch.cat(decoded),)


def split_into_batches(indices: Sequence[int], batch_range: AxisRange) -> list[tuple[list[int], int]]:
    """Return the indices of each batch, and how many items fill it up."""
    batches, first = [], 0
    for count, padding in batch_layout(len(indices), batch_range):
        batches.append((list(indices[first : first + count]), padding))
        first += count
    return batches
