"""Flow matching: captions become features as in the pipeline, and times run as its sampler's do."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor, nn

from infra.engines.torch.caption_embedding import apply_chat_template
from infra.nano.architecture import SCHEDULER_SHIFT, create_autoencoder, create_pipeline, create_tokenizer
from infra.nano.drawing.captions import random_caption, random_subject
from infra.nano.training.flow_matching import (
    BATCH_SIZE,
    CAPTION_LENGTHS,
    TEACHER_GUIDANCE,
    CaptionedLatents,
    FlowModel,
    flow_loss,
    guided_loss,
)
from infra.onnx_graphs.graph_spec import TOKEN_MULTIPLE


@pytest.fixture(scope="module")
def drawer() -> FlowModel:
    generator = np.random.default_rng(0)
    torch.manual_seed(0)
    return FlowModel(create_tokenizer(random_caption(random_subject(generator), generator) for _ in range(300)))


@pytest.fixture(scope="module")
def lessons(drawer: FlowModel) -> CaptionedLatents:
    generator = np.random.default_rng(1)
    subjects = [random_subject(generator) for _ in range(40)]
    latents = generator.standard_normal((40, 16, 16, 16)).astype(np.float16)
    return CaptionedLatents(latents, subjects, drawer.tokenizer)


def test_features_are_those_that_the_pipeline_makes(drawer: FlowModel) -> None:
    pipeline = create_pipeline(
        vae=create_autoencoder(),
        tokenizer=drawer.tokenizer,
        text_encoder=drawer.text_encoder,
        transformer=drawer.transformer,
    )
    captions = ["a red mug", "Studio product photograph of Camping Mug, red enamel, seen from the side"]
    with torch.no_grad():
        ours = drawer.features(captions)
        theirs, _ = pipeline.encode_prompt(list(captions), do_classifier_free_guidance=False, max_sequence_length=64)
    assert [len(feature) for feature in ours] == [len(feature) for feature in theirs]
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_the_captions_of_a_batch_have_one_padded_length(drawer: FlowModel, lessons: CaptionedLatents) -> None:
    seen = set()
    for seed in range(4):
        latents, captions = lessons.batch(np.random.default_rng(seed))
        assert (len(captions), latents.shape) == (BATCH_SIZE, (BATCH_SIZE, 16, 16, 16))
        tokens = [len(drawer.tokenizer(apply_chat_template(drawer.tokenizer, text))["input_ids"]) for text in captions]
        [length] = {-(-count // TOKEN_MULTIPLE) * TOKEN_MULTIPLE for count in tokens}
        seen.add(length)
    assert seen <= set(CAPTION_LENGTHS)


def test_a_tenth_of_the_captions_is_withheld(lessons: CaptionedLatents) -> None:
    captions = [text for seed in range(40) for text in lessons.batch(np.random.default_rng(seed))[1]]
    assert 0.05 < captions.count("") / len(captions) < 0.2


class Oracle(nn.Module):
    """Knows latents and noise, as nobody can, and notes the times that it is asked about."""

    def __init__(self, latents: Tensor) -> None:
        super().__init__()
        self.latents = latents
        self.times: list[float] = []

    def forward(self, mixtures: Tensor, times: Tensor, captions: Sequence[str]) -> Tensor:  # noqa: ARG002
        self.times += times.tolist()
        share = (1 - times)[:, None, None, None]
        noise = (mixtures - (1 - share) * self.latents) / share
        return self.latents - noise


def test_who_knows_picture_and_noise_makes_no_error(lessons: CaptionedLatents) -> None:
    latents, _ = lessons.batch(np.random.default_rng(5))
    assert float(flow_loss(Oracle(latents), lessons, np.random.default_rng(5))) < 1e-6  # type: ignore[arg-type]


def test_times_lie_as_densely_as_the_samplers_steps(lessons: CaptionedLatents) -> None:
    sampler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=SCHEDULER_SHIFT)
    sampler.set_timesteps(1000)
    steps = np.quantile(sampler.sigmas[:-1].numpy(), [0.1, 0.5, 0.9])
    asked: list[float] = []
    for seed in range(20):
        oracle = Oracle(torch.zeros(BATCH_SIZE, 16, 16, 16))
        flow_loss(oracle, lessons, np.random.default_rng(seed))  # type: ignore[arg-type]
        asked += [1 - time for time in oracle.times]
    assert np.quantile(asked, [0.1, 0.5, 0.9]) == pytest.approx(steps, abs=0.03)


class Constant(nn.Module):
    """Answers a caption with one number, and no caption with another."""

    def __init__(self, told: float, untold: float) -> None:
        super().__init__()
        self.told, self.untold = told, untold

    def forward(self, mixtures: Tensor, times: Tensor, captions: Sequence[str]) -> Tensor:  # noqa: ARG002
        values = torch.tensor([self.told if caption else self.untold for caption in captions])
        return values[:, None, None, None].expand_as(mixtures)


def test_a_pupil_learns_to_go_beyond_its_teacher_and_away_from_the_answer_to_no_caption(
    lessons: CaptionedLatents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.nano.training.flow_matching.UNCONDITIONAL_SHARE", 0.0)
    teacher = Constant(told=1, untold=0.5)

    def loss(pupil: Constant) -> float:
        return float(guided_loss(pupil, teacher, lessons, np.random.default_rng(3)))  # type: ignore[arg-type]

    assert loss(Constant(told=1 + TEACHER_GUIDANCE * 0.5, untold=0)) == 0
    assert loss(teacher) == pytest.approx((TEACHER_GUIDANCE * 0.5) ** 2)
