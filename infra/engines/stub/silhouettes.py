"""Silhouettes of the stub's products, with their light and shadow.

Inputs: a product's name and a frame size. Outputs: a `Silhouette`: the product's coverage, the light on it, and the
white ground with its shadow.
Outlines are data, in thousandths of the frame's shorter side; the long side of each product is about 840 of them,
because marketplaces ask for 75 to 90 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]

HOLE_TONE = 0
FULL_TONE = 255


@dataclass(frozen=True)
class Stroke:
    """One filled form. `tone` is its brightness: 255 keeps the pattern, 0 is a hole that shows the ground."""

    points: tuple[tuple[float, float], ...]
    tone: int = FULL_TONE


@dataclass(frozen=True)
class Silhouette:
    """Three planes of height x width: the product's coverage, the light on it, the ground around it."""

    coverage: Plane
    light: Plane
    ground: Plane


def _ellipse(x: float, y: float, across: float, down: float, tone: int = FULL_TONE) -> Stroke:
    angles = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    return Stroke(tuple((x + across * np.cos(a), y + down * np.sin(a)) for a in angles), tone)


def _rounded_rectangle(
    left: float, top: float, right: float, bottom: float, radius: float, tone: int = FULL_TONE
) -> Stroke:
    """Return a rectangle with rounded corners."""
    points: list[tuple[float, float]] = []
    for quarter, x, y in ((0, right, bottom), (1, left, bottom), (2, left, top), (3, right, top)):
        inward_x = x - radius if x == right else x + radius
        inward_y = y - radius if y == bottom else y + radius
        for angle in np.linspace(quarter * np.pi / 2, (quarter + 1) * np.pi / 2, 12):
            points.append((inward_x + radius * np.cos(angle), inward_y + radius * np.sin(angle)))
    return Stroke(tuple(points), tone)


def _polygon(*points: tuple[float, float], tone: int = FULL_TONE) -> Stroke:
    return Stroke(points, tone)


PRODUCTS: dict[str, tuple[Stroke, ...]] = {
    "bottle": (
        _rounded_rectangle(400, 60, 600, 200, 18, 150),
        _polygon((425, 195), (575, 195), (590, 270), (410, 270), tone=215),
        _polygon((410, 260), (590, 260), (690, 330), (745, 430), (255, 430), (310, 330)),
        _rounded_rectangle(255, 380, 745, 900, 60),
    ),
    "box": (
        _polygon((90, 190), (610, 250), (610, 900), (90, 800)),
        _polygon((610, 250), (910, 160), (910, 760), (610, 900), tone=165),
        _polygon((90, 190), (400, 110), (910, 160), (610, 250), tone=225),
    ),
    "mug": (
        _ellipse(745, 520, 170, 215, 225),
        _ellipse(745, 520, 95, 135, HOLE_TONE),
        _rounded_rectangle(90, 140, 745, 880, 70),
        _ellipse(417, 165, 325, 60, 120),
    ),
    "shirt": (
        _polygon(
            (330, 90),
            (670, 90),
            (830, 160),
            (930, 390),
            (790, 455),
            (735, 350),
            (745, 905),
            (255, 905),
            (265, 350),
            (210, 455),
            (70, 390),
            (170, 160),
        ),
        _ellipse(500, 108, 130, 64, 130),
        _ellipse(500, 94, 105, 50, HOLE_TONE),
        _polygon((262, 345), (272, 345), (285, 560), (275, 560), tone=170),
        _polygon((738, 345), (728, 345), (715, 560), (725, 560), tone=170),
    ),
    "ball": (_ellipse(500, 485, 420, 420),),
    "boot": (
        _polygon(
            (150, 75), (520, 75), (530, 480), (600, 570), (800, 640), (865, 720), (870, 820), (140, 820), (130, 600)
        ),
        _polygon(
            (125, 800), (878, 800), (872, 880), (480, 885), (465, 850), (380, 850), (365, 900), (130, 900), tone=110
        ),
        _polygon((140, 75), (530, 75), (530, 150), (142, 150), tone=185),
    ),
    "bag": (
        _ellipse(500, 300, 235, 240, 170),
        _ellipse(500, 300, 175, 180, HOLE_TONE),
        _polygon((150, 320), (850, 320), (915, 860), (870, 905), (130, 905), (85, 860)),
        _polygon((150, 320), (850, 320), (860, 400), (140, 400), tone=200),
    ),
    "cushion": (
        _polygon(
            (80, 80),
            (290, 125),
            (500, 135),
            (710, 125),
            (920, 80),
            (880, 290),
            (870, 490),
            (880, 690),
            (920, 900),
            (710, 855),
            (500, 845),
            (290, 855),
            (80, 900),
            (120, 690),
            (130, 490),
            (120, 290),
        ),
    ),
}


@lru_cache(maxsize=16)
def draw_silhouette(product: str, width: int, height: int) -> Silhouette:
    """Return the planes of one product in one frame size; cached, because a shard repeats the same few."""
    coverage, light = _draw_strokes(PRODUCTS[product], width, height)
    light = np.rint(light * _lamp_brightness(width, height)).astype(np.uint8)
    return Silhouette(coverage, light, _ground_shadow(width, height))


def _lamp_brightness(width: int, height: int) -> npt.NDArray[np.float32]:
    """Return the light of a lamp at the upper left on each pixel: from 1 at its brightest to 0.6 far away."""
    side = min(width, height)
    x = (np.arange(width, dtype=np.float32) - width / 2) / side + 0.12
    y = (np.arange(height, dtype=np.float32) - height / 2) / side + 0.18
    distance = np.hypot(x[None, :], 0.7 * y[:, None]).astype(np.float32)
    return np.asarray(np.clip(1 - distance**2, 0.6, 1.0), np.float32)


def _draw_strokes(strokes: Sequence[Stroke], width: int, height: int) -> tuple[Plane, Plane]:
    """Draw at up to four times the size and shrink, for smooth edges at every size."""
    finer = max(1, min(4, 4096 // max(width, height)))
    side = min(width, height) * finer
    shift = np.array([width * finer - side, height * finer - side]) / 2
    coverage = np.zeros((height * finer, width * finer), np.uint8)
    light = np.full_like(coverage, FULL_TONE)
    for stroke in strokes:
        points = np.rint(np.array(stroke.points) * side / 1000 + shift).astype(np.int32)
        cv2.fillPoly(coverage, [points], 0 if stroke.tone == HOLE_TONE else 255)
        cv2.fillPoly(light, [points], FULL_TONE if stroke.tone == HOLE_TONE else stroke.tone)
    shrunk = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA) for plane in (coverage, light)]
    return shrunk[0], shrunk[1]


def _ground_shadow(width: int, height: int) -> Plane:
    """Return a white ground with a soft shadow below the product, pure white at the frame's edge."""
    side = min(width, height)
    x = (np.arange(width, dtype=np.float32) - width / 2) / (side * 0.36)
    y = (np.arange(height, dtype=np.float32) - height / 2 - side * 0.40) / (side * 0.045)
    shadow = 70 * np.exp(-(x[None, :] ** 4) - y[:, None] ** 2)
    return np.asarray(np.rint(255 - shadow), np.uint8)
