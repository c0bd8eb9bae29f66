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
    blended,
    box,
    capsule,
    cut,
    cylinder,
    ellipsoid,
    joined,
    lathe,
    moved,
    ring,
    slab,
    turned,
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

NUMBERS = {name: place + 1 for place, name in enumerate(SURFACES)}


@dataclass(frozen=True)
class Part:
    """A solid and its surface: `MAIN`, or one of `NUMBERS`."""

    solid: Solid
    surface: int = MAIN


class _Chance:
    """Random proportions: `chance(0.6, 0.8)` is a number between."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def __call__(self, low: float, high: float) -> float:
        return float(self._generator.uniform(low, high))


def parts_of(product: str, generator: np.random.Generator) -> list[Part]:
    """Return the parts of one product; each call proportions it anew."""
    return PRODUCTS[product](_Chance(generator))


def _other(surface: str, *solids: Solid) -> Part:
    return Part(joined(*solids), NUMBERS[surface])


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


def _mug(chance: _Chance) -> list[Part]:
    radius, height = chance(0.62, 0.78), chance(0.68, 0.92)
    grip, thickness = height * chance(0.52, 0.64), chance(0.09, 0.13)
    # The handle points half-way between right and back, so that front, side and three-quarter all show it.
    handle = moved(turned(ring(grip, thickness), "x", 90), radius, 0, 0)
    outside = cut(handle, cylinder(radius - 0.05, height))
    return [
        Part(lathe(_cup(radius * chance(0.9, 1.0), radius, height, 0.07), 0.02)),
        Part(turned(outside, "y", 45)),
    ]


def _bottle(chance: _Chance) -> list[Part]:
    radius, neck, shoulder = chance(0.36, 0.46), chance(0.13, 0.18), chance(0.15, 0.4)
    profile = [(0, -1.1), (radius, -1.1), (radius, shoulder), (neck, shoulder + 0.4), (neck, 0.85), (0, 0.85)]
    label = moved(cylinder(radius + 0.035, chance(0.2, 0.28)), 0, -0.45, 0)
    cap = moved(cylinder(neck + 0.05, 0.13, 0.03), 0, 0.95, 0)
    return [Part(lathe(profile, 0.02)), _other("pale", label), _other("dark", cap)]


def _shirt(chance: _Chance) -> list[Part]:
    waist, sleeve, length = chance(0.5, 0.58), chance(0.95, 1.08), chance(0.85, 1.0)
    half = [(0.24, 0.85), (0.55, 0.72), (sleeve, 0.2), (sleeve - 0.25, 0.0), (waist, 0.32), (waist + 0.02, -length)]
    body = slab([*half, *((-x, y) for x, y in reversed(half))], 0.13, 0.05)
    neck = moved(turned(cylinder(0.2, 0.5), "x", 90), 0, 0.92, 0)
    collar = moved(turned(ring(0.22, 0.045), "x", 62), 0, 0.88, 0.02)
    return [Part(cut(body, neck)), Part(cut(collar, moved(box(1, 0.3, 1), 0, 1.2, 0)))]


def _sneaker(chance: _Chance) -> list[Part]:
    toe, ankle, height = chance(0.34, 0.4), chance(0.3, 0.36), chance(0.42, 0.58)
    upper = blended(
        0.25,
        moved(ellipsoid(0.48, 0.28, toe), 0.62, -0.12, 0),
        moved(ellipsoid(0.55, 0.34, toe * 0.95), 0.05, -0.05, 0),
        moved(box(0.36, height, ankle * 0.8, 0.15), -0.58, height - 0.32, 0),
    )
    mouth = moved(ellipsoid(0.24, 0.22, ankle * 0.55), -0.56, 2 * height - 0.3, 0)
    below = moved(box(3, 1, 3), 0, -1.25, 0)
    sole = slab([(-1.0, -0.44), (1.08, -0.44), (1.14, -0.28), (1.0, -0.2), (-1.0, -0.2)], 0.28, 0.06)
    laces = [
        capsule((0.02 + 0.17 * step, 0.36 - 0.12 * step, -0.2), (0.02 + 0.17 * step, 0.36 - 0.12 * step, 0.2), 0.04)
        for step in range(3)
    ]
    return [Part(cut(upper, mouth, below)), _other("pale", sole, *laces)]


def _chair(chance: _Chance) -> list[Part]:
    half, back, leg = chance(0.48, 0.56), chance(0.5, 0.62), chance(0.045, 0.065)
    seat = box(half, 0.09, half, 0.06)
    upright = moved(turned(box(half, back, 0.07, 0.06), "x", -8), 0, back + 0.08, -half)
    legs = [
        capsule((x * half * 0.85, -0.05, z * half * 0.85), (x * half * 1.0, -0.95, z * half * 1.0), leg)
        for x in (-1, 1)
        for z in (-1, 1)
    ]
    return [Part(joined(seat, upright)), _other("soil", *legs)]


def _lamp(chance: _Chance) -> list[Part]:
    bottom, top, height = chance(0.62, 0.76), chance(0.32, 0.44), chance(0.34, 0.44)
    shade = moved(lathe(_cup(bottom, top, height, 0.05), 0.01), 0, 0.55, 0)
    hollow = moved(cylinder(bottom * 0.8, 0.1), 0, 0.55 - height, 0)
    pole = capsule((0, -0.95, 0), (0, 0.4, 0), chance(0.05, 0.08))
    foot = moved(cylinder(chance(0.36, 0.46), 0.06, 0.03), 0, -0.98, 0)
    return [Part(cut(shade, hollow)), _other("steel", pole, foot)]


def _backpack(chance: _Chance) -> list[Part]:
    width, height = chance(0.56, 0.66), chance(0.78, 0.9)
    body = box(width, height, 0.34, 0.24)
    pocket = moved(box(width * 0.78, height * 0.36, 0.14, 0.1), 0, -height * 0.45, 0.36)
    loop = moved(turned(ring(0.17, 0.045), "x", 90), 0, height, -0.1)
    straps = [
        moved(
            cut(turned(ring(height * 0.62, 0.07), "z", 90), moved(box(1, 2, 1), 0, 0, 1.0)), x * width * 0.6, 0, -0.32
        )
        for x in (-1, 1)
    ]
    zips = [
        moved(box(width * 0.7, 0.022, 0.02), 0, -height * 0.16, 0.5),
        moved(box(width * 0.84, 0.025, 0.02), 0, height * 0.34, 0.335),
    ]
    return [Part(joined(body, pocket)), _other("dark", loop, *straps, *zips)]


def _watch(chance: _Chance) -> list[Part]:
    radius, strap = chance(0.44, 0.54), chance(0.24, 0.3)
    band = slab([(-strap, -1.15), (strap, -1.15), (strap, 1.15), (-strap, 1.15)], 0.05, 0.03)
    case = moved(turned(cylinder(radius, 0.12, 0.04), "x", 90), 0, 0, 0.08)
    face = moved(turned(cylinder(radius * 0.8, 0.02), "x", 90), 0, 0, 0.2)
    crown = moved(box(0.07, 0.06, 0.06), radius + 0.05, 0, 0.08)
    hour, minute = np.deg2rad(chance(100, 170)), np.deg2rad(chance(20, 70))
    hands = [
        capsule((0, 0, 0.23), (np.cos(angle) * reach, np.sin(angle) * reach, 0.23), 0.025)
        for angle, reach in ((hour, radius * 0.4), (minute, radius * 0.6))
    ]
    return [Part(joined(band, case, crown)), _other("pale", face), _other("dark", *hands)]


def _book(chance: _Chance) -> list[Part]:
    width, height, depth = chance(0.6, 0.72), chance(0.85, 0.98), chance(0.14, 0.24)
    covers = cut(box(width, height, depth, 0.03), moved(box(width, height * 2, depth - 0.045), 0.06, 0, 0))
    pages = moved(box(width - 0.04, height - 0.05, depth - 0.04), -0.01, 0, 0)
    title = moved(box(width * 0.55, 0.09, 0.02), 0.04, height * 0.45, depth)
    name = moved(box(width * 0.3, 0.04, 0.02), 0.04, -height * 0.6, depth)
    return [Part(covers), _other("paper", pages, title, name)]


def _pan(chance: _Chance) -> list[Part]:
    radius, height, reach = chance(0.6, 0.7), chance(0.13, 0.19), chance(0.85, 1.05)
    bowl = lathe(_cup(radius * 0.86, radius, height, 0.05), 0.015)
    end = radius + reach
    # Turned like the mug's handle: it is seen from the front and from the side.
    grip = turned(capsule((radius, height * 0.7, 0), (end, height * 1.3, 0), 0.08), "y", 45)
    return [Part(moved(bowl, 0, 0, 0)), _other("dark", grip)]


def _pot(chance: _Chance) -> list[Part]:
    bottom, top, height = chance(0.38, 0.46), chance(0.56, 0.68), chance(0.42, 0.54)
    vessel = lathe(_cup(bottom, top, height, 0.06), 0.015)
    rim = moved(
        lathe([(top - 0.04, -0.09), (top + 0.06, -0.09), (top + 0.06, 0.09), (top - 0.04, 0.09)], 0.01), 0, height, 0
    )
    soil = moved(cylinder(top - 0.05, 0.03), 0, height - 0.06, 0)
    leaves = [
        moved(
            turned(turned(moved(ellipsoid(0.13, chance(0.36, 0.48), 0.05), 0, 0.42, 0), "z", lean), "y", turn),
            0,
            height,
            0,
        )
        for lean, turn in ((4, 0), (-26, 40), (28, 0), (-30, 130), (30, 100), (-34, 0))
    ]
    return [Part(joined(vessel, rim)), _other("soil", soil), _other("leaf", *leaves)]


def _headphones(chance: _Chance) -> list[Part]:
    span, cup = chance(0.68, 0.78), chance(0.3, 0.36)
    arc = cut(turned(ring(span, chance(0.075, 0.1)), "x", 90), moved(box(2, 1, 2), 0, -1.0, 0))
    cups, pads = [], []
    for side in (-1, 1):
        cups.append(moved(turned(cylinder(cup, 0.12, 0.07), "z", 90), side * (span + 0.04), -0.28, 0))
        pads.append(moved(turned(cylinder(cup * 0.94, 0.09, 0.06), "z", 90), side * (span - 0.12), -0.28, 0))
        cups.append(capsule((side * span, 0.02, 0), (side * span, -0.2, 0), 0.07))
    return [Part(joined(arc, *cups)), _other("dark", *pads)]


def _sofa(chance: _Chance) -> list[Part]:
    width, depth, back = chance(1.0, 1.15), chance(0.42, 0.5), chance(0.3, 0.4)
    seat = moved(box(width * 0.84, 0.16, depth, 0.06), 0, -0.1, 0.05)
    base = moved(box(width, 0.16, depth, 0.05), 0, -0.32, 0)
    rest = moved(box(width * 0.92, back + 0.2, 0.15, 0.1), 0, back - 0.16, -depth + 0.1)
    arms = [moved(box(0.15, 0.3, depth, 0.11), side * (width - 0.13), -0.04, 0) for side in (-1, 1)]
    seam = cut(joined(seat, base, rest, *arms), moved(box(0.014, 1, 1), 0, 0.35, depth))
    legs = [
        capsule((x * width * 0.85, -0.4, z * 0.3), (x * width * 0.88, -0.62, z * 0.32), 0.05)
        for x in (-1, 1)
        for z in (-1, 1)
    ]
    return [Part(seam), _other("soil", *legs)]


def _hat(chance: _Chance) -> list[Part]:
    brim, crown, height = chance(0.98, 1.12), chance(0.5, 0.58), chance(0.3, 0.4)
    disc = lathe([(0, -height - 0.03), (brim, -height + 0.0), (brim, -height + 0.05), (0, -height + 0.04)], 0.02)
    top = blended(
        0.1,
        moved(ellipsoid(crown, 0.3, crown), 0, height - 0.18, 0),
        moved(cylinder(crown, height * 0.8, 0.1), 0, -0.05, 0),
    )
    ribbon = moved(cylinder(crown + 0.025, 0.07), 0, -height + 0.14, 0)
    return [Part(joined(disc, top)), _other("dark", ribbon)]


def _finger_ring(chance: _Chance) -> list[Part]:
    radius, band = chance(0.62, 0.7), chance(0.1, 0.15)
    hoop = turned(ring(radius, band), "x", 90)
    # Turned out of the plane, so that the side view still shows a hoop.
    setting = moved(lathe([(0, -0.12), (0.12, -0.12), (0.26, 0.08), (0, 0.08)], 0.01), 0, radius + band + 0.05, 0)
    stone = moved(lathe([(0, -0.1), (0.29, 0.1), (0.2, 0.24), (0, 0.24)], 0.01), 0, radius + band + 0.1, 0)
    return [Part(turned(joined(hoop, setting), "y", 45)), _other("gem", stone)]


def _phone(chance: _Chance) -> list[Part]:
    width, height = chance(0.44, 0.52), chance(0.92, 1.04)
    corner = 0.1
    body = box(width, height, 0.09, 0.08)
    glass = moved(box(width - 0.03, height - 0.03, 0.03, 0.02), 0, 0, 0.08)
    screen = moved(box(width - 0.08, height - corner, 0.03, 0.02), 0, 0, 0.09)
    speaker = moved(box(width * 0.22, 0.028, 0.03, 0.02), 0, height - 0.17, 0.1)
    buttons = moved(box(0.03, 0.12, 0.03), width, height * 0.4, 0)
    return [Part(joined(body, screen, buttons)), _other("dark", cut(glass, screen), speaker)]


PRODUCTS: dict[str, Callable[[_Chance], list[Part]]] = {
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
