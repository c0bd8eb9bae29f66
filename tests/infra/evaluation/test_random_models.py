"""Random models: of a real model's sizes, the same every time, and never 6 billion numbers on a CPU."""

from typing import Any

import pytest

pytest.importorskip("diffusers")

import torch
from diffusers import ZImageTransformer2DModel

from infra.engines.torch.diffusers_backend import DiffusersBackend
from infra.errors import EngineError, EngineUnsuitable
from infra.evaluation.random_models import RANDOM_MODEL_NAMES, RandomPipeline
from infra.interfaces import Frame, Prompt


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return RandomPipeline("tiny", "cpu").load_pipeline(torch.float32)


def test_it_is_the_same_model_every_time_and_leaves_torch_as_it_was(pipeline: Any) -> None:
    usual, state = torch.get_default_dtype(), torch.get_rng_state()
    again = RandomPipeline("tiny", "cpu").load_pipeline(torch.bfloat16)
    assert torch.get_default_dtype() == usual
    assert bool((torch.get_rng_state() == state).all())
    for name in ("transformer", "text_encoder", "vae"):
        assert {weight.dtype for weight in getattr(again, name).parameters()} == {torch.bfloat16}
    twice = RandomPipeline("tiny", "cpu").load_pipeline(torch.float32)
    for some, other in zip(pipeline.transformer.parameters(), twice.transformer.parameters(), strict=True):
        assert torch.equal(some, other)
    assert float(pipeline.transformer.cap_pad_token.detach().abs().max()) > 0


def test_it_paints(pipeline: Any) -> None:
    painter = DiffusersBackend(RandomPipeline("tiny", "cpu"), "fp32")
    painter.load()
    frames = painter.generate_batch([Prompt(str(seed), "cat", seed, 64, 32, steps=2) for seed in range(2)])
    assert [frame.pixels.shape for frame in frames if isinstance(frame, Frame)] == [(32, 64, 3)] * 2
    painter.close()


def test_what_is_left_out_is_not_made() -> None:
    assert RandomPipeline("tiny", "cpu").load_pipeline(torch.float32, frozenset({"transformer"})).transformer is None


def test_the_large_one_has_the_sizes_of_the_real_one() -> None:
    sizes = RandomPipeline("turbo", "cuda")._component_sizes()
    with torch.device("meta"):
        made, usual = ZImageTransformer2DModel(**sizes["transformer"]), ZImageTransformer2DModel()
    assert sum(each.numel() for each in made.parameters()) == sum(each.numel() for each in usual.parameters())
    assert sum(each.numel() for each in made.parameters()) == pytest.approx(6.155e9, rel=0.001)
    assert RANDOM_MODEL_NAMES == ("turbo", "tiny")


def test_a_cpu_gets_no_six_billion_numbers_and_an_unknown_name_none() -> None:
    with pytest.raises(EngineUnsuitable, match="'turbo' needs a GPU"):
        RandomPipeline("turbo", "cpu").load_pipeline(torch.bfloat16)
    with pytest.raises(EngineError, match="no random model 'omni': choose one of turbo, tiny"):
        RandomPipeline("omni", "cpu").load_pipeline(torch.bfloat16)
