"""Rendering: a negative as a product of one colour, pattern and finish, on white.

Inputs: a `Negative`, a `Look`. Outputs: an image (SIDE x SIDE x 3, uint8 RGB).
Rendering is cheap beside the photograph, so one negative serves every colour.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from infra.nano.drawing.product_solids import MAIN, SURFACES
from infra.nano.drawing.studio import Negative

ImageArray = npt.NDArray[np.uint8]

COLOURS = {
    "red": (206, 42, 46),
    "orange": (238, 128, 34),
    "yellow": (246, 208, 52),
    "green": (58, 148, 74),
    "teal": (30, 156, 158),
    "blue": (44, 96, 200),
    "purple": (126, 70, 178),
    "pink": (240, 132, 176),
    "brown": (134, 84, 50),
    "beige": (222, 196, 156),
    "grey": (146, 148, 152),
    "black": (44, 44, 48),
}
"""RGB of the twelve colours, far enough apart for people to agree on their names."""

PATTERNS = ("plain", "striped", "dotted", "checked")
FINISHES = ("matte", "glossy")
GROUND_LEVEL = 255.0
PRINT_TINT, BEIGE_PRINT_TINT = 0.55, 0.75
"""Tint of a pattern's print towards white; beige is pale, and needs more to be visible."""

GLOSS_STRENGTH = 0.6
"""Whiteness of a glossy product where it reflects the lamp."""


@dataclass(frozen=True)
class Look:
    """A product's colour, pattern and finish: one of `COLOURS`, of `PATTERNS` and of `FINISHES`."""

    colour: str
    pattern: str = "plain"
    finish: str = "matte"


def render_image(negative: Negative, look: Look) -> ImageArray:
    """Return the image of a product with this look."""
    main = np.array(COLOURS[look.colour], np.float32)
    printed = _pattern_mask(negative.place.astype(np.float32), look.pattern)[..., None]
    # The print is a tint of the product's own colour, so that a striped red mug is still red.
    ink = main + (np.float32(255) - main) * np.float32(BEIGE_PRINT_TINT if look.colour == "beige" else PRINT_TINT)
    inks = np.array([main, *SURFACES.values()], np.float32)
    is_main = (negative.surface == MAIN)[..., None]
    colours = np.where(is_main, main + (ink - main) * printed, inks[negative.surface])
    product = colours * (negative.light.astype(np.float32) / np.float32(255))[..., None]
    if look.finish == "glossy":
        shine = negative.gloss.astype(np.float32)[..., None] * is_main * np.float32(GLOSS_STRENGTH / 255)
        product = product + (np.float32(255) - product) * shine
    ground = np.repeat((GROUND_LEVEL - negative.shadow.astype(np.float32))[..., None], 3, axis=2)
    inside = (negative.coverage.astype(np.float32) / 255)[..., None]
    return np.asarray(np.rint(np.clip(product * inside + ground * (1 - inside), 0, 255)), np.uint8)


def _pattern_mask(coordinates: npt.NDArray[np.float32], pattern: str) -> npt.NDArray[np.float32]:
    """Return the share of the second ink in each pixel, 0 to 1, with soft borders."""
    across, along = coordinates[..., 0], coordinates[..., 1]
    if pattern == "plain":
        return np.zeros(across.shape, np.float32)
    if pattern == "striped":
        wave = np.cos(along * np.float32(2 * np.pi / 0.36))
    elif pattern == "checked":
        wave = np.cos(across * np.float32(np.pi / 0.22)) * np.cos(along * np.float32(np.pi / 0.22)) * 2
    else:
        cell = np.stack([across, along]) / np.float32(0.3)
        offset = np.abs(cell - np.floor(cell) - np.float32(0.5)) * np.float32(0.3)
        wave = (np.float32(0.085) - np.hypot(offset[0], offset[1])) * 18
    mask = np.clip(wave * 3 + 0.5, 0, 1).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.7), np.float32)
