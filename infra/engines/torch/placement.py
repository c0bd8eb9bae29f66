"""Where a pipeline's weights live while it paints: all on the GPU, or some in main memory until their turn.

Comes in: how many bytes each component has, and how many are free on the GPU. Goes out: a choice, and a sentence about
it. The choice moves no pixel: the same weights in the same precision do the same work, later. What is free may choose
this, never the precision.
"""

import logging
from collections.abc import Mapping
from typing import Any, Literal

from infra.errors import EngineUnsuitable
from infra.models.loading import WEIGHTED_COMPONENTS

logger = logging.getLogger(__name__)

Offload = Literal["none", "model", "sequential"]

WORKSPACE_BYTES = 2 * 2**30
"""What painting needs beside the weights: a picture of 1024 px in bf16 takes 0.5 GB in the transformer and 1.5 GB in
the VAE's last blocks (computed from their widths). Larger batches that don't fit are halved by the engine."""


def choose_offload(
    component_bytes: Mapping[str, int], free_bytes: int, workspace_bytes: int = WORKSPACE_BYTES
) -> Offload:
    """Return how little must leave the GPU, from the components' bytes and what is free there.

    "none": all fits at once. "model": the largest component fits; they take turns. "sequential": not even that; layers
    take turns, which is many times slower. Raises `EngineUnsuitable` where there is no room to paint in.
    """
    if free_bytes < workspace_bytes:
        raise EngineUnsuitable(
            f"The GPU has {free_bytes / 1e9:,.1f} GB free, and painting takes {workspace_bytes / 1e9:,.1f} GB "
            "beside any weights: "
            "free some of it, or take a larger one."
        )
    if sum(component_bytes.values()) + workspace_bytes <= free_bytes:
        return "none"
    return "model" if max(component_bytes.values()) + workspace_bytes <= free_bytes else "sequential"


def describe_offload(offload: Offload, component_bytes: Mapping[str, int], free_bytes: int) -> str:
    """Say what was chosen and why, in one sentence."""
    whole, there = f"{sum(component_bytes.values()) / 1e9:,.1f} GB", f"{free_bytes / 1e9:,.1f} GB"
    if offload == "none":
        return f"The model's {whole} fit the {there} that are free on the GPU."
    turns = "its components take turns there" if offload == "model" else "its layers take turns there, which is slow"
    return f"The model's {whole} do not fit the {there} that are free on the GPU: {turns} ({offload} CPU offload)."


def bytes_to_move(pipeline: Any) -> dict[str, int]:
    """Return the bytes of each component's weights that are not on a GPU yet."""
    sizes = {}
    for name in WEIGHTED_COMPONENTS:
        model = getattr(pipeline, name)
        if model is not None:
            tensors = [*model.parameters(), *model.buffers()]
            sizes[name] = sum(each.numel() * each.element_size() for each in tensors if each.device.type != "cuda")
    return sizes


def place_pipeline(pipeline: Any, device: str, free_bytes: int | None = None) -> Offload:
    """Put the pipeline where it will work, and say so in the log; `free` is measured where it is not given."""
    if device == "cpu" and free_bytes is None:
        pipeline.to(device)
        return "none"
    if free_bytes is None:
        import torch

        free_bytes = int(torch.cuda.mem_get_info()[0])
    sizes = bytes_to_move(pipeline)
    offload = choose_offload(sizes, free_bytes)
    logger.log(logging.INFO if offload == "none" else logging.WARNING, describe_offload(offload, sizes, free_bytes))
    if offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    else:
        pipeline.to(device)
    return offload
