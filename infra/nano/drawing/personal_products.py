"""Personal products as solids: T-shirt, sneaker, backpack, watch, headphones, hat, ring and phone.

Inputs: random proportions. Outputs: a product's solids with their surfaces, about 2 units large.
One solid serves every view, so that front and side show the same product.
"""

import numpy as np

from infra.nano.drawing.product_solids import (
    ProductSolid,
    RandomProportions,
    accent_solid,
)
from infra.nano.drawing.solids import (
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


def shirt(chance: RandomProportions) -> list[ProductSolid]:
    """Return a T-shirt with a collar."""
    waist, sleeve, length = chance(0.5, 0.58), chance(0.95, 1.08), chance(0.85, 1.0)
    half = [(0.24, 0.85), (0.55, 0.72), (sleeve, 0.2), (sleeve - 0.25, 0.0), (waist, 0.32), (waist + 0.02, -length)]
    body = extrude([*half, *((-x, y) for x, y in reversed(half))], 0.13, 0.05)
    neck = translate(rotate(cylinder(0.2, 0.5), "x", 90), 0, 0.92, 0)
    collar = translate(rotate(torus(0.22, 0.045), "x", 62), 0, 0.88, 0.02)
    return [ProductSolid(subtract(body, neck)), ProductSolid(subtract(collar, translate(box(1, 0.3, 1), 0, 1.2, 0)))]


def sneaker(chance: RandomProportions) -> list[ProductSolid]:
    """Return a sneaker with sole and laces."""
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
    return [ProductSolid(subtract(upper, mouth, below)), accent_solid("pale", sole, *laces)]


def backpack(chance: RandomProportions) -> list[ProductSolid]:
    """Return a backpack with pocket, straps and zips."""
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
    return [ProductSolid(union(body, pocket)), accent_solid("dark", loop, *straps, *zips)]


def watch(chance: RandomProportions) -> list[ProductSolid]:
    """Return a wristwatch with face and hands."""
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
    return [ProductSolid(union(band, case, crown)), accent_solid("pale", face), accent_solid("dark", *hands)]


def headphones(chance: RandomProportions) -> list[ProductSolid]:
    """Return headphones with cups and pads."""
    span, cup = chance(0.68, 0.78), chance(0.3, 0.36)
    arc = subtract(rotate(torus(span, chance(0.075, 0.1)), "x", 90), translate(box(2, 1, 2), 0, -1.0, 0))
    cups, pads = [], []
    for side in (-1, 1):
        cups.append(translate(rotate(cylinder(cup, 0.12, 0.07), "z", 90), side * (span + 0.04), -0.28, 0))
        pads.append(translate(rotate(cylinder(cup * 0.94, 0.09, 0.06), "z", 90), side * (span - 0.12), -0.28, 0))
        cups.append(capsule((side * span, 0.02, 0), (side * span, -0.2, 0), 0.07))
    return [ProductSolid(union(arc, *cups)), accent_solid("dark", *pads)]


def hat(chance: RandomProportions) -> list[ProductSolid]:
    """Return a sun hat with a ribbon."""
    brim, crown, height = chance(0.98, 1.12), chance(0.5, 0.58), chance(0.3, 0.4)
    disc = revolve([(0, -height - 0.03), (brim, -height + 0.0), (brim, -height + 0.05), (0, -height + 0.04)], 0.02)
    top = smooth_union(
        0.1,
        translate(ellipsoid(crown, 0.3, crown), 0, height - 0.18, 0),
        translate(cylinder(crown, height * 0.8, 0.1), 0, -0.05, 0),
    )
    ribbon = translate(cylinder(crown + 0.025, 0.07), 0, -height + 0.14, 0)
    return [ProductSolid(union(disc, top)), accent_solid("dark", ribbon)]


def finger_ring(chance: RandomProportions) -> list[ProductSolid]:
    """Return a ring with a gemstone."""
    radius, band = chance(0.62, 0.7), chance(0.1, 0.15)
    hoop = rotate(torus(radius, band), "x", 90)
    # Turned out of the plane, so that the side view still shows a hoop.
    setting = translate(revolve([(0, -0.12), (0.12, -0.12), (0.26, 0.08), (0, 0.08)], 0.01), 0, radius + band + 0.05, 0)
    stone = translate(revolve([(0, -0.1), (0.29, 0.1), (0.2, 0.24), (0, 0.24)], 0.01), 0, radius + band + 0.1, 0)
    return [ProductSolid(rotate(union(hoop, setting), "y", 45)), accent_solid("gem", stone)]


def phone(chance: RandomProportions) -> list[ProductSolid]:
    """Return a phone with a speaker and buttons."""
    width, height = chance(0.44, 0.52), chance(0.92, 1.04)
    corner = 0.1
    body = box(width, height, 0.09, 0.08)
    glass = translate(box(width - 0.03, height - 0.03, 0.03, 0.02), 0, 0, 0.08)
    screen = translate(box(width - 0.08, height - corner, 0.03, 0.02), 0, 0, 0.09)
    speaker = translate(box(width * 0.22, 0.028, 0.03, 0.02), 0, height - 0.17, 0.1)
    buttons = translate(box(0.03, 0.12, 0.03), width, height * 0.4, 0)
    return [ProductSolid(union(body, screen, buttons)), accent_solid("dark", subtract(glass, screen), speaker)]
