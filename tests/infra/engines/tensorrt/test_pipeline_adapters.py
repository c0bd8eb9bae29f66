"""The engine's parts give the pipeline what diffusers' own parts give, whatever a batch is cut into."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import ZImagePipeline

from infra.engines.tensorrt.model_configs import component_configs
from infra.engines.tensorrt.pipeline_adapters import TransformerAdapter, VaeDecoderAdapter, split_into_batches
from infra.engines.tensorrt.profiles import AxisRange
from infra.nano import MODEL_FOLDER
from infra.onnx_graphs.export_modules import LatentDecoder, TokenTransformer

TOLERANCE = 2
"""Levels of 255 by which a pixel may move in fp32: sums are rounded in another order."""
TEXTS = ["a red mug", "a blue ball on a wooden table, seen from above, " * 4, "bag"]
CONFIGS = component_configs(MODEL_FOLDER)


class TorchRuntime:
    """Runs a graph's module as it is, and notes the batch of each run; its answer is overwritten by the next one."""

    name = "torch"

    def __init__(self, module: torch.nn.Module, output: str) -> None:
        self.batches: list[int] = []
        self._module, self._output = module, output
        self._memory: dict[torch.Size, torch.Tensor] = {}

    def run(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            answer = self._module(**inputs)
        self.batches.append(len(answer))
        memory = self._memory.setdefault(answer.shape, torch.empty_like(answer))
        memory.copy_(answer)
        return {self._output: memory}

    def free_memory(self) -> None:
        pass

    def close(self) -> None:
        self._memory.clear()


@pytest.fixture(scope="module")
def pipeline() -> Any:
    torch.set_num_threads(1)
    loaded = ZImagePipeline.from_pretrained(str(MODEL_FOLDER))
    loaded.set_progress_bar_config(disable=True)
    return loaded


def pictures(pipeline: Any, texts: list[str], guidance: float = 0.0) -> np.ndarray:
    made = pipeline(
        prompt=list(texts),
        negative_prompt=["blurred, " * 30] * len(texts),
        height=128,
        width=128,
        num_inference_steps=2,
        guidance_scale=guidance,
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in range(len(texts))],
        output_type="np",
    ).images
    return np.asarray(made) * 255


def with_engine(pipeline: Any, batch: AxisRange) -> tuple[Any, TorchRuntime, TorchRuntime]:
    steps = TorchRuntime(TokenTransformer(pipeline.transformer), "velocity")
    decoder = TorchRuntime(LatentDecoder(pipeline.vae), "images")
    made = ZImagePipeline(
        scheduler=pipeline.scheduler,
        text_encoder=pipeline.text_encoder,
        tokenizer=pipeline.tokenizer,
        transformer=TransformerAdapter(steps, CONFIGS[0], batch, torch.float32),
        vae=VaeDecoderAdapter(decoder, CONFIGS[1], batch, torch.float32),
    )
    made.set_progress_bar_config(disable=True)
    return made, steps, decoder


@pytest.mark.parametrize(
    ("batch", "guidance", "stepped", "decoded"),
    [
        (AxisRange(1, 4, 4), 0.0, [2, 1] * 2, [3]),
        (AxisRange(3, 4, 4), 0.0, [3, 3] * 2, [3]),
        (AxisRange(1, 2, 2), 3.0, [2, 1, 2, 1] * 2, [2, 1]),
    ],
)
def test_mixed_captions_give_diffusers_own_pictures_however_they_are_cut(
    pipeline: Any, batch: AxisRange, guidance: float, stepped: list[int], decoded: list[int]
) -> None:
    engine, steps, decoder = with_engine(pipeline, batch)
    wanted = pictures(pipeline, TEXTS, guidance)
    made = pictures(engine, TEXTS, guidance)
    assert wanted.std() > 20
    assert float(np.abs(made - wanted).max()) <= TOLERANCE
    assert (steps.batches, decoder.batches) == (stepped, decoded)


def test_one_picture_alone_is_diffusers_own(pipeline: Any) -> None:
    engine, steps, _ = with_engine(pipeline, AxisRange(1, 4, 4))
    assert float(np.abs(pictures(engine, TEXTS[1:2]) - pictures(pipeline, TEXTS[1:2])).max()) <= TOLERANCE
    assert steps.batches == [1, 1]


def test_captions_are_put_together_once_for_all_steps_and_few_are_kept(pipeline: Any) -> None:
    engine, _, _ = with_engine(pipeline, AxisRange(1, 4, 4))
    for _ in range(4):
        pictures(engine, TEXTS)
        assert len(engine.transformer._caption_cache) <= 4
    kept = next(reversed(engine.transformer._caption_cache.values()))
    captions, told = kept
    assert engine.transformer._caption_inputs(list(captions)) is told


def test_runs_are_cut_in_order_and_filled_up_with_their_last() -> None:
    assert split_into_batches([7, 8, 9, 4, 5], AxisRange(2, 4, 4)) == [([7, 8, 9, 4], 0), ([5], 1)]
    assert split_into_batches([], AxisRange(1, 4, 4)) == []


class ReusedBufferRuntime:
    """Answers each run with its number, always in the same memory, as a recorded graph does."""

    name = "memory"

    def __init__(self, output: str, shape: tuple[int, ...]) -> None:
        self.runs = 0
        self._output, self._memory = output, torch.zeros(shape)

    def run(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        assert inputs
        self.runs += 1
        return {self._output: self._memory.fill_(self.runs)}

    def free_memory(self) -> None:
        pass

    def close(self) -> None:
        self._memory.zero_()


def test_an_answer_is_not_overwritten_by_the_next_run() -> None:
    engine = TransformerAdapter(
        ReusedBufferRuntime("velocity", (1, 32, 64)), CONFIGS[0], AxisRange(1, 4, 4), torch.float32
    )
    captions = [torch.zeros(tokens, 96) for tokens in (9, 40)]
    [first, second] = engine([torch.zeros(16, 1, 2, 2)] * 2, torch.ones(2), captions)[0]
    assert (float(first.mean()), float(second.mean())) == (1.0, 2.0)
    decoder = VaeDecoderAdapter(
        ReusedBufferRuntime("images", (2, 3, 32, 32)), CONFIGS[1], AxisRange(1, 2, 2), torch.float32
    )
    [images] = decoder.decode(torch.zeros(4, 16, 2, 2))
    assert [float(image.mean()) for image in images] == [1.0, 1.0, 2.0, 2.0]
