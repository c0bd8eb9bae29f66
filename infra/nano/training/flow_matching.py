"""Flow matching: trains transformer and text encoder together, from noise to latents.

Inputs: latents and their subjects. Outputs: a `FlowModel`, whose components go into the pipeline.
A latent x and noise e are mixed to (1 - s) x + s e, and the model learns x - e from the mixture, 1 - s and the caption
(Lipman 2022; this is what Z-Image's pipeline negates). s is distributed like the sampler's steps, so that 8 of them
without guidance are enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedTokenizerFast

from infra.engines.torch.caption_embedding import apply_chat_template
from infra.nano.architecture import SCHEDULER_SHIFT, create_text_encoder, create_transformer
from infra.nano.drawing.captions import Subject, random_caption
from infra.nano.training.sessions import TrainingSchedule
from infra.onnx_graphs.graph_spec import padded_length

BATCH_SIZE = 16
SCHEDULE = TrainingSchedule(steps=6600, rate=1e-3, warm_up_steps=200)
GUIDED_SCHEDULE = TrainingSchedule(steps=1000, rate=4e-4, warm_up_steps=50, average_decay=0.995)
TEACHER_GUIDANCE = 2.0
"""Guidance scale of the teacher: its extrapolation beyond the captioned answer, away from the uncaptioned one."""

UNCONDITIONAL_SHARE = 0.1
"""Share of captions that are left empty, so that the network also learns products in general."""

CAPTION_LENGTHS, CAPTION_LENGTH_WEIGHTS = (32, 64, 96), (0.55, 0.42, 0.03)
"""Padded caption lengths in tokens, and their shares of the batches; a batch of one length needs no mask."""


class FlowModel(nn.Module):
    """Text encoder and transformer, trained together."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.text_encoder = create_text_encoder(tokenizer)
        self.transformer = create_transformer()

    def forward(self, mixtures: Tensor, times: Tensor, captions: Sequence[str]) -> Tensor:
        """Return the velocity (n x 16 x height x width) at each mixture, `times` from 0 (noise) to 1."""
        features = self.features(captions)
        velocities = self.transformer(list(mixtures.unsqueeze(2).unbind()), times, features, return_dict=False)[0]
        return torch.stack(velocities).squeeze(2)

    def features(self, captions: Sequence[str]) -> list[Tensor]:
        """Return each caption's features (tokens x channels), as the pipeline makes them."""
        tokens = self.tokenizer(
            [apply_chat_template(self.tokenizer, text) for text in captions], padding=True, return_tensors="pt"
        )
        hidden = self.text_encoder(
            input_ids=tokens.input_ids, attention_mask=tokens.attention_mask, output_hidden_states=True
        ).hidden_states[-2]
        return [row[mask.bool()] for row, mask in zip(hidden, tokens.attention_mask, strict=True)]


class CaptionedLatents:
    """Draws batches of latents with captions of one padded length."""

    def __init__(
        self, latents: npt.NDArray[np.float16], subjects: Sequence[Subject], tokenizer: PreTrainedTokenizerFast
    ) -> None:
        self._latents, self._subjects, self._tokenizer = latents, subjects, tokenizer

    def batch(self, generator: np.random.Generator) -> tuple[Tensor, list[str]]:
        """Return `BATCH_SIZE` latents and a caption for each."""
        length = int(generator.choice(CAPTION_LENGTHS, p=CAPTION_LENGTH_WEIGHTS))
        rows: list[int] = []
        captions: list[str] = []
        while len(rows) < BATCH_SIZE:
            row = int(generator.integers(len(self._subjects)))
            text = "" if generator.random() < UNCONDITIONAL_SHARE else random_caption(self._subjects[row], generator)
            if self._padded_caption_length(text) == length:
                rows.append(row)
                captions.append(text)
        return torch.from_numpy(self._latents[rows].astype(np.float32)), captions

    def _padded_caption_length(self, text: str) -> int:
        tokens = len(self._tokenizer(apply_chat_template(self._tokenizer, text))["input_ids"])
        return padded_length(tokens)


@dataclass(frozen=True)
class NoisyBatch:
    """A batch between noise (time 0) and latents (time 1), with the target velocity."""

    noisy_latents: Tensor
    times: Tensor
    captions: list[str]
    target_velocity: Tensor


def sample_noisy_batch(dataset: CaptionedLatents, generator: np.random.Generator) -> NoisyBatch:
    """Return a batch of latents mixed with noise, at times distributed like the sampler's."""
    latents, captions = dataset.batch(generator)
    # One time from each of n equal intervals: less noise in the loss than n independent times.
    even = (torch.from_numpy(generator.permutation(BATCH_SIZE)).float() + float(generator.random())) / BATCH_SIZE
    noise_share = SCHEDULER_SHIFT * even / (1 + (SCHEDULER_SHIFT - 1) * even)
    noise = torch.from_numpy(generator.standard_normal(latents.shape, np.float32))
    share = noise_share[:, None, None, None]
    return NoisyBatch((1 - share) * latents + share * noise, 1 - noise_share, captions, latents - noise)


def flow_loss(model: FlowModel, dataset: CaptionedLatents, generator: np.random.Generator) -> Tensor:
    """Return the mean squared error of the velocity on one batch."""
    batch = sample_noisy_batch(dataset, generator)
    return functional.mse_loss(model(batch.noisy_latents, batch.times, batch.captions), batch.target_velocity)


def guided_loss(
    model: FlowModel, teacher: FlowModel, dataset: CaptionedLatents, generator: np.random.Generator
) -> Tensor:
    """Return the mean squared error of a student against its teacher's guided velocity, on one batch.

    The teacher answers with and without the caption, and extrapolates beyond the first answer, away from the second
    (classifier-free guidance, Ho and Salimans 2022). The student learns the result directly (Meng 2023), so it needs no
    guidance, as Z-Image-Turbo needs none.
    """
    batch = sample_noisy_batch(dataset, generator)
    with torch.no_grad():
        conditional = teacher(batch.noisy_latents, batch.times, batch.captions)
        unconditional = teacher(batch.noisy_latents, batch.times, [""] * BATCH_SIZE)
    guided = conditional + TEACHER_GUIDANCE * (conditional - unconditional)
    return functional.mse_loss(model(batch.noisy_latents, batch.times, batch.captions), guided)
