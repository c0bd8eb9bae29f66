"""What stands in the pipeline where diffusers' transformer and VAE stood: the same calls, answered by an engine.

Comes in: the lists of tensors that `ZImagePipeline` gives. Goes out: what its own parts would have returned. A batch is
cut into runs of one padded caption length and of a size that the engine takes; runs that are too small are filled up
with their last item, whose answer is dropped. So guidance, which doubles a batch and mixes lengths, needs no profile
of its own.
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
"""Blocks of captions that are kept from step to step: those of a picture's guided batches."""


class TransformerAdapter:
    """In place of `ZImageTransformer2DModel`; `config` is that model's."""

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
        for place, caption in enumerate(captions):
            groups.setdefault(padded_length(len(caption)), []).append(place)
        answers: dict[int, torch.Tensor] = {}
        for places in groups.values():
            for some, padding in split_into_batches(places, self._batch_range):
                given = [*some, *some[-1:] * padding]
                made = self._denoise_batch([latents[i] for i in given], timestep[given], [captions[i] for i in given])
                answers.update(zip(some, made, strict=False))
        return ([answers[place] for place in range(len(latents))],)

    def _denoise_batch(
        self, latents: Sequence[torch.Tensor], timestep: torch.Tensor, captions: Sequence[torch.Tensor]
    ) -> list[torch.Tensor]:
        rows, columns = latents[0].shape[-2:]
        told = self._caption_inputs(captions)
        length = told["caption_features"].shape[1]
        inputs = {
            "image_patches": image_patches(latents),
            "timestep": timestep.float(),
            **told,
            **position_inputs(self._rope, rows, columns, length, device=latents[0].device),
        }
        velocity = self._runtime.run(inputs)["velocity"].to(latents[0].device)
        # The runtime may write its next answer into the same memory.
        return latents_from_patches(velocity.clone(), rows, columns)

    def _caption_inputs(self, captions: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the captions' inputs, made once for all steps: the pipeline gives the same tensors at each."""
        key = tuple(id(caption) for caption in captions)
        if key not in self._caption_cache:
            while len(self._caption_cache) >= MAX_CACHED_CAPTION_BATCHES:
                del self._caption_cache[next(iter(self._caption_cache))]
            # The captions are kept too: as long as they live, no other tensor has their identity.
            self._caption_cache[key] = (captions, caption_inputs([caption.to(self.dtype) for caption in captions]))
        return self._caption_cache[key][1]


class VaeDecoderAdapter:
    """In place of `AutoencoderKL`, of which pictures need the decoder alone; `config` is that model's."""

    def __init__(
        self, runtime: GraphRuntime, config: Mapping[str, Any], batch_range: AxisRange, dtype: torch.dtype
    ) -> None:
        self.config, self.dtype = SimpleNamespace(**config), dtype
        self._runtime, self._batch_range = runtime, batch_range

    def decode(self, latents: torch.Tensor, **_: Any) -> tuple[torch.Tensor]:
        """Return pictures (batch x 3 x height x width, -1 to 1) of latents that are already scaled."""
        made = []
        for some, padding in split_into_batches(range(len(latents)), self._batch_range):
            given = [*some, *some[-1:] * padding]
            images = self._runtime.run({"latents": latents[given].to(self.dtype).contiguous()})["images"]
            made.append(images[: len(some)].to(latents.device).clone())
        return (torch.cat(made),)


def split_into_batches(indices: Sequence[int], batch_range: AxisRange) -> list[tuple[list[int], int]]:
    """Return the places of each run, and how many items fill it up."""
    runs, first = [], 0
    for count, padding in batch_layout(len(indices), batch_range):
        runs.append((list(indices[first : first + count]), padding))
        first += count
    return runs
