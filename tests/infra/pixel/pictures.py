"""Drawn products for the tests of pixel code: sharp or blurred, clean or noisy, of any size."""

import cv2
import numpy as np

from infra.interfaces import Pixels


def product(seed: int, size: int, *, blur: float = 0.0, noise: float = 0.0) -> Pixels:
    """Draw a shaded product with a label on near-white, four times too large, and reduce it by area."""
    rng = np.random.default_rng(seed)
    full = 4 * size if size <= 512 else 2 * size
    centre, reach = full // 2, full * (0.2 if seed % 2 else 0.42)
    body = np.zeros((full, full), np.uint8)
    if seed % 3:
        axes = (int(reach), int(reach * rng.uniform(0.5, 1)))
        cv2.ellipse(body, (centre, centre), axes, 0, 0, 360, 255, -1)
    else:
        corners = [(-1, -0.6), (0.5, -1), (1, 0.7), (-0.6, 1)]
        cv2.fillPoly(body, [np.array([(centre + reach * x, centre + reach * y) for x, y in corners], np.int32)], 255)
    shade = 1 - 0.35 * np.linspace(-1, 1, full, dtype=np.float32)[None, :, None] ** 2
    colour = rng.integers(20, 200, 3).astype(np.float32)
    scene = np.where(body[..., None] > 0, colour * shade, np.float32(253)).astype(np.uint8)
    label = int(reach * 0.25)
    cv2.rectangle(scene, (centre - label, centre - label), (centre + label, centre + label // 2), (235, 230, 210), -1)
    small = cv2.resize(scene, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    if blur:
        small = cv2.GaussianBlur(small, (0, 0), blur)
    if noise:
        small = small + rng.normal(0, noise, small.shape)
    return np.asarray(np.clip(np.round(small), 0, 255), dtype=np.uint8)


def plain(size: int, grey: int) -> Pixels:
    """Return one flat shade."""
    return np.full((size, size, 3), grey, np.uint8)
