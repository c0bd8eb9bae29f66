"""The sixteen products that packshot-nano draws, as solids of random proportions.

Comes in: a product's name and a random generator. Goes out: its parts, each a solid and the surface it wears: `MAIN`
takes the product's colour and pattern, every other surface has a colour of its own. One solid serves every view, so
that front and side are the same mug. A product is about 2 units large and stands anywhere: whoever looks at it finds
and frames it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from infra.nano.drawing.solids import (
    Outline,
    Solid,
    box,
    capsule,
    cylinder,
    ellipsoid,
    extrude,
    revolve,
    rotate,
    smooth_union,
    subtract,
    torus,
    translate,
    union,
)

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
"""RGB of the surfaces that do not take the product's colour; their numbers begin after `MAIN`."""

SURFACE_NUMBERS = {name: place + 1 for place, name in enumerate(SURFACES)}


@dataclass(frozen=True)
class ProductSolid:
    """A solid and its surface: `MAIN`, or one of `NUMBERS`."""

    solid: Solid
    surface: int = MAIN


class _RandomProportions:
    """Random proportions: `chance(0.6, 0.8)` is a number between."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def __call__(self, low: float, high: float) -> float:
        return float(self._generator.uniform(low, high))


def product_solids(product: str, generator: np.random.Generator) -> list[ProductSolid]:
    """Return the parts of one product; each call proportions it anew."""
    return PRODUCTS[product](_RandomProportions(generator))


def _accent_solid(surface: str, *solids: Solid) -> ProductSolid:
    return ProductSolid(union(*solids), SURFACE_NUMBERS[surface])


def _cup(bottom: float, top: float, height: float, wall: float) -> Outline:
    """Return the profile of a vessel that is open above, its foot at y = -height."""
    return [
        (0, -height),
        (bottom, -height),
        (top, height),
        (top - wall, height),
        (bottom - wall, -height + 2 * wall),
        (0, -height + 2 * wall),
    ]


def _mug(chance: _RandomProportions) -> list[ProductSolid]:
    radius, height = chance(0.62, 0.78), chance(0.68, 0.92)
    grip, thickness = height * chance(0.52, 0.64), chance(0.09, 0.13)
    # The handle points half-way between right and back, so that front, side and three-quarter all show it.
    handle = translate(rotate(torus(grip, thickness), "x", 90), radius, 0, 0)
    outside = subtract(handle, cylinder(radius - 0.05, height))
    return [
        ProductSolid(revolve(_cup(radius * chance(0.9, 1.0), radius, height, 0.07), 0.02)),
        ProductSolid(rotate(outside, "y", 45)),
    ]


def _bottle(chance: _RandomProportions) -> list[ProductSolid]:
    radius, neck, shoulder = chance(0.36, 0.46), chance(0.13, 0.18), chance(0.15, 0.4)
    profile = [(0, -1.1), (radius, -1.1), (radius, shoulder), (neck, shoulder + 0.4), (neck, 0.85), (0, 0.85)]
    label = translate(cylinder(radius + 0.035, chance(0.2, 0.28)), 0, -0.45, 0)
    cap = translate(cylinder(neck + 0.05, 0.13, 0.03), 0, 0.95, 0)
    return [ProductSolid(revolve(profile, 0.02)), _accent_solid("pale", label), _accent_solid("dark", cap)]


def _shirt(chance: _RandomProportions) -> list[ProductSolid]:
    waist, sleeve, length = chance(0.5, 0.58), chance(0.95, 1.08), chance(0.85, 1.0)
    half = [(0.24, 0.85), (0.55, 0.72), (sleeve, 0.2), (sleeve - 0.25, 0.0), (waist, 0.32), (waist + 0.02, -length)]
    body = extrude([*half, *((-x, y) for x, y in reversed(half))], 0.13, 0.05)
    neck = translate(rotate(cylinder(0.2, 0.5), "x", 90), 0, 0.92, 0)
    collar = translate(rotate(torus(0.22, 0.045), "x", 62), 0, 0.88, 0.02)
    return [ProductSolid(subtract(body, neck)), ProductSolid(subtract(collar, translate(box(1, 0.3, 1), 0, 1.2, 0)))]


def _sneaker(chance: _RandomProportions) -> list[ProductSolid]:
    toe, ankle, height = chance(0.34, 0.4), chance(0.3, 0.36), chance(0.42, 0.58)
    upper = smooth_union(
        0.25,
        translate(ellipsoid(0.48, 0.28, toe), 0.62, -0.12, 0),
        translate(ellipsoid(0.55, 0.34, toe * 0.95), 0.05, -0.05, 0),
        translate(box(0.36, height, ankle * 0.8, 0.15), -0.58, height - 0.32, 0),
    )
    mouth = translate(ellipsoid(0.24, 0.22, ankle * 0.55), -0.56, 2 * height - 0.3, 0)
    below = translate(box(3, 1, 3), 0, -1.25, 0)
    sole = extrude([(-1.0, -0.44), (1.08, -0.44), (1.14, -0.28), (1.0, -0.2), (-1.0, -0.2)], 0.28, 0.06)
    laces = [
        capsule((0.02 + 0.17 * step, 0.36 - 0.12 * step, -0.2), (0.02 + 0.17 * step, 0.36 - 0.12 * step, 0.2), 0.04)
        for step in range(3)
    ]
    return [ProductSolid(subtract(upper, mouth, below)), _accent_solid("pale", sole, *laces)]


def _chair(chance: _RandomProportions) -> list[ProductSolid]:
    half, back, leg = chance(0.48, 0.56), chance(0.5, 0.62), chance(0.045, 0.065)
    seat = box(half, 0.09, half, 0.06)
    upright = translate(rotate(box(half, back, 0.07, 0.06), "x", -8), 0, back + 0.08, -half)
    legs = [
        capsule((x * half * 0.85, -0.05, z * half * 0.85), (x * half * 1.0, -0.95, z * half * 1.0), leg)
        for x in (-1, 1)
        for z in (-1, 1)
    ]
    return [ProductSolid(union(seat, upright)), _accent_solid("soil", *legs)]


def _lamp(chance: _RandomProportions) -> list[ProductSolid]:
    bottom, top, height = chance(0.62, 0.76), chance(0.32, 0.44), chance(0.34, 0.44)
    shade = translate(revolve(_cup(bottom, top, height, 0.05), 0.01), 0, 0.55, 0)
    hollow = translate(cylinder(bottom * 0.8, 0.1), 0, 0.55 - height, 0)
    pole = capsule((0, -0.95, 0), (0, 0.4, 0), chance(0.05, 0.08))
    foot = translate(cylinder(chance(0.36, 0.46), 0.06, 0.03), 0, -0.98, 0)
    return [ProductSolid(subtract(shade, hollow)), _accent_solid("steel", pole, foot)]


def _backpack(chance: _RandomProportions) -> list[ProductSolid]:
    width, height = chance(0.56, 0.66), chance(0.78, 0.9)
    body = box(width, height, 0.34, 0.24)
    pocket = translate(box(width * 0.78, height * 0.36, 0.14, 0.1), 0, -height * 0.45, 0.36)
    loop = translate(rotate(torus(0.17, 0.045), "x", 90), 0, height, -0.1)
    straps = [
        translate(
            subtract(rotate(torus(height * 0.62, 0.07), "z", 90), translate(box(1, 2, 1), 0, 0, 1.0)),
            x * width * 0.6,
            0,
            -0.32,
        )
        for x in (-1, 1)
    ]
    zips = [
        translate(box(width * 0.7, 0.022, 0.02), 0, -height * 0.16, 0.5),
        translate(box(width * 0.84, 0.025, 0.02), 0, height * 0.34, 0.335),
    ]
    return [ProductSolid(union(body, pocket)), _accent_solid("dark", loop, *straps, *zips)]


def _watch(chance: _RandomProportions) -> list[ProductSolid]:
    radius, strap = chance(0.44, 0.54), chance(0.24, 0.3)
    band = extrude([(-strap, -1.15), (strap, -1.15), (strap, 1.15), (-strap, 1.15)], 0.05, 0.03)
    case = translate(rotate(cylinder(radius, 0.12, 0.04), "x", 90), 0, 0, 0.08)
    face = translate(rotate(cylinder(radius * 0.8, 0.02), "x", 90), 0, 0, 0.2)
    crown = translate(box(0.07, 0.06, 0.06), radius + 0.05, 0, 0.08)
    hour, minute = np.deg2rad(chance(100, 170)), np.deg2rad(chance(20, 70))
    hands = [
        capsule((0, 0, 0.23), (np.cos(angle) * reach, np.sin(angle) * reach, 0.23), 0.025)
        for angle, reach in ((hour, radius * 0.4), (minute, radius * 0.6))
    ]
    return [ProductSolid(union(band, case, crown)), _accent_solid("pale", face), _accent_solid("dark", *hands)]


def _book(chance: _RandomProportions) -> list[ProductSolid]:
    width, height, depth = chance(0.6, 0.72), chance(0.85, 0.98), chance(0.14, 0.24)
    covers = subtract(box(width, height, depth, 0.03), translate(box(width, height * 2, depth - 0.045), 0.06, 0, 0))
    pages = translate(box(width - 0.04, height - 0.05, depth - 0.04), -0.01, 0, 0)
    title = translate(box(width * 0.55, 0.09, 0.02), 0.04, height * 0.45, depth)
    name = translate(box(width * 0.3, 0.04, 0.02), 0.04, -height * 0.6, depth)
    return [ProductSolid(covers), _accent_solid("paper", pages, title, name)]


def _pan(chance: _RandomProportions) -> list[ProductSolid]:
    radius, height, reach = chance(0.6, 0.7), chance(0.13, 0.19), chance(0.85, 1.05)
    bowl = revolve(_cup(radius * 0.86, radius, height, 0.05), 0.015)
    end = radius + reach
    # Turned like the mug's handle: it is seen from the front and from the side.
    grip = rotate(capsule((radius, height * 0.7, 0), (end, height * 1.3, 0), 0.08), "y", 45)
    return [ProductSolid(translate(bowl, 0, 0, 0)), _accent_solid("dark", grip)]


def _pot(chance: _RandomProportions) -> list[ProductSolid]:
    bottom, top, height = chance(0.38, 0.46), chance(0.56, 0.68), chance(0.42, 0.54)
    vessel = revolve(_cup(bottom, top, height, 0.06), 0.015)
    rim = translate(
        revolve([(top - 0.04, -0.09), (top + 0.06, -0.09), (top + 0.06, 0.09), (top - 0.04, 0.09)], 0.01), 0, height, 0
    )
    soil = translate(cylinder(top - 0.05, 0.03), 0, height - 0.06, 0)
    leaves = [
        translate(
            rotate(rotate(translate(ellipsoid(0.13, chance(0.36, 0.48), 0.05), 0, 0.42, 0), "z", lean), "y", turn),
            0,
            height,
            0,
        )
        for lean, turn in ((4, 0), (-26, 40), (28, 0), (-30, 130), (30, 100), (-34, 0))
    ]
    return [ProductSolid(union(vessel, rim)), _accent_solid("soil", soil), _accent_solid("leaf", *leaves)]


def _headphones(chance: _RandomProportions) -> list[ProductSolid]:
    span, cup = chance(0.68, 0.78), chance(0.3, 0.36)
    arc = subtract(rotate(torus(span, chance(0.075, 0.1)), "x", 90), translate(box(2, 1, 2), 0, -1.0, 0))
    cups, pads = [], []
    for side in (-1, 1):
        cups.append(translate(rotate(cylinder(cup, 0.12, 0.07), "z", 90), side * (span + 0.04), -0.28, 0))
        pads.append(translate(rotate(cylinder(cup * 0.94, 0.09, 0.06), "z", 90), side * (span - 0.12), -0.28, 0))
        cups.append(capsule((side * span, 0.02, 0), (side * span, -0.2, 0), 0.07))
    return [ProductSolid(union(arc, *cups)), _accent_solid("dark", *pads)]


def _sofa(chance: _RandomProportions) -> list[ProductSolid]:
    width, depth, back = chance(1.0, 1.15), chance(0.42, 0.5), chance(0.3, 0.4)
    seat = translate(box(width * 0.84, 0.16, depth, 0.06), 0, -0.1, 0.05)
    base = translate(box(width, 0.16, depth, 0.05), 0, -0.32, 0)
    rest = translate(box(width * 0.92, back + 0.2, 0.15, 0.1), 0, back - 0.16, -depth + 0.1)
    arms = [translate(box(0.15, 0.3, depth, 0.11), side * (width - 0.13), -0.04, 0) for side in (-1, 1)]
    seam = subtract(union(seat, base, rest, *arms), translate(box(0.014, 1, 1), 0, 0.35, depth))
    legs = [
        capsule((x * width * 0.85, -0.4, z * 0.3), (x * width * 0.88, -0.62, z * 0.32), 0.05)
        for x in (-1, 1)
        for z in (-1, 1)
    ]
    return [ProductSolid(seam), _accent_solid("soil", *legs)]


def _hat(chance: _RandomProportions) -> list[ProductSolid]:
    brim, crown, height = chance(0.98, 1.12), chance(0.5, 0.58), chance(0.3, 0.4)
    disc = revolve([(0, -height - 0.03), (brim, -height + 0.0), (brim, -height + 0.05), (0, -height + 0.04)], 0.02)
    top = smooth_union(
        0.1,
        translate(ellipsoid(crown, 0.3, crown), 0, height - 0.18, 0),
        translate(cylinder(crown, height * 0.8, 0.1), 0, -0.05, 0),
    )
    ribbon = translate(cylinder(crown + 0.025, 0.07), 0, -height + 0.14, 0)
    return [ProductSolid(union(disc, top)), _accent_solid("dark", ribbon)]


def _finger_ring(chance: _RandomProportions) -> list[ProductSolid]:
    radius, band = chance(0.62, 0.7), chance(0.1, 0.15)
    hoop = rotate(torus(radius, band), "x", 90)
    # Turned out of the plane, so that the side view still shows a hoop.
    setting = translate(revolve([(0, -0.12), (0.12, -0.12), (0.26, 0.08), (0, 0.08)], 0.01), 0, radius + band + 0.05, 0)
    stone = translate(revolve([(0, -0.1), (0.29, 0.1), (0.2, 0.24), (0, 0.24)], 0.01), 0, radius + band + 0.1, 0)
    return [ProductSolid(rotate(union(hoop, setting), "y", 45)), _accent_solid("gem", stone)]


def _phone(chance: _RandomProportions) -> list[ProductSolid]:
    width, height = chance(0.44, 0.52), chance(0.92, 1.04)
    corner = 0.1
    body = box(width, height, 0.09, 0.08)
    glass = translate(box(width - 0.03, height - 0.03, 0.03, 0.02), 0, 0, 0.08)
    screen = translate(box(width - 0.08, height - corner, 0.03, 0.02), 0, 0, 0.09)
    speaker = translate(box(width * 0.22, 0.028, 0.03, 0.02), 0, height - 0.17, 0.1)
    buttons = translate(box(0.03, 0.12, 0.03), width, height * 0.4, 0)
    return [ProductSolid(union(body, screen, buttons)), _accent_solid("dark", subtract(glass, screen), speaker)]


PRODUCTS: dict[str, Callable[[_RandomProportions], list[ProductSolid]]] = {
    "mug": _mug,
    "bottle": _bottle,
    "t-shirt": _shirt,
    "sneaker": _sneaker,
    "chair": _chair,
    "lamp": _lamp,
    "backpack": _backpack,
    "watch": _watch,
    "book": _book,
    "pan": _pan,
    "plant pot": _pot,
    "headphones": _headphones,
    "sofa": _sofa,
    "hat": _hat,
    "ring": _finger_ring,
    "phone": _phone,
}
