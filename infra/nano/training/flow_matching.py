"""Teaches transformer and text encoder together, by flow matching: from noise straight to the picture.

Comes in: latents and what they show. Goes out: a `Drawer`, whose parts go into the pipeline. A latent x and noise e
are mixed to (1 - s) x + s e, and the model learns x - e from the mixture, 1 - s and the caption (Lipman 2022; this is
what Z-Image's pipeline negates). s is drawn as the sampler's steps lie, so that 8 of them without guidance are
enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedTokenizerFast

from infra.engines.torch.caption_embedding import wrapped
from infra.nano.architecture import SHIFT, text_encoder_of, transformer_of
from infra.nano.drawing.captions import Subject, caption
from infra.nano.training.sessions import Schedule
from infra.onnx_graphs.graph_spec import padded

BATCH = 16
SCHEDULE = Schedule(steps=6600, rate=1e-3, warm=200)
GUIDED = Schedule(steps=1000, rate=4e-4, warm=50, decay=0.995)
GUIDANCE = 2.0
"""How far the pupil's teacher goes beyond its answer to the caption, in distances from its answer to none."""

UNTOLD = 0.1
"""Share of captions that are withheld, so that the network also knows what products look like in general."""

LENGTHS, WEIGHTS = (32, 64, 96), (0.55, 0.42, 0.03)
"""Padded caption lengths in tokens, and how often each is a batch's; one length a batch needs no mask."""


class Drawer(nn.Module):
    """The two networks that learn from captions."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.text_encoder = text_encoder_of(tokenizer)
        self.transformer = transformer_of()

    def forward(self, mixtures: Tensor, times: Tensor, captions: Sequence[str]) -> Tensor:
        """Return the velocity (n x 16 x height x width) at each mixture, `times` from 0 (noise) to 1."""
        features = self.features(captions)
        found = self.transformer(list(mixtures.unsqueeze(2).unbind()), times, features, return_dict=False)[0]
        return torch.stack(found).squeeze(2)

    def features(self, captions: Sequence[str]) -> list[Tensor]:
        """Return each caption's features (tokens x channels), as the pipeline makes them."""
        tokens = self.tokenizer([wrapped(self.tokenizer, text) for text in captions], padding=True, return_tensors="pt")
        hidden = self.text_encoder(
            input_ids=tokens.input_ids, attention_mask=tokens.attention_mask, output_hidden_states=True
        ).hidden_states[-2]
        return [row[mask.bool()] for row, mask in zip(hidden, tokens.attention_mask, strict=True)]


class Lessons:
    """Batches of latents with captions of one padded length."""

    def __init__(
        self, latents: npt.NDArray[np.float16], subjects: Sequence[Subject], tokenizer: PreTrainedTokenizerFast
    ) -> None:
        self._latents, self._subjects, self._tokenizer = latents, subjects, tokenizer

    def batch(self, generator: np.random.Generator) -> tuple[Tensor, list[str]]:
        """Return BATCH latents and a caption of each."""
        length = int(generator.choice(LENGTHS, p=WEIGHTS))
        rows: list[int] = []
        captions: list[str] = []
        while len(rows) < BATCH:
            row = int(generator.integers(len(self._subjects)))
            text = "" if generator.random() < UNTOLD else caption(self._subjects[row], generator)
            if self._padded(text) == length:
                rows.append(row)
                captions.append(text)
        return torch.from_numpy(self._latents[rows].astype(np.float32)), captions

    def _padded(self, text: str) -> int:
        tokens = len(self._tokenizer(wrapped(self._tokenizer, text))["input_ids"])
        return padded(tokens)


@dataclass(frozen=True)
class Mixtures:
    """A batch on its way from noise (time 0) to the pictures (time 1), and where it should go."""

    mixtures: Tensor
    times: Tensor
    captions: list[str]
    velocity: Tensor


def mixed(lessons: Lessons, generator: np.random.Generator) -> Mixtures:
    """Return a batch of latents mixed with noise, at times that lie as the sampler's do."""
    latents, captions = lessons.batch(generator)
    # One time of each of n equal shares of the way: less noise in the loss than n independent ones.
    even = (torch.from_numpy(generator.permutation(BATCH)).float() + float(generator.random())) / BATCH
    noise_share = SHIFT * even / (1 + (SHIFT - 1) * even)
    noise = torch.from_numpy(generator.standard_normal(latents.shape, np.float32))
    share = noise_share[:, None, None, None]
    return Mixtures((1 - share) * latents + share * noise, 1 - noise_share, captions, latents - noise)


def flow_loss(model: Drawer, lessons: Lessons, generator: np.random.Generator) -> Tensor:
    """Return the mean squared error of the velocity on one batch."""
    batch = mixed(lessons, generator)
    return functional.mse_loss(model(batch.mixtures, batch.times, batch.captions), batch.velocity)


def guided_loss(model: Drawer, teacher: Drawer, lessons: Lessons, generator: np.random.Generator) -> Tensor:
    """Return how far a pupil is from what its teacher says with guidance, on one batch.

    The teacher answers twice, with the caption and without, and goes beyond the first answer, away from the second
    (classifier-free guidance, Ho and Salimans 2022). The pupil learns to say that at once (Meng 2023), so it needs
    no guidance when it draws: as Z-Image-Turbo needs none.
    """
    batch = mixed(lessons, generator)
    with torch.no_grad():
        told = teacher(batch.mixtures, batch.times, batch.captions)
        untold = teacher(batch.mixtures, batch.times, [""] * BATCH)
    aim = told + GUIDANCE * (told - untold)
    return functional.mse_loss(model(batch.mixtures, batch.times, batch.captions), aim)
