"""Weight placement: all components on the GPU, or some in main memory until their turn.

Inputs: the bytes of each component, and the bytes that are free on the GPU. Outputs: an offload mode, and a sentence
about it for the log.
The choice changes no pixel: the same weights in the same precision do the same work, later. Free memory may decide the
placement, never the precision.
"""

import logging
from collections.abc import Mapping
from typing import Any, Literal

from infra.errors import EngineUnsuitable
from infra.models.loading import WEIGHTED_COMPONENTS

logger = logging.getLogger(__name__)

Offload = Literal["none", "model", "sequential"]

WORKSPACE_BYTES = 2 * 2**30
"""Bytes needed beside the weights: an image of 1024 px in bf16 takes 0.5 GB in the transformer and 1.5 GB in the VAE's
last blocks (computed from their widths). The engine halves larger batches that do not fit."""


def choose_offload(
    component_bytes: Mapping[str, int], free_bytes: int, workspace_bytes: int = WORKSPACE_BYTES
) -> Offload:
    """Return the mildest offload that fits, from the components' bytes and the bytes free on the GPU.

    "none": everything fits at once. "model": the largest component fits, and components take turns. "sequential": not
    even that fits, and layers take turns, which is many times slower. Raises `EngineUnsuitable` where the workspace
    alone does not fit.
    """
    if free_bytes < workspace_bytes:
        raise EngineUnsuitable(
            f"The GPU has {free_bytes / 1e9:,.1f} GB free, and generation needs {workspace_bytes / 1e9:,.1f} GB beside "
            "the weights: free some of it, or take a larger GPU."
        )
    if sum(component_bytes.values()) + workspace_bytes <= free_bytes:
        return "none"
    return "model" if max(component_bytes.values()) + workspace_bytes <= free_bytes else "sequential"


def describe_offload(offload: Offload, component_bytes: Mapping[str, int], free_bytes: int) -> str:
    """Return the offload and its reason as one sentence."""
    size, free = f"{sum(component_bytes.values()) / 1e9:,.1f} GB", f"{free_bytes / 1e9:,.1f} GB"
    if offload == "none":
        return f"The model's {size} fit the {free} that are free on the GPU."
    turns = "its components take turns there" if offload == "model" else "its layers take turns there, which is slow"
    return f"The model's {size} do not fit the {free} that are free on the GPU: {turns} ({offload} CPU offload)."


def bytes_to_move(pipeline: Any) -> dict[str, int]:
    """Return the bytes of each component's weights that are not on a GPU."""
    sizes = {}
    for name in WEIGHTED_COMPONENTS:
        model = getattr(pipeline, name)
        if model is not None:
            tensors = [*model.parameters(), *model.buffers()]
            sizes[name] = sum(each.numel() * each.element_size() for each in tensors if each.device.type != "cuda")
    return sizes


def place_pipeline(pipeline: Any, device: str, free_bytes: int | None = None) -> Offload:
    """Move the pipeline to its device and log the choice; `free_bytes` is measured where it is not given."""
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
