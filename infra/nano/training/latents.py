"""Latents of the training images, encoded once before the transformer learns from them.

Inputs: negatives and a trained autoencoder. Outputs: `latents.npy` (images x 16 x 16 x 16, float16, unit normal) and
`subjects.json`, the subject of each image.
Every negative has several looks; over the negatives of a product and view each colour comes equally often.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKL

from infra.nano.drawing.captions import Subject, random_subject
from infra.nano.drawing.negatives import NegativeSpec, load_negative
from infra.nano.drawing.rendering import COLOURS, Look, render_image
from infra.nano.training.autoencoder import images_to_tensor

LOOKS_PER_NEGATIVE = 6
"""Looks of each negative: half of the colours, so that two negatives of a product and view show all twelve."""

LATENTS_FILE, SUBJECTS_FILE = "latents.npy", "subjects.json"


@torch.no_grad()
def encode_images(
    model: AutoencoderKL, negatives: Path, specs: Sequence[NegativeSpec], folder: Path
) -> Iterator[NegativeSpec]:
    """Encode the looks of every negative; yield each negative when it is encoded, and write all at the end."""
    latents: list[npt.NDArray[np.float16]] = []
    subjects: list[Subject] = []
    for spec in specs:
        negative = load_negative(negatives, spec)
        looks = looks_for(spec)
        images = images_to_tensor(np.stack([render_image(negative, look) for look in looks]))
        means = model.encode(images).latent_dist.mean
        normalized = (means - model.config.shift_factor) * model.config.scaling_factor
        latents.append(normalized.numpy().astype(np.float16))
        subjects += [Subject(spec.product, spec.view, look) for look in looks]
        yield spec
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SUBJECTS_FILE).write_text(json.dumps([asdict(subject) for subject in subjects]), "utf-8")
    np.save(folder / LATENTS_FILE, np.concatenate(latents))


def looks_for(spec: NegativeSpec) -> list[Look]:
    """Return the looks of a negative."""
    generator = np.random.default_rng((2, *spec.generator().integers(0, 2**31, 2)))
    names = list(COLOURS)
    first = spec.number % 2
    chosen = (random_subject(generator).look for _ in range(LOOKS_PER_NEGATIVE))
    return [Look(names[2 * number + first], look.pattern, look.finish) for number, look in enumerate(chosen)]


def load_latents(folder: Path) -> tuple[npt.NDArray[np.float16], list[Subject]]:
    """Return what `encode_images` wrote."""
    rows = json.loads((folder / SUBJECTS_FILE).read_text("utf-8"))
    subjects = [Subject(row["product"], row["view"], Look(**row["look"])) for row in rows]
    return np.load(folder / LATENTS_FILE), subjects
