"""Appearance of a product, independent of its position: a fingerprint of the product alone, its colour, its extent.

Inputs: pixels (height x width x 3, RGB, 8 bits). Outputs: an `Appearance`. The fingerprint of the whole frame finds
re-encoded images; that of the product's own rectangle also finds moved and scaled ones. Both are grey, so the mean
colour tells whether two similar images show one product or two colours of it.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from infra.imaging.metrics.foreground import GreyImage, find_foreground
from infra.imaging.metrics.pdq import pdq
from infra.interfaces import Pixels

MIN_CROP_QUALITY = 50.0
"""PDQ's authors advise against matching codes of lower quality, so such a crop has no fingerprint."""


@dataclass(frozen=True)
class Appearance:
    """PDQ-256 of the product's rectangle (empty if unreliable); mean CIE Lab colour; long side over the frame's."""

    crop_fingerprint: bytes
    colour: tuple[float, float, float]
    extent: float

    @property
    def values(self) -> tuple[float, float, float, float]:
        """Return lightness, a, b and extent, as they are stored."""
        return (*self.colour, self.extent)


def measure_appearance(pixels: Pixels) -> Appearance | None:
    """Return the product's appearance; None where nothing differs from the background."""
    foreground = find_foreground(pixels)
    thumbnail, inside = foreground.thumbnail, _without_specks(foreground.product_mask)
    if not inside.any():
        return None
    lab = cv2.cvtColor(thumbnail.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)
    lightness, green_red, blue_yellow = lab[inside.astype(bool)].mean(axis=0).tolist()
    left, top, width, height = cv2.boundingRect(inside)
    across, down = pixels.shape[1] / thumbnail.shape[1], pixels.shape[0] / thumbnail.shape[0]
    rows = slice(round(top * down), round((top + height) * down))
    columns = slice(round(left * across), round((left + width) * across))
    fingerprint, quality = pdq(np.ascontiguousarray(pixels[rows, columns]))
    return Appearance(
        crop_fingerprint=fingerprint if quality >= MIN_CROP_QUALITY else b"",
        colour=(lightness, green_red, blue_yellow),
        extent=max(width, height) / max(thumbnail.shape[:2]),
    )


def _without_specks(inside: GreyImage) -> GreyImage:
    """Return the foreground without specks of noise, which would stretch its rectangle, unless it is all specks."""
    opened = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return np.asarray(opened if opened.any() else inside, np.uint8)
