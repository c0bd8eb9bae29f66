"""CUDA graphs of the transformer: one graph for each shape, in a cache bounded by bytes, on the engine's own thread.

Inputs: a pipeline on a CUDA device. Outputs: the same pipeline, whose transformer's `forward` replays a graph where one
was captured. A shape is batch, latent size and padded caption length.
Captions of one padded length share a graph: they are filled up to it with rows whose embedding is then replaced by the
model's own padding token, as diffusers does with a mask of another length for every caption.
Everything else runs eagerly: captions of several padded lengths in one call, shapes that came too seldom, shapes that
need more memory than the budget, and shapes that cannot be captured (logged once).
"""

import logging
from collections import Counter
from collections.abc import Callable, Hashable, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from infra.engines.torch.graph_capture import CapturedGraph, CudaGraphCapturer, GraphCapturer
from infra.errors import EngineUnsuitable, one_line
from infra.onnx_graphs.graph_spec import padded_length

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

RUNS_BEFORE_CAPTURE = 8
"""Eager runs of a shape before it is captured: one batch of 8 steps. A capture costs two forward passes, which a
shard's last, smaller batch would never earn back."""

CACHE_MEMORY_SHARE = 0.25
"""Share of the memory that is free after loading which captured graphs may hold."""

MAX_COUNTED_SHAPES = 1_000


@dataclass(frozen=True)
class _CachedGraph:
    inputs: "tuple[torch.Tensor, ...]"
    graph: CapturedGraph


class _FreeingCache(LRUCache[Hashable, _CachedGraph]):
    """An LRU cache of graphs, bounded by their bytes; an evicted graph gives its memory back at once."""

    def popitem(self) -> tuple[Hashable, _CachedGraph]:
        shape, cached = super().popitem()
        cached.graph.free()
        return shape, cached


class CudaGraphCache:
    """Captured graphs by shape, at most `budget_bytes` of them; the least recently used are dropped first."""

    def __init__(
        self, capturer: GraphCapturer, budget_bytes: int, runs_before_capture: int = RUNS_BEFORE_CAPTURE
    ) -> None:
        self._capturer, self._runs_before_capture = capturer, runs_before_capture
        self._graphs = _FreeingCache(budget_bytes, getsizeof=lambda cached: cached.graph.memory_bytes)
        self._run_counts: Counter[Hashable] = Counter()
        self._uncapturable: set[Hashable] = set()

    @property
    def memory_bytes(self) -> int:
        """Return the bytes that all graphs hold."""
        return int(self._graphs.currsize)

    def run(
        self, shape: Hashable, inputs: "tuple[torch.Tensor, ...]", forward: "Callable[..., torch.Tensor]"
    ) -> "torch.Tensor | None":
        """Return `forward(*inputs)` from a graph, or None where the shape has none yet, or cannot have one."""
        if shape not in self._graphs and not self._capture(shape, inputs, forward):
            return None
        cached: _CachedGraph = self._graphs[shape]
        for buffer, tensor in zip(cached.inputs, inputs, strict=True):
            buffer.copy_(tensor, non_blocking=True)
        cached.graph.replay()
        return cached.graph.output.clone()  # the next replay overwrites it

    def clear(self) -> None:
        """Drop every graph and free its memory."""
        while self._graphs:
            self._graphs.popitem()

    def _capture(
        self, shape: Hashable, inputs: "tuple[torch.Tensor, ...]", forward: "Callable[..., torch.Tensor]"
    ) -> bool:
        if shape in self._uncapturable:
            return False
        if len(self._run_counts) > MAX_COUNTED_SHAPES:
            self._run_counts.clear()
        self._run_counts[shape] += 1
        if self._run_counts[shape] <= self._runs_before_capture:
            return False
        buffers = tuple(tensor.clone() for tensor in inputs)
        try:
            graph = self._capturer.capture(lambda: forward(*buffers))
        except RuntimeError as error:  # out of memory too; a lost device fails again in the caller's eager run
            return self._mark_uncapturable(shape, str(error))
        if graph.memory_bytes > self._graphs.maxsize:
            size = graph.memory_bytes
            graph.free()
            return self._mark_uncapturable(shape, f"it would hold {size:,} bytes of {int(self._graphs.maxsize):,}")
        self._graphs[shape] = _CachedGraph(buffers, graph)
        return True

    def _mark_uncapturable(self, shape: Hashable, reason: str) -> bool:
        self._uncapturable.add(shape)
        logger.warning("graphs: the shape %r runs without a graph: %s", shape, one_line(reason))
        return False


class CudaGraphAccelerator:
    """Runs the pipeline's transformer from CUDA graphs. `capturer` and `budget_bytes` have defaults for CUDA."""

    name = "graphs"
    replaces: Set[str] = frozenset()

    def __init__(self, capturer: GraphCapturer | None = None, budget_bytes: int | None = None) -> None:
        self._capturer, self._budget_bytes = capturer, budget_bytes
        self._graphed_forward: _GraphedForward | None = None

    def attach(self, pipeline: Any) -> None:
        """Replace the transformer's `forward` by graph replays; raise `EngineUnsuitable` without CUDA."""
        import torch

        if self._capturer is None:
            if not torch.cuda.is_available():
                raise EngineUnsuitable("The acceleration 'graphs' needs a CUDA device: choose 'eager' or 'compile'.")
            self._capturer = CudaGraphCapturer()
        if any(hasattr(module, "_hf_hook") for module in pipeline.transformer.modules()):
            raise EngineUnsuitable(
                "The acceleration 'graphs' needs the whole model on the device, and it does not fit: choose 'eager'."
            )
        budget = self._budget_bytes
        if budget is None:
            budget = int(torch.cuda.mem_get_info()[0] * CACHE_MEMORY_SHARE)
        self._graphed_forward = _GraphedForward(pipeline.transformer, CudaGraphCache(self._capturer, budget))

    def free_memory(self) -> None:
        """Drop the graphs: the current batch needs the memory more."""
        if self._graphed_forward is not None:
            self._graphed_forward.cache.clear()

    def close(self) -> None:
        """Drop the graphs and restore the transformer's own `forward`."""
        if self._graphed_forward is not None:
            self._graphed_forward.detach()
            self._graphed_forward = None


class _GraphedForward:
    """Takes the place of a transformer's `forward`, with the same arguments."""

    def __init__(self, transformer: Any, cache: CudaGraphCache) -> None:
        self.cache = cache
        self._transformer = transformer
        self._eager_forward = transformer.forward
        self._padding: torch.Tensor | None = None
        self._hook = transformer.cap_embedder.register_forward_hook(self._replace_padding_embeddings)
        transformer.forward = self

    def detach(self) -> None:
        self.cache.clear()
        self._hook.remove()
        if self._transformer.forward is self:
            del self._transformer.forward

    def __call__(
        self,
        x: "Sequence[torch.Tensor]",
        t: "torch.Tensor",
        cap_feats: "Sequence[torch.Tensor]",
        return_dict: bool = True,
        **others: Any,
    ) -> Any:
        import torch

        lengths = {padded_length(len(each)) for each in cap_feats}
        if not return_dict and len(lengths) == 1 and not any(value is not None for value in others.values()):
            inputs = (torch.stack(list(x)), t, *_pad_captions(cap_feats, next(iter(lengths))))
            shape = (*inputs[0].shape, next(iter(lengths)), str(inputs[0].dtype))
            velocity = self.cache.run(shape, inputs, self._forward_padded)
            if velocity is not None:
                return (list(velocity.unbind()),)
        return self._eager_forward(x, t, cap_feats, return_dict=return_dict, **others)

    def _forward_padded(
        self, latents: "torch.Tensor", t: "torch.Tensor", captions: "torch.Tensor", padding: "torch.Tensor"
    ) -> "torch.Tensor":
        """Run the transformer on captions that fill their padded length; `padding` marks the rows that are padding."""
        import torch

        self._padding = padding.flatten()[:, None]
        try:
            (velocities,) = self._eager_forward(list(latents.unbind()), t, list(captions.unbind()), return_dict=False)
        finally:
            self._padding = None
        return torch.stack(list(velocities))

    def _replace_padding_embeddings(
        self, _module: Any, _inputs: Any, embedded: "torch.Tensor"
    ) -> "torch.Tensor | None":
        import torch

        if self._padding is None:
            return None
        return torch.where(self._padding, self._transformer.cap_pad_token.to(embedded.dtype), embedded)


def _pad_captions(captions: "Sequence[torch.Tensor]", length: int) -> "tuple[torch.Tensor, torch.Tensor]":
    """Return captions padded with zeros (batch x length x channels), and the mask of that padding (batch x length)."""
    import torch

    filled = captions[0].new_zeros(len(captions), length, captions[0].shape[-1])
    padding = torch.ones(len(captions), length, dtype=torch.bool, device=filled.device)
    for row, caption in enumerate(captions):
        filled[row, : len(caption)] = caption
        padding[row, : len(caption)] = False
    return filled, padding
