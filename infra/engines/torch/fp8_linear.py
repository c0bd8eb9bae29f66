"""fp8 linear layers: 8-bit weights and inputs in the transformer's large products.

Inputs: a transformer in bf16. Outputs: the same transformer, whose large linear layers hold 8-bit weights (e4m3, one
scale for each output channel) and round their input to 8 bits as it comes (one scale for each token), so that no
calibration is needed.
On a GPU of compute capability 8.9 or newer the product runs at twice bf16's speed; elsewhere it can be emulated in
floats, which is how the error of this rounding is measured without such a GPU.

Left in bf16, since their error is visible in every image (vLLM-Omni and NVIDIA's own Z-Image, whose activations reach
63,000 there, leave the same layers): embedders, modulation, the final layer, the refiners, blocks 0 and 1.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from infra.errors import EngineError

if TYPE_CHECKING:
    ScaledMatmul = Callable[
        [torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None, torch.dtype], torch.Tensor
    ]

FP8_DTYPE = torch.float8_e4m3fn
FP8_MAX = 448.0
"""The largest number of e4m3."""

FIRST_QUANTIZED_BLOCK = 2
QUANTIZED_LAYER_PATTERN = re.compile(r"layers\.(\d+)\.(?:attention\.to_(?:q|k|v|out\.0)|feed_forward\.w[123])")
KERNEL_ALIGNMENT = 16
"""The kernels need both sides of a weight to be multiples of this number."""


def scaled_matmul(
    rows: torch.Tensor,
    weight: torch.Tensor,
    row_scales: torch.Tensor,
    channel_scales: torch.Tensor,
    bias: torch.Tensor | None,
    dtype: torch.dtype,
) -> torch.Tensor:
    """Multiply 8-bit rows (rows x inputs) with a weight (outputs x inputs) on the tensor cores.

    Fast accumulation: sums stay in the cores' registers, as is usual for inference.
    """
    return torch._scaled_mm(
        rows,
        weight.t(),
        scale_a=row_scales,
        scale_b=channel_scales.t(),
        bias=bias,
        out_dtype=dtype,
        use_fast_accum=True,
    )


def emulate_scaled_matmul(
    rows: torch.Tensor,
    weight: torch.Tensor,
    row_scales: torch.Tensor,
    channel_scales: torch.Tensor,
    bias: torch.Tensor | None,
    dtype: torch.dtype,
) -> torch.Tensor:
    """Compute the same product in 32-bit floats, on any device."""
    product = (rows.float() @ weight.float().t()) * row_scales * channel_scales.t()
    return (product if bias is None else product + bias.float()).to(dtype)


def quantize_rows(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows as 8-bit floats and each row's scale (rows x 1), which maps its largest number to `FP8_MAX`."""
    scales = rows.abs().amax(-1, keepdim=True).float().clamp(min=1e-12) / FP8_MAX
    return (rows.float() / scales).clamp(-FP8_MAX, FP8_MAX).to(FP8_DTYPE), scales


class Fp8Linear(torch.nn.Module):
    """A linear layer with 8-bit weights. They are buffers, so the model's parameters still have one type."""

    weight: torch.Tensor
    scales: torch.Tensor

    def __init__(self, linear: torch.nn.Linear, device: str, matmul: "ScaledMatmul") -> None:
        super().__init__()
        source_device = linear.weight.device
        weight, scales = quantize_rows(linear.weight.detach().to(device))
        self.register_buffer("weight", weight.to(source_device))
        self.register_buffer("scales", scales.to(source_device))
        self.bias = linear.bias
        self._matmul = matmul

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the linear layer's output, within the rounding error."""
        rows, row_scales = quantize_rows(inputs.reshape(-1, inputs.shape[-1]))
        product = self._matmul(rows, self.weight, row_scales, self.scales, self.bias, inputs.dtype)
        return product.view(*inputs.shape[:-1], -1)


def quantize_linear_layers(transformer: Any, device: str) -> list[str]:
    """Replace the large linear layers one at a time on `device`, and return their names; a CPU emulates the products.

    Raises `EngineError` where no layer has a size that the kernels take: a recipe with fp8 expects some.
    """
    names = [name for name, module in transformer.named_modules() if _should_quantize(name, module)]
    if not names:
        raise EngineError(
            "The transformer has no linear layer that could compute in 'fp8': choose 'bf16' in the recipe."
        )
    matmul = scaled_matmul if device == "cuda" else emulate_scaled_matmul
    for name in names:
        parent, _, last = name.rpartition(".")
        linear = transformer.get_submodule(name)
        setattr(transformer.get_submodule(parent), last, Fp8Linear(linear, device, matmul))
    return names


def _should_quantize(name: str, module: torch.nn.Module) -> bool:
    match = QUANTIZED_LAYER_PATTERN.fullmatch(name)
    if match is None or int(match[1]) < FIRST_QUANTIZED_BLOCK or not isinstance(module, torch.nn.Linear):
        return False
    return module.in_features % KERNEL_ALIGNMENT == 0 and module.out_features % KERNEL_ALIGNMENT == 0
