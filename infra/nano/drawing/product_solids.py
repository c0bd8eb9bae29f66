"""Product solids: the surfaces, random proportions and shared shapes that packshot-nano's products are made of.

Inputs: solids, a random generator. Outputs: `ProductSolid`s, each a solid and the surface it wears.
`MAIN` takes the product's colour and pattern; every other surface has a colour of its own.
"""

from dataclasses import dataclass

import numpy as np

from infra.nano.drawing.solids import Outline, Solid, union

MAIN = 0
SURFACES = {
    "pale": (226, 226, 224),
    "dark": (58, 60, 66),
    "paper": (240, 232, 212),
    "soil": (88, 66, 52),
    "leaf": (88, 158, 84),
    "steel": (176, 182, 190),
    "gem": (150, 222, 236),
    "glow": (255, 240, 196),
}
"""RGB of the surfaces that do not take the product's colour."""

SURFACE_NUMBERS = {name: number for number, name in enumerate(SURFACES, 1)}


@dataclass(frozen=True)
class ProductSolid:
    """A solid and its surface: `MAIN`, or one of `SURFACE_NUMBERS`."""

    solid: Solid
    surface: int = MAIN


class RandomProportions:
    """Random proportions: `chance(0.6, 0.8)` is a number between the two."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def __call__(self, low: float, high: float) -> float:
        return float(self._generator.uniform(low, high))


def accent_solid(surface: str, *solids: Solid) -> ProductSolid:
    """Return the union of solids on one of `SURFACES`."""
    return ProductSolid(union(*solids), SURFACE_NUMBERS[surface])


def vessel_profile(bottom: float, top: float, height: float, wall: float) -> Outline:
    """Return the profile of an open vessel with its foot at y = -height, for `revolve`."""
    return [
        (0, -height),
        (bottom, -height),
        (top, height),
        (top - wall, height),
        (bottom - wall, -height + 2 * wall),
        (0, -height + 2 * wall),
    ]
