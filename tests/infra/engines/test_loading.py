"""Loading: what is named is checked, and what was asked for is what is loaded."""

from pathlib import Path

import pytest

pytest.importorskip("diffusers")

import torch

from infra.engines.loading import MODELS, StoredWeights, weights_dtype
from infra.engines.weights import folder_digest
from infra.errors import EngineError, EngineUnsuitable


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_component_has_the_precision_that_was_asked_for(tiny_checkpoint: Path, dtype: torch.dtype) -> None:
    pipeline = StoredWeights(str(tiny_checkpoint), digest=folder_digest(tiny_checkpoint)).open(dtype)
    for name in MODELS:
        assert {weight.dtype for weight in getattr(pipeline, name).parameters()} == {dtype}


def test_a_component_that_is_left_out_is_none(tiny_checkpoint: Path) -> None:
    pipeline = StoredWeights(str(tiny_checkpoint)).open(torch.float32, frozenset({"transformer", "vae"}))
    assert pipeline.transformer is None
    assert pipeline.vae is None
    assert pipeline.text_encoder is not None


def test_weights_of_another_digest_are_not_opened(tiny_checkpoint: Path) -> None:
    with pytest.raises(EngineError, match=r"have the digest .* not 'abc'"):
        StoredWeights(str(tiny_checkpoint), digest="abc").open(torch.float32)


def test_half_precision_of_the_wrong_kind_is_refused_with_the_reason() -> None:
    with pytest.raises(EngineUnsuitable, match="overflows to black"):
        weights_dtype("fp16", "cpu")
