"""Rotations in real numbers are those of diffusers, with a mask and without one."""

from typing import Any

import pytest

pytest.importorskip("diffusers")

import torch

from infra.engines.torch.rotary_embedding import apply_rotary_embedding, use_real_rotary_embedding
from infra.evaluation.random_models import RandomPipeline


@pytest.fixture(scope="module")
def transformer() -> Any:
    return RandomPipeline("tiny", "cpu").load_pipeline(torch.float32).transformer


def called(transformer: Any, tokens: tuple[int, int]) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    latents = [torch.randn(16, 1, 12, 8, generator=generator) for _ in tokens]
    captions = [torch.randn(count, 64, generator=generator) for count in tokens]
    with torch.no_grad():
        return torch.stack(transformer(latents, torch.tensor([0.3, 0.7]), captions, return_dict=False)[0])


def test_a_transformer_gives_what_it_gave_with_equal_and_with_mixed_captions(transformer: Any) -> None:
    before = [called(transformer, tokens) for tokens in ((20, 31), (20, 70))]
    use_real_rotary_embedding(transformer)
    after = [called(transformer, tokens) for tokens in ((20, 31), (20, 70))]
    for some, other in zip(before, after, strict=True):
        assert float(other.abs().max()) > 0.1
        assert float((some - other).abs().max()) < 1e-5


def test_a_quarter_turn_swaps_a_pair_and_changes_one_sign() -> None:
    states = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 1, 4)
    turns = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).view(1, 1, 2, 2)
    assert apply_rotary_embedding(states, turns).flatten().tolist() == [-2.0, 1.0, 3.0, 4.0]
