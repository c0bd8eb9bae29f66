"""Export modules: Z-Image's transformer and VAE decoder in an exportable form, with the same weights and arithmetic.

Inputs: diffusers' own modules, whose parameters are shared. Outputs: `nn.Module`s over the inputs of `graph_spec`.
diffusers' own forward cannot be exported: it takes lists, rotates in complex numbers and caches tables.
"""

import math
from typing import Any

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

PATCH_KEY = "2-1"
"""The key of the embedder for patches of 2 x 2 latent pixels and one frame, the only one that Z-Image has."""

LONGEST_PERIOD = 10_000.0
"""Longest period of the timestep's sinusoids, as in diffusers."""

CosinesSines = tuple[torch.Tensor, torch.Tensor]
"""Cosines and sines: tokens x 1 (head) x pairs of channels."""


class TokenTransformer(nn.Module):
    """One step of `ZImageTransformer2DModel` on tokens; all items share one size and one padded caption length."""

    frequencies: torch.Tensor

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.embed_image, self.finish = model.all_x_embedder[PATCH_KEY], model.all_final_layer[PATCH_KEY]
        self.embed_caption, self.embed_time = model.cap_embedder, model.t_embedder.mlp
        self.image_padding, self.caption_padding = model.x_pad_token, model.cap_pad_token
        self.image_blocks, self.caption_blocks = model.noise_refiner, model.context_refiner
        self.joint_blocks = model.layers
        half = model.t_embedder.frequency_embedding_size // 2
        falling = torch.exp(-math.log(LONGEST_PERIOD) * torch.arange(half, dtype=torch.float32) / half)
        self.register_buffer("frequencies", falling.to(model.x_pad_token.device), persistent=False)
        self.time_scale = float(model.t_scale)

    def forward(  # noqa: PLR0913 - the graph's inputs, in the order of its specification
        self,
        image_patches: torch.Tensor,
        image_is_real: torch.Tensor,
        timestep: torch.Tensor,
        caption_features: torch.Tensor,
        caption_is_real: torch.Tensor,
        image_cosines: torch.Tensor,
        image_sines: torch.Tensor,
        caption_cosines: torch.Tensor,
        caption_sines: torch.Tensor,
    ) -> torch.Tensor:
        """Return the velocity of every image token, padding included."""
        time = self._time(timestep).to(image_patches.dtype)
        image = torch.where(image_is_real[:, None], self.embed_image(image_patches), self.image_padding)
        caption = torch.where(caption_is_real[:, :, None], self.embed_caption(caption_features), self.caption_padding)
        image_rotation = image_cosines[:, None], image_sines[:, None]
        caption_rotation = caption_cosines[:, None], caption_sines[:, None]
        for block in self.image_blocks:
            image = _modulated_block(block, image, image_rotation, time)
        for block in self.caption_blocks:
            caption = _unmodulated_block(block, caption, caption_rotation)
        tokens = torch.cat([image, caption], dim=1)
        rotation = (
            torch.cat([image_rotation[0], caption_rotation[0]]),
            torch.cat([image_rotation[1], caption_rotation[1]]),
        )
        for block in self.joint_blocks:
            tokens = _modulated_block(block, tokens, rotation, time)
        velocity: torch.Tensor = self.finish(tokens[:, : image.shape[1]], c=time)
        return velocity

    def _time(self, timestep: torch.Tensor) -> torch.Tensor:
        angles = (timestep * self.time_scale)[:, None] * self.frequencies[None]
        waves = torch.cat([angles.cos(), angles.sin()], dim=-1)
        embedded: torch.Tensor = self.embed_time(waves.to(self.image_padding.dtype))
        return embedded


class LatentDecoder(nn.Module):
    """`AutoencoderKL.decode` without its slicing and tiling: latents to images from -1 to 1."""

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.before = vae.post_quant_conv if vae.post_quant_conv is not None else nn.Identity()
        self.decoder = vae.decoder

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Return images as batch x 3 x rows x columns."""
        images: torch.Tensor = self.decoder(self.before(latents))
        return images


def _modulated_block(block: Any, tokens: torch.Tensor, rotation: CosinesSines, time: torch.Tensor) -> torch.Tensor:
    """Run a block with scales and gates from the timestep."""
    scale, gate, wide_scale, wide_gate = block.adaLN_modulation(time)[:, None].chunk(4, dim=2)
    attended = _self_attention(block.attention, block.attention_norm1(tokens) * (1.0 + scale), rotation)
    tokens = tokens + gate.tanh() * block.attention_norm2(attended)
    widened = block.feed_forward(block.ffn_norm1(tokens) * (1.0 + wide_scale))
    modulated: torch.Tensor = tokens + wide_gate.tanh() * block.ffn_norm2(widened)
    return modulated


def _unmodulated_block(block: Any, tokens: torch.Tensor, rotation: CosinesSines) -> torch.Tensor:
    """Run a block without a timestep."""
    tokens = tokens + block.attention_norm2(_self_attention(block.attention, block.attention_norm1(tokens), rotation))
    output: torch.Tensor = tokens + block.ffn_norm2(block.feed_forward(block.ffn_norm1(tokens)))
    return output


def _self_attention(layer: Any, tokens: torch.Tensor, rotation: CosinesSines) -> torch.Tensor:
    """Attend from every token to every token: no mask."""
    batch, length = tokens.shape[:2]
    heads = (batch, length, layer.heads, -1)
    query, key = layer.to_q(tokens).reshape(heads), layer.to_k(tokens).reshape(heads)
    value: torch.Tensor = layer.to_v(tokens).reshape(heads)
    if layer.norm_q is not None:
        query, key = layer.norm_q(query), layer.norm_k(key)
    query, key = _apply_rotary_embedding(query, rotation), _apply_rotary_embedding(key, rotation)
    mixed = scaled_dot_product_attention(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2))
    attended: torch.Tensor = layer.to_out[0](mixed.transpose(1, 2).flatten(2))
    return attended


def _apply_rotary_embedding(heads: torch.Tensor, rotation: CosinesSines) -> torch.Tensor:
    """Rotate neighbouring channels (batch x tokens x heads x channels) by their angles, in fp32 as diffusers does."""
    cosines, sines = rotation
    even, odd = heads.float().reshape(*heads.shape[:-1], -1, 2).unbind(-1)
    rotated = torch.stack((even * cosines - odd * sines, even * sines + odd * cosines), dim=-1)
    return rotated.flatten(-2).to(heads.dtype)
