"""FLOPs of one image: the figure that a measured speed is compared with.

Inputs: sizes of a Z-Image transformer and of its VAE, an image's size, tokens, steps. Outputs: operations, where a
multiplication and the addition after it are two.
Counted are matrix products, convolutions and attention, as torch's own counter does (a test compares them on models
without memory); norms, rotations and activations are not, which is why a GPU never reaches 100 % of its peak by this
figure. The text encoder is left out: a caption is embedded once and cached (0.7 TFLOP for 96 tokens, 0.2 % of an image
of 1024 px).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.onnx_graphs.graph_spec import padded_length

MODULATION_WIDTH = 256
"""Width of the time embedding that blocks are modulated by (`ADALN_EMBED_DIM` in diffusers)."""
TIME_FREQUENCY_COUNT, TIME_HIDDEN_WIDTH = 256, 1024


@dataclass(frozen=True)
class TransformerSizes:
    """A transformer's sizes, from its configuration."""

    dim: int = 3840
    layers: int = 30
    refiners: int = 2
    caption_channels: int = 2560
    channels: int = 16
    patch: int = 2

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "TransformerSizes":
        """Read the sizes from a `ZImageTransformer2DModel`'s config."""
        return cls(
            config["dim"],
            config["n_layers"],
            config["n_refiner_layers"],
            config["cap_feat_dim"],
            config["in_channels"],
            config["all_patch_size"][0],
        )

    def flops(self, width: int, height: int, caption_tokens: int) -> int:
        """Return the operations of one forward pass for one image with latents of `width` x `height`."""
        image, caption = (padded_length(width * height // self.patch**2), padded_length(caption_tokens))
        refined = self._block_flops(image) + self._block_flops(caption)
        blocks = self.layers * (self._block_flops(image + caption) + self._modulation_flops()) + self.refiners * (
            refined + self._modulation_flops()
        )
        patches = self.channels * self.patch**2
        ends = 2 * image * patches * self.dim + 2 * (image + caption) * patches * self.dim
        embedded = 2 * caption * self.caption_channels * self.dim
        width_of_time = min(self.dim, MODULATION_WIDTH)
        time = (
            2 * TIME_FREQUENCY_COUNT * TIME_HIDDEN_WIDTH
            + 2 * TIME_HIDDEN_WIDTH * width_of_time
            + 2 * width_of_time * self.dim
        )
        return blocks + ends + embedded + time

    def _block_flops(self, tokens: int) -> int:
        inner = int(self.dim / 3 * 8)
        linear = 2 * tokens * (4 * self.dim**2 + 3 * self.dim * inner)
        attention = 4 * tokens**2 * self.dim
        return linear + attention

    def _modulation_flops(self) -> int:
        return 2 * min(self.dim, MODULATION_WIDTH) * 4 * self.dim


@dataclass(frozen=True)
class DecoderSizes:
    """A VAE decoder's sizes: the `channels` of its levels, the last level at the image's own size."""

    channels: tuple[int, ...] = (512, 512, 256, 128)
    layers: int = 3
    latent_channels: int = 16
    has_attention: bool = True

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "DecoderSizes":
        """Read the sizes from an `AutoencoderKL`'s config."""
        return cls(
            tuple(reversed(config["block_out_channels"])),
            config["layers_per_block"] + 1,
            config["latent_channels"],
            config["mid_block_add_attention"],
        )

    def flops(self, width: int, height: int) -> int:
        """Return the operations of decoding one image with latents of `width` x `height`."""
        first, points = self.channels[0], width * height
        total = _convolution_flops(points, self.latent_channels, first) + 2 * _residual_block_flops(
            points, first, first
        )
        if self.has_attention:
            total += 2 * points * 4 * first**2 + 4 * points**2 * first
        before = first
        for level, channels in enumerate(self.channels):
            for layer in range(self.layers):
                total += _residual_block_flops(points, channels if layer else before, channels)
            if level + 1 < len(self.channels):
                points *= 4
                total += _convolution_flops(points, channels, channels)
            before = channels
        return total + _convolution_flops(points, before, 3)


def image_flops(
    transformer: TransformerSizes,
    decoder: DecoderSizes,
    size: tuple[int, int],
    caption_tokens: int,
    steps: int,
    pixels_per_latent: int = 8,
) -> int:
    """Return the operations of one image of `size` (width, height in pixels), without guidance.

    `pixels_per_latent` is the number of pixels on each side of a latent pixel.
    """
    width, height = (side // pixels_per_latent for side in size)
    return steps * transformer.flops(width, height, caption_tokens) + decoder.flops(width, height)


def _convolution_flops(points: int, inputs: int, outputs: int, side: int = 3) -> int:
    return 2 * points * inputs * outputs * side**2


def _residual_block_flops(points: int, inputs: int, outputs: int) -> int:
    both = _convolution_flops(points, inputs, outputs) + _convolution_flops(points, outputs, outputs)
    return both if inputs == outputs else both + _convolution_flops(points, inputs, outputs, side=1)
