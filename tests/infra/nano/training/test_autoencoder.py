"""The autoencoder's lessons: what it is shown, and what counts as an error."""

from pathlib import Path

import numpy as np
import pytest
import torch

from infra.nano.architecture import create_autoencoder
from infra.nano.drawing.negatives import NegativeSpec, draw_negatives
from infra.nano.training.autoencoder import (
    BATCH_SIZE,
    CROP_SIDE,
    RandomCrops,
    images_to_tensor,
    reconstruction_loss,
    set_latent_statistics,
)

HAT = NegativeSpec("training", "hat", "front", 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("negatives")
    assert list(draw_negatives(made, [HAT], 1)) == [HAT]
    return made


def test_a_batch_is_random_crops_and_a_seed_repeats_it(folder: Path) -> None:
    crops = RandomCrops(folder, [HAT])
    batch = crops.batch(np.random.default_rng(0))
    assert batch.shape == (BATCH_SIZE, 3, CROP_SIDE, CROP_SIDE)
    assert (float(batch.min()) >= -1, float(batch.max())) == (True, 1.0)
    assert torch.equal(batch, crops.batch(np.random.default_rng(0)))
    assert not torch.equal(batch, crops.batch(np.random.default_rng(1)))


def test_before_it_has_learnt_anything_colours_come_through() -> None:
    torch.manual_seed(0)
    model = create_autoencoder()
    pictures = torch.full((2, 3, 64, 64), -0.5)
    pictures[0, 0] = 0.8  # a red one and a blue one
    pictures[1, 2] = 0.8
    with torch.no_grad():
        restored = model.decode(model.encode(pictures).latent_dist.mean).sample.mean(dim=(2, 3))
    difference = restored[0] - restored[1]
    assert difference[0] > 0 > difference[2]


def test_a_step_against_the_gradient_lowers_the_loss(folder: Path) -> None:
    torch.manual_seed(0)
    model = create_autoencoder()
    batch = RandomCrops(folder, [HAT]).batch(np.random.default_rng(0))
    before = reconstruction_loss(model, batch, np.random.default_rng(0))
    torch.autograd.backward(before)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.grad is not None:
                weight -= 1e-3 * weight.grad / (weight.grad.norm() + 1e-6)
        assert reconstruction_loss(model, batch, np.random.default_rng(0)) < before


def test_scaled_latents_are_a_unit_normal() -> None:
    torch.manual_seed(0)
    model = create_autoencoder()
    pictures = images_to_tensor(np.random.default_rng(0).integers(0, 256, (10, 64, 64, 3), np.uint8))
    set_latent_statistics(model, pictures)
    with torch.no_grad():
        latents = (model.encode(pictures).latent_dist.mean - model.config.shift_factor) * model.config.scaling_factor
    assert float(latents.mean()) == pytest.approx(0, abs=1e-3)
    assert float(latents.std()) == pytest.approx(1, abs=1e-3)
