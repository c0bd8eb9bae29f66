"""Autoencoder training: images into latents and back, with sharp edges.

Inputs: negatives, from which crops of any look are rendered. Outputs: an `AutoencoderKL` with the scale and shift that
make its latents a unit normal, as the transformer expects them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional

from infra.nano.drawing.captions import random_subject
from infra.nano.drawing.negatives import NegativeSpec, load_negative
from infra.nano.drawing.rendering import render_image
from infra.nano.training.sessions import TrainingSchedule

CROP_SIDE, BATCH_SIZE = 128, 4
"""A crop costs a quarter of an image and is full of edges; a network of convolutions and norms takes any size."""

SCHEDULE = TrainingSchedule(steps=2200, rate=2e-3, average_decay=0.995)
DIVERGENCE_WEIGHT = 5e-7
STATISTICS_IMAGES = 64
"""Images from which the latents' scale and shift are measured."""


class RandomCrops:
    """Random crops of random looks of a folder's negatives."""

    def __init__(self, folder: Path, specs: Sequence[NegativeSpec]) -> None:
        self._folder, self._specs = folder, specs

    def batch(self, generator: np.random.Generator) -> Tensor:
        """Return a batch of crops (BATCH_SIZE x 3 x CROP_SIDE x CROP_SIDE, -1 to 1), two of each image."""
        crops: list[npt.NDArray[np.uint8]] = []
        while len(crops) < BATCH_SIZE:
            spec = self._specs[int(generator.integers(len(self._specs)))]
            negative = load_negative(self._folder, spec)
            image = render_image(negative, random_subject(generator).look)
            for _ in range(2):
                top, left = generator.integers(0, (image.shape[0] - CROP_SIDE) // 16 + 1, 2) * 16
                crops.append(image[top : top + CROP_SIDE, left : left + CROP_SIDE])
        return images_to_tensor(np.stack(crops))


def images_to_tensor(images: npt.NDArray[np.uint8]) -> Tensor:
    """Return images (n x height x width x 3, uint8) as the autoencoder takes them: channels first, -1 to 1."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def reconstruction_loss(model: AutoencoderKL, images: Tensor, generator: np.random.Generator) -> Tensor:
    """Return the error of pixels and gradients, of the thumbnail channels, and the weighted divergence of the latents.

    Three of the latent channels learn the image itself, sixteen times smaller. Without that, so small a network finds
    outlines and lightness, then warm against cold, and green against purple only after many hours.
    """
    posterior = model.encode(images).latent_dist
    noise = torch.Generator().manual_seed(int(generator.integers(2**62)))
    restored = model.decode(posterior.sample(noise)).sample
    error = restored - images
    edges = sum((error.diff(dim=axis).abs().mean() for axis in (2, 3)), torch.zeros(()))
    small = functional.interpolate(images, size=posterior.mean.shape[2:], mode="area")
    thumbnail = functional.mse_loss(posterior.mean[:, :3], small)
    divergence = DIVERGENCE_WEIGHT * torch.mean(posterior.kl())
    loss: Tensor = error.abs().mean() + 2 * error.square().mean() + edges + thumbnail + divergence
    return loss


@torch.no_grad()
def set_latent_statistics(model: AutoencoderKL, images: Tensor) -> None:
    """Measure mean and deviation of the latents and write them into the model's configuration."""
    latents = torch.cat([model.encode(batch).latent_dist.mean for batch in torch.split(images, 8)])
    model.register_to_config(shift_factor=float(latents.mean()), scaling_factor=float(1 / latents.std()))
