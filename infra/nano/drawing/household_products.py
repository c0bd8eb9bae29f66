"""Household products as solids: mug, bottle, chair, lamp, book, pan, plant pot and sofa.

Inputs: random proportions. Outputs: a product's solids with their surfaces, about 2 units large.
One solid serves every view, so that front and side show the same product.
"""

from infra.nano.drawing.product_solids import (
    ProductSolid,
    RandomProportions,
    accent_solid,
    vessel_profile,
)
from infra.nano.drawing.solids import (
    box,
    capsule,
    cylinder,
    ellipsoid,
    revolve,
    rotate,
    subtract,
    torus,
    translate,
    union,
)


def mug(chance: RandomProportions) -> list[ProductSolid]:
    """Return a mug with its handle half-way between right and back."""
    radius, height = chance(0.62, 0.78), chance(0.68, 0.92)
    grip, thickness = height * chance(0.52, 0.64), chance(0.09, 0.13)
    # The handle points half-way between right and back, so that front, side and three-quarter all show it.
    handle = translate(rotate(torus(grip, thickness), "x", 90), radius, 0, 0)
    outside = subtract(handle, cylinder(radius - 0.05, height))
    return [
        ProductSolid(revolve(vessel_profile(radius * chance(0.9, 1.0), radius, height, 0.07), 0.02)),
        ProductSolid(rotate(outside, "y", 45)),
    ]


def bottle(chance: RandomProportions) -> list[ProductSolid]:
    """Return a bottle with a label and a cap."""
    radius, neck, shoulder = chance(0.36, 0.46), chance(0.13, 0.18), chance(0.15, 0.4)
    profile = [(0, -1.1), (radius, -1.1), (radius, shoulder), (neck, shoulder + 0.4), (neck, 0.85), (0, 0.85)]
    label = translate(cylinder(radius + 0.035, chance(0.2, 0.28)), 0, -0.45, 0)
    cap = translate(cylinder(neck + 0.05, 0.13, 0.03), 0, 0.95, 0)
    return [ProductSolid(revolve(profile, 0.02)), accent_solid("pale", label), accent_solid("dark", cap)]


def chair(chance: RandomProportions) -> list[ProductSolid]:
    """Return a chair with four legs."""
    half, back, leg = chance(0.48, 0.56), chance(0.5, 0.62), chance(0.045, 0.065)
    seat = box(half, 0.09, half, 0.06)
    upright = translate(rotate(box(half, back, 0.07, 0.06), "x", -8), 0, back + 0.08, -half)
    legs = [
        capsule((x * half * 0.85, -0.05, z * half * 0.85), (x * half * 1.0, -0.95, z * half * 1.0), leg)
        for x in (-1, 1)
        for z in (-1, 1)
    ]
    return [ProductSolid(union(seat, upright)), accent_solid("soil", *legs)]


def lamp(chance: RandomProportions) -> list[ProductSolid]:
    """Return a table lamp with pole and foot."""
    bottom, top, height = chance(0.62, 0.76), chance(0.32, 0.44), chance(0.34, 0.44)
    shade = translate(revolve(vessel_profile(bottom, top, height, 0.05), 0.01), 0, 0.55, 0)
    hollow = translate(cylinder(bottom * 0.8, 0.1), 0, 0.55 - height, 0)
    pole = capsule((0, -0.95, 0), (0, 0.4, 0), chance(0.05, 0.08))
    foot = translate(cylinder(chance(0.36, 0.46), 0.06, 0.03), 0, -0.98, 0)
    return [ProductSolid(subtract(shade, hollow)), accent_solid("steel", pole, foot)]


def book(chance: RandomProportions) -> list[ProductSolid]:
    """Return a book with pages and a title."""
    width, height, depth = chance(0.6, 0.72), chance(0.85, 0.98), chance(0.14, 0.24)
    covers = subtract(box(width, height, depth, 0.03), translate(box(width, height * 2, depth - 0.045), 0.06, 0, 0))
    pages = translate(box(width - 0.04, height - 0.05, depth - 0.04), -0.01, 0, 0)
    title = translate(box(width * 0.55, 0.09, 0.02), 0.04, height * 0.45, depth)
    name = translate(box(width * 0.3, 0.04, 0.02), 0.04, -height * 0.6, depth)
    return [ProductSolid(covers), accent_solid("paper", pages, title, name)]


def pan(chance: RandomProportions) -> list[ProductSolid]:
    """Return a frying pan with a dark grip."""
    radius, height, reach = chance(0.6, 0.7), chance(0.13, 0.19), chance(0.85, 1.05)
    bowl = revolve(vessel_profile(radius * 0.86, radius, height, 0.05), 0.015)
    end = radius + reach
    # Turned like the mug's handle: it is seen from the front and from the side.
    grip = rotate(capsule((radius, height * 0.7, 0), (end, height * 1.3, 0), 0.08), "y", 45)
    return [ProductSolid(translate(bowl, 0, 0, 0)), accent_solid("dark", grip)]


def plant_pot(chance: RandomProportions) -> list[ProductSolid]:
    """Return a pot with soil and six leaves."""
    bottom, top, height = chance(0.38, 0.46), chance(0.56, 0.68), chance(0.42, 0.54)
    vessel = revolve(vessel_profile(bottom, top, height, 0.06), 0.015)
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
    return [ProductSolid(union(vessel, rim)), accent_solid("soil", soil), accent_solid("leaf", *leaves)]


def sofa(chance: RandomProportions) -> list[ProductSolid]:
    """Return a sofa with a seam and four legs."""
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
    return [ProductSolid(seam), accent_solid("soil", *legs)]
