"""Graph specification: names, axes and element types of the graphs' inputs and outputs, as plain data.

Inputs: the sizes in a model's configuration. Outputs: specifications of both graphs.
Needs neither torch nor onnx, so that a manifest or an optimization profile can be made on any machine.

The transformer takes tokens and position tables instead of latents and sizes, so the graph holds dense arithmetic only:
no shapes are computed, no tables are looked up and nothing is masked. In place of a mask, the caller puts captions of
one padded length into a batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

OPSET = 23
"""The first opset with Attention and RMSNormalization as operators, which TensorRT has kernels for."""

TOKEN_MULTIPLE = 32
"""diffusers pads image and caption to multiples of this many tokens (`SEQ_MULTI_OF`); the padding is attended."""

MAX_CAPTION_TOKENS = 512
"""Tokens at which diffusers truncates a caption; a longer one is refused, since half a caption is another one."""

PATCH_SIZE = 2
"""Latent pixels on each side of an image token."""

EXPORT_PRECISIONS = ("fp32", "bf16")
"""Precisions of exports. fp16 is none: this model's activations reach 63 000, and fp16 ends at 65 504."""

DYNAMIC_AXES = ("batch", "image_tokens", "caption_tokens", "latent_rows", "latent_columns")
"""Axes that differ from run to run. The model's configuration fixes every other named axis."""

ElementType = Literal["precision", "fp32", "bool"]
"""The element type of an input or output; `precision` is that of the whole graph."""


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a graph: its name, its elements, and its axes, outermost first."""

    name: str
    element_type: ElementType
    axes: tuple[str | int, ...]

    def shape(self, sizes: Mapping[str, int]) -> tuple[int | str, ...]:
        """Return the axes as sizes where `sizes` has them, else as names."""
        return tuple(sizes.get(axis, axis) if isinstance(axis, str) else axis for axis in self.axes)


@dataclass(frozen=True)
class GraphSpec:
    """One of the graphs: the name of its folder, its inputs and outputs."""

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


TRANSFORMER = GraphSpec(
    name="transformer",
    inputs=(
        TensorSpec("image_patches", "precision", ("batch", "image_tokens", "patch_channels")),
        TensorSpec("image_is_real", "bool", ("image_tokens",)),
        TensorSpec("timestep", "fp32", ("batch",)),
        TensorSpec("caption_features", "precision", ("batch", "caption_tokens", "caption_channels")),
        TensorSpec("caption_is_real", "bool", ("batch", "caption_tokens")),
        TensorSpec("image_cosines", "fp32", ("image_tokens", "rotations")),
        TensorSpec("image_sines", "fp32", ("image_tokens", "rotations")),
        TensorSpec("caption_cosines", "fp32", ("caption_tokens", "rotations")),
        TensorSpec("caption_sines", "fp32", ("caption_tokens", "rotations")),
    ),
    outputs=(TensorSpec("velocity", "precision", ("batch", "image_tokens", "patch_channels")),),
)
"""One denoising step. A batch has one size and one padded caption length, so positions have no batch axis."""

VAE_DECODER = GraphSpec(
    name="vae_decoder",
    inputs=(TensorSpec("latents", "precision", ("batch", "latent_channels", "latent_rows", "latent_columns")),),
    outputs=(TensorSpec("images", "precision", ("batch", 3, "image_rows", "image_columns")),),
)
"""Latents as `vae.decode` takes them (already divided by the scaling factor and shifted) to images from -1 to 1."""

GRAPHS = (TRANSFORMER, VAE_DECODER)


def fixed_axis_sizes(transformer: Mapping[str, Any], vae: Mapping[str, Any]) -> dict[str, int]:
    """Return the sizes of the axes that two `config.json` fix, by the axes' names."""
    return {
        "patch_channels": PATCH_SIZE * PATCH_SIZE * int(transformer["in_channels"]),
        "caption_channels": int(transformer["cap_feat_dim"]),
        "rotations": int(transformer["dim"]) // int(transformer["n_heads"]) // 2,
        "latent_channels": int(vae["latent_channels"]),
    }


def padded_length(tokens: int) -> int:
    """Return the number of tokens after diffusers' padding."""
    return -(-tokens // TOKEN_MULTIPLE) * TOKEN_MULTIPLE
