"""Eight bits: how large the error is, which layers have it, and that the kernel's call is one that it would take."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers")

import torch

from infra.engines.torch.fp8_linear import (
    FP8_DTYPE,
    FP8_MAX,
    Fp8Linear,
    emulate_scaled_matmul,
    quantize_linear_layers,
    quantize_rows,
    scaled_matmul,
)
from infra.errors import EngineError
from infra.models.loading import StoredPipeline
from infra.nano import MODEL_FOLDER


def apart(some: torch.Tensor, other: torch.Tensor) -> float:
    """Relative distance in L2."""
    return float(((some - other).detach().float()).norm() / other.detach().float().norm())


def linear(bias: bool = True) -> torch.nn.Linear:
    torch.manual_seed(0)
    return torch.nn.Linear(64, 48, bias=bias)


@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_in_eight_bits_is_a_few_percent_off_and_not_less(bias: bool) -> None:
    usual = linear(bias)
    inputs = torch.randn(2, 7, 64)
    made = Fp8Linear(usual, "cpu", emulate_scaled_matmul)(inputs)
    assert made.shape == (2, 7, 48)
    assert 0.01 < apart(made, usual(inputs)) < 0.05


def test_a_token_with_a_peak_does_not_cost_the_others_their_precision() -> None:
    usual = linear()
    inputs = torch.randn(8, 64)
    inputs[3] *= 20_000
    made, expected = Fp8Linear(usual, "cpu", emulate_scaled_matmul)(inputs), usual(inputs)
    others = [row for row in range(8) if row != 3]
    assert apart(made[others], expected[others]) < 0.05
    one_scale = (inputs / (inputs.abs().max() / FP8_MAX)).to(FP8_DTYPE).float() * (inputs.abs().max() / FP8_MAX)
    assert apart(one_scale[others], inputs[others]) > 0.05


def test_a_channel_with_large_weights_does_not_cost_the_others_theirs() -> None:
    usual = linear()
    with torch.no_grad():
        usual.weight[5] *= 20_000
    inputs = torch.randn(8, 64)
    others = [channel for channel in range(48) if channel != 5]
    made, expected = Fp8Linear(usual, "cpu", emulate_scaled_matmul)(inputs), usual(inputs)
    assert apart(made[:, others], expected[:, others]) < 0.05


def test_rows_fill_the_range_and_a_row_of_zeros_stays_one() -> None:
    rows, scales = quantize_rows(torch.tensor([[1.0, -0.25], [0.0, 0.0], [60_000.0, 1.0]]))
    assert rows.dtype == FP8_DTYPE
    assert rows.float()[:, 0].tolist() == [FP8_MAX, 0.0, FP8_MAX]
    assert (rows.float() * scales)[0].tolist() == pytest.approx([1.0, -0.25])
    assert bool(torch.isfinite(scales).all())


def test_the_kernel_is_called_with_what_it_takes() -> None:
    # Tensors without content go through the kernel's own checks of types, strides and scales.
    layer = Fp8Linear(linear().to(torch.bfloat16), "cpu", scaled_matmul).to("meta")
    layer.bias = torch.nn.Parameter(layer.bias.detach().to("meta"))
    made = layer(torch.empty(2, 5, 64, dtype=torch.bfloat16, device="meta"))
    assert (made.shape, made.dtype) == ((2, 5, 48), torch.bfloat16)
    assert layer.weight.dtype == FP8_DTYPE
    with pytest.raises(RuntimeError, match="scal"):
        scaled_matmul(
            torch.empty(5, 64, dtype=FP8_DTYPE, device="meta"),
            layer.weight,
            torch.empty(5, 2, device="meta"),
            layer.scales,
            None,
            torch.bfloat16,
        )


@pytest.fixture(scope="module")
def transformer() -> Any:
    return StoredPipeline(str(MODEL_FOLDER)).load_pipeline(torch.float32).transformer


def called(transformer: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    latents = [torch.randn(16, 1, 8, 8, generator=generator) for _ in range(2)]
    captions = [torch.randn(length, 96, generator=generator) for length in (20, 31)]
    with torch.no_grad():
        made = transformer(latents, torch.tensor([0.3, 0.7]), captions, return_dict=False)[0]
    return torch.stack(made)


def test_the_large_layers_from_the_third_block_on_and_no_others_are_replaced(transformer: Any) -> None:
    expected = called(transformer)
    before = {name for name, module in transformer.named_modules() if isinstance(module, torch.nn.Linear)}
    names = quantize_linear_layers(transformer, "cpu")
    after = {name for name, module in transformer.named_modules() if isinstance(module, torch.nn.Linear)}
    kinds = ("attention.to_q", "attention.to_k", "attention.to_v", "attention.to_out.0")
    kinds += ("feed_forward.w1", "feed_forward.w2", "feed_forward.w3")
    assert sorted(names) == sorted(f"layers.{block}.{kind}" for block in (2, 3, 4) for kind in kinds)
    assert before - after == set(names)
    assert {"layers.0.attention.to_q", "layers.1.feed_forward.w2", "layers.4.adaLN_modulation.0"} <= after
    assert {"cap_embedder.1", "t_embedder.mlp.0", "all_final_layer.2-1.linear", "all_x_embedder.2-1"} <= after
    assert not [name for name in names if "refiner" in name]
    assert transformer.dtype == torch.float32
    assert 0.001 < apart(called(transformer), expected) < 0.08


def test_a_transformer_of_odd_sizes_is_refused_and_not_quietly_left_as_it_was() -> None:
    odd = torch.nn.ModuleDict()
    odd["layers"] = torch.nn.ModuleList([torch.nn.Linear(10, 10)])
    with pytest.raises(EngineError, match="no linear layer that could compute in 'fp8'"):
        quantize_linear_layers(odd, "cpu")


def test_eight_bits_are_a_quarter_of_the_bytes(tiny_model: Path) -> None:
    usual = linear(bias=False)
    layer = Fp8Linear(usual, "cpu", emulate_scaled_matmul)
    assert layer.weight.numel() * layer.weight.element_size() * 4 == usual.weight.numel() * usual.weight.element_size()
