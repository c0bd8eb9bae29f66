"""Image classification: names the product and the colour in sampled images, independently of the training.

Inputs: images. Outputs: names. A small classifier, trained here on held-out negatives that the model never saw, names
the product; the colour is measured on the foreground.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from infra.nano.drawing.captions import random_subject
from infra.nano.drawing.negatives import NegativeSpec, load_negative
from infra.nano.drawing.products import PRODUCTS
from infra.nano.drawing.rendering import COLOURS, ImageArray, Look, render_image

CLASSIFIER_SIDE = 64
"""Side of the classifier's input, in pixels."""

STEPS, BATCH, RATE = 400, 64, 2e-3
FOREGROUND_LEVELS = 24
"""Levels below white, in at least one channel, of a pixel that belongs to the product: more than its soft shadow."""

MIN_HUE_CHROMA = 10.0
"""Chroma in CIE Lab under which a pixel has no hue."""

MIN_HUE_LIGHTNESS = 16.0
"""Lightness in CIE Lab under which no hue is visible, whatever its chroma: 2 % of the light of white."""

MIN_HUED_SHARE = 0.25
"""Least share of the foreground with a hue for the product to have one."""

DARK_LIGHTNESS, MIN_DARK_SHARE = 36.0, 0.35
"""Lightness in CIE Lab under which a pixel is dark, and the share of dark pixels that makes a product black."""


class ProductClassifier(nn.Module):
    """Classifies products, with four convolutional layers."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 24, 48, 64, 96)
        layers: list[nn.Module] = []
        for narrow, wide in pairwise(widths):
            layers += [nn.Conv2d(narrow, wide, 3, stride=2, padding=1), nn.BatchNorm2d(wide), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(96 * 16, len(PRODUCTS)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return each product's score for images (n x 3 x CLASSIFIER_SIDE x CLASSIFIER_SIDE)."""
        scores: torch.Tensor = self.layers(images)
        return scores

    @torch.no_grad()
    def classify(self, images: Sequence[ImageArray]) -> list[str]:
        """Return the product that each image shows."""
        self.eval()
        labels = self(_classifier_inputs(images)).argmax(dim=1)
        return [list(PRODUCTS)[label] for label in labels.tolist()]


def train_classifier(
    negatives: Path, specs: Sequence[NegativeSpec], seed: int, steps: int = STEPS
) -> ProductClassifier:
    """Return a classifier trained on these negatives in random looks, shifted by up to 4 pixels."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    loaded = [(load_negative(negatives, spec), list(PRODUCTS).index(spec.product)) for spec in specs]
    examples = [
        (_classifier_inputs([render_image(negative, look)])[0], label)
        for negative, label in loaded
        for look in _random_looks(generator)
    ]
    images, labels = torch.stack([image for image, _ in examples]), torch.tensor([label for _, label in examples])
    model = ProductClassifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(steps):
        rows = torch.from_numpy(generator.integers(0, len(labels), BATCH))
        shifted = torch.roll(images[rows], tuple(generator.integers(-4, 5, 2).tolist()), dims=(2, 3))
        loss = functional.cross_entropy(model(shifted), labels[rows])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        scheduler.step()
    return model


def classify_colour(image: ImageArray) -> str:
    """Return the name of the product's colour.

    Pixels vote for the nearest of `COLOURS`, with half weight on lightness because shade varies. Saturated pixels count
    more: a tint of the print, a shadow or a steel pole says less about a red product than its red does. Where hardly
    any pixel has a hue, the foreground is grey or black.
    """
    inside = image.min(axis=2) < 255 - FOREGROUND_LEVELS
    pixels = _rgb_to_lab(image[inside] if inside.any() else image.reshape(-1, 3))
    chroma = np.where(pixels[:, 0] > MIN_HUE_LIGHTNESS, np.hypot(pixels[:, 1], pixels[:, 2]), 0)
    if np.mean(chroma > MIN_HUE_CHROMA) < MIN_HUED_SHARE:
        return "black" if np.mean(pixels[:, 0] < DARK_LIGHTNESS) > MIN_DARK_SHARE else "grey"
    names = [name for name in COLOURS if name not in ("grey", "black")]
    anchors = _rgb_to_lab(np.array([COLOURS[name] for name in names], np.float32) * np.float32(0.9))
    differences = np.linalg.norm((pixels[:, None] - anchors[None]) * np.array((0.5, 1, 1), np.float32), axis=2)
    weights = np.where(chroma > MIN_HUE_CHROMA, chroma, 0)
    votes = np.bincount(differences.argmin(axis=1), weights, minlength=len(names))
    return names[int(votes.argmax())]


def _rgb_to_lab(pixels: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return RGB pixels (n x 3, 0 to 255) in CIE Lab."""
    scaled = pixels.reshape(1, -1, 3).astype(np.float32) / 255
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB)[0], np.float32)


def _random_looks(generator: np.random.Generator) -> list[Look]:
    return [random_subject(generator).look for _ in range(8)]


def _classifier_inputs(images: Sequence[ImageArray]) -> torch.Tensor:
    small = [cv2.resize(image, (CLASSIFIER_SIDE, CLASSIFIER_SIDE), interpolation=cv2.INTER_AREA) for image in images]
    return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float() / 127.5 - 1
