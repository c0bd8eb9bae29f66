"""Comparisons say how far off an answer is, whoever gives it."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from infra.onnx_graphs.export_modules import LatentDecoder, TokenTransformer
from infra.onnx_graphs.graph_comparison import (
    MAX_PSNR,
    caption_lengths_for,
    compare_decoder,
    compare_transformer,
    supported_latent_sizes,
)


class EagerRuntime:
    """Runs the exportable form itself, and spoils what it is told to."""

    name = "eager"

    def __init__(self, module: Any, output: str, off: float = 0.0) -> None:
        self._module, self._output, self._off = module, output, off

    def run(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        answer = self._module(**inputs).clone()
        answer.flatten()[0] += self._off
        return {self._output: answer}

    def free_memory(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_the_same_arithmetic_is_next_to_no_way_off(tiny_pipeline: Any):
    cases = list(
        compare_transformer(
            tiny_pipeline.transformer, EagerRuntime(TokenTransformer(tiny_pipeline.transformer), "velocity"), [(20, 28)]
        )
    )
    assert [case.captions for case in cases] == [(9,), (65, 96, 70, 80), (9, 129, 40, 96)]
    assert [case.shape for case in cases] == [(1, 16, 20, 28), (4, 16, 20, 28), (4, 16, 20, 28)]
    assert all(case.is_within(1e-5) and case.psnr > 110 for case in cases)


def test_one_number_that_is_off_is_seen(tiny_pipeline: Any):
    spoilt = EagerRuntime(LatentDecoder(tiny_pipeline.vae), "images", off=0.25)
    (case,) = compare_decoder(tiny_pipeline.vae, spoilt, [(4, 4)], max_batch=1)
    assert case.max_abs_diff == pytest.approx(0.25, abs=1e-4)
    assert not case.is_within(0.2)
    assert 20 < case.psnr < 80


def test_an_answer_that_is_no_number_is_never_within(tiny_pipeline: Any):
    (case,) = compare_decoder(
        tiny_pipeline.vae,
        EagerRuntime(LatentDecoder(tiny_pipeline.vae), "images", off=float("nan")),
        [(4, 4)],
        max_batch=1,
    )
    assert (case.max_abs_diff, case.psnr) == (None, 0.0)
    assert not case.is_within(1e9)


def test_equal_answers_have_a_figure_that_json_can_hold(tiny_pipeline: Any):
    (case,) = compare_decoder(
        tiny_pipeline.vae, EagerRuntime(LatentDecoder(tiny_pipeline.vae), "images"), [(4, 4)], max_batch=1
    )
    assert (case.max_abs_diff, case.psnr) == (0.0, MAX_PSNR)


def test_an_engine_for_single_pictures_is_asked_for_single_pictures():
    assert list(caption_lengths_for(1)) == [(9,)]
    assert list(caption_lengths_for(2)) == [(9,), (65, 96), (9, 129)]
    assert [len(captions) for captions in caption_lengths_for(16)] == [1, 4, 4]


def test_sizes_stay_within_the_positions_of_a_small_model(tiny_pipeline: Any):
    assert supported_latent_sizes(tiny_pipeline.transformer) == ((32, 32), (24, 40), (20, 28))
