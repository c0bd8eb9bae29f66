"""Cases and rows: prompts that nobody has embedded before, and a document that says where it comes from."""

import json

import pytest

pytest.importorskip("diffusers")

import torch

from infra.evaluation.benchmark_cases import BenchmarkCase, BenchmarkRow, ModelSizes, benchmark_document
from infra.evaluation.flops import image_flops
from infra.evaluation.random_models import RandomPipeline


def test_every_prompt_has_a_caption_and_a_seed_of_its_own_and_all_of_one_length() -> None:
    prompts = [*BenchmarkCase(64, 2, 3, 1).prompts(0, 4), *BenchmarkCase(64, 2, 3, 1).prompts(4, 4)]
    assert len({prompt.text for prompt in prompts}) == len({prompt.seed for prompt in prompts}) == 8
    assert len({len(prompt.text) for prompt in prompts}) == 1
    assert {(prompt.width, prompt.height, prompt.steps, prompt.guidance) for prompt in prompts} == {(64, 64, 3, 0.0)}


def test_the_budget_is_that_of_the_pipeline_at_hand() -> None:
    model = ModelSizes.from_pipeline(RandomPipeline("tiny", "cpu").load_pipeline(torch.float32))
    assert (model.transformer.dim, model.transformer.layers, model.pixels_per_latent) == (96, 4, 8)
    assert model.decoder.channels == (16, 16, 16, 8)
    assert model.caption_tokens == 96
    expected = image_flops(model.transformer, model.decoder, (64, 64), 96, 3)
    assert model.flops(BenchmarkCase(64, 2, 3, 1)) == expected
    assert model.flops(BenchmarkCase(64, 2, 6, 1)) - expected == 3 * model.transformer.flops(8, 8, 96)


def test_the_document_is_plain_and_names_the_machine() -> None:
    found = json.loads(json.dumps(benchmark_document([BenchmarkRow("eager", 64, 1, "why not")], {"steps": 8})))
    assert found["rows"][0]["reason"] == "why not"
    assert found["rows"][0]["images_per_second"] is None
    assert set(found["machine"]) == {"device", "memory_bytes", "cuda", "versions", "date"}
    assert found["machine"]["versions"]["torch"] == torch.__version__
