"""Rotary embeddings in real numbers, which torch.compile can generate code for.

Inputs: diffusers' Z-Image transformer, which multiplies queries and keys with complex numbers. Outputs: the same
transformer with the same products written out in real numbers.
torch's compiler has no code for complex numbers, and leaves them, with the norms before them, as they are; those take
an eighth of a step on a large GPU (SGLang, pull request 33886).
"""

from typing import Any

import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn


def use_real_rotary_embedding(transformer: Any) -> None:
    """Make a transformer look up its rotations as cosines and sines, and its attention rotate by those."""
    transformer.rope_embedder = _RealRotaryEmbedder(transformer.rope_embedder)
    for blocks in (transformer.noise_refiner, transformer.context_refiner, transformer.layers):
        for block in blocks:
            block.attention.set_processor(RealRotaryAttnProcessor())


def apply_rotary_embedding(states: torch.Tensor, cosines_sines: torch.Tensor) -> torch.Tensor:
    """Rotate each pair of channels (batch x tokens x heads x channels) by its angle (batch x tokens x pairs x 2)."""
    first, second = states.float().reshape(*states.shape[:-1], -1, 2).unbind(-1)
    cosine, sine = cosines_sines.unsqueeze(2).unbind(-1)
    rotated = (first * cosine - second * sine, first * sine + second * cosine)
    return torch.stack(rotated, -1).flatten(-2).type_as(states)


class RealRotaryAttnProcessor:
    """The attention of one block, as diffusers' own processor computes it."""

    _attention_backend = None
    _parallel_config = None

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,  # noqa: ARG002 - the caller's signature; this model has none
        attention_mask: torch.Tensor | None = None,
        freqs_cis: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the block's attention over `hidden_states` (batch x tokens x channels)."""
        query, key, value = (
            project(hidden_states).unflatten(-1, (attn.heads, -1)) for project in (attn.to_q, attn.to_k, attn.to_v)
        )
        if attn.norm_q is not None:
            query, key = attn.norm_q(query), attn.norm_k(key)
        if freqs_cis is not None:
            query, key = apply_rotary_embedding(query, freqs_cis), apply_rotary_embedding(key, freqs_cis)
        if attention_mask is not None and attention_mask.ndim == 2:
            attention_mask = attention_mask[:, None, None, :]
        mixed = dispatch_attention_fn(
            query,
            key,
            value,
            attn_mask=attention_mask,
            dropout_p=0.0,
            is_causal=False,
            backend=self._attention_backend,
            parallel_config=self._parallel_config,
        )
        output: torch.Tensor = mixed.flatten(2, 3).to(query.dtype)
        for layer in attn.to_out:
            output = layer(output)
        return output


class _RealRotaryEmbedder:
    def __init__(self, complex_embedder: Any) -> None:
        self._complex_embedder = complex_embedder

    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        return torch.view_as_real(self._complex_embedder(ids))
