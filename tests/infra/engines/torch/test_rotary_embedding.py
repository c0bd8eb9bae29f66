"""Rotations in real numbers are those of diffusers, with a mask and without one."""

from typing import Any

import pytest

pytest.importorskip("diffusers")

import torch

from infra.engines.torch.rotary_embedding import rotate_in_real_numbers, rotated
from infra.evaluation.random_models import RandomWeights


@pytest.fixture(scope="module")
def transformer() -> Any:
    return RandomWeights("tiny", "cpu").open(torch.float32).transformer


def called(transformer: Any, tokens: tuple[int, int]) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    latents = [torch.randn(16, 1, 12, 8, generator=generator) for _ in tokens]
    captions = [torch.randn(count, 64, generator=generator) for count in tokens]
    with torch.no_grad():
        return torch.stack(transformer(latents, torch.tensor([0.3, 0.7]), captions, return_dict=False)[0])


def test_a_transformer_gives_what_it_gave_with_equal_and_with_mixed_captions(transformer: Any) -> None:
    before = [called(transformer, tokens) for tokens in ((20, 31), (20, 70))]
    rotate_in_real_numbers(transformer)
    after = [called(transformer, tokens) for tokens in ((20, 31), (20, 70))]
    for some, other in zip(before, after, strict=True):
        assert float(other.abs().max()) > 0.1
        assert float((some - other).abs().max()) < 1e-5


def test_a_quarter_turn_swaps_a_pair_and_changes_one_sign() -> None:
    states = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 1, 4)
    turns = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).view(1, 1, 2, 2)
    assert rotated(states, turns).flatten().tolist() == [-2.0, 1.0, 3.0, 4.0]
