"""Drawn scenes: empty grounds as a stage needs them, and the same with a product in the way.

Inputs: a number, a size, a seed; or a ground's name, a generator, and a product to stand there. Outputs: `DrawnScene`s,
the same for the same inputs. Grounds take turns, and every second round has a product in the drop zone, so half of many
scenes are empty. They hold what empty scenes do hold: a horizon, a room's corner, boards with their grain, veins of
marble, lights out of focus, a vignette and a camera's noise.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from infra.interfaces import Pixels
from infra.nano.drawing.photographs import NOISE_LEVELS, draw_product
from infra.nano.drawing.products import PRODUCTS

FILL, CENTRE, FOOT = 0.6, 0.5, 0.82
"""Where a product stands: a stage's defaults."""
PRODUCT_SHARE = (0.45, 1.0)
"""Share of the fill that a product in the way takes."""
_PHOTO_SIDE = 512

_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DrawnScene:
    """A scene, its ground's name, and the product that stands in it; empty where none does."""

    ground: str
    product: str
    pixels: Pixels


def draw_scenes(count: int, size: tuple[int, int], seed: int = 0) -> Iterator[DrawnScene]:
    """Yield the first so many scenes of (width, height): each ground empty, then each with a product, and so on."""
    names, products = list(GROUNDS), list(PRODUCTS)
    for number in range(count):
        generator = np.random.default_rng((seed, number))
        product = products[number // 2 % len(products)] if number // len(names) % 2 else ""
        yield draw_scene(names[number % len(names)], size, generator, product)


def draw_scene(ground: str, size: tuple[int, int], generator: np.random.Generator, product: str = "") -> DrawnScene:
    """Return a scene of (width, height), with a product in its drop zone where one is named."""
    width, height = size
    pixels = GROUNDS[ground](width, height, generator)
    if product:
        pixels = _with_product(pixels, product, generator)
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    pixels = pixels * (1 - 0.06 * (across**2 + down**2))[..., None].astype(np.float32)
    pixels = pixels + generator.normal(0, NOISE_LEVELS, pixels.shape).astype(np.float32)
    return DrawnScene(ground, product, np.asarray(np.rint(np.clip(pixels, 0, 255)), np.uint8))


def _with_product(pixels: _Floats, product: str, generator: np.random.Generator) -> _Floats:
    height, width = pixels.shape[:2]
    photo = draw_product(product, "white", _PHOTO_SIDE, generator)
    rows, columns = np.flatnonzero(photo.mask.any(1)), np.flatnonzero(photo.mask.any(0))
    box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    cut, mask = photo.photo.pixels[box], photo.mask[box]
    fill = FILL * generator.uniform(*PRODUCT_SHARE)
    scale = min(fill * width / mask.shape[1], fill * height / mask.shape[0])
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    cut, mask = (cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (cut, mask))
    left, bottom = round(CENTRE * width - size[0] / 2), round(FOOT * height)
    placed, shadow = pixels.copy(), np.zeros((height, width), np.float32)
    reach = (max(1, size[0] // 2), max(1, height // 60))
    cv2.ellipse(shadow, (left + size[0] // 2, bottom), reach, 0, 0, 360, 1.0, -1)
    placed *= 1 - 0.35 * cv2.GaussianBlur(shadow, (0, 0), height / 90)[..., None]
    target = placed[bottom - size[1] : bottom, left : left + size[0]]
    inside = (mask.astype(np.float32) / 255)[..., None]
    target[...] = cut * inside + target * (1 - inside)
    return placed


def _plain(width: int, height: int, colour: _Floats) -> _Floats:
    return np.broadcast_to(colour.astype(np.float32), (height, width, 3)).copy()


def _colour(generator: np.random.Generator, low: float, high: float) -> _Floats:
    """Return a colour of some grey level with a slight tint."""
    return np.asarray(generator.uniform(low, high) + generator.uniform(-14, 14, 3), np.float32)


def _paper(width: int, height: int, generator: np.random.Generator) -> _Floats:
    return _plain(width, height, _colour(generator, 190, 238))


def _sweep(width: int, height: int, generator: np.random.Generator) -> _Floats:
    top, bottom = _colour(generator, 120, 180), _colour(generator, 190, 235)
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None] ** 1.5
    return np.asarray(np.broadcast_to(top + (bottom - top) * down, (height, width, 3)), np.float32).copy()


def _horizon(width: int, height: int, generator: np.random.Generator) -> _Floats:
    """Return a wall above a table, whose far edge is a line from side to side."""
    pixels = _plain(width, height, _colour(generator, 170, 235))
    edge, slope = generator.uniform(0.4, 0.7) * height, generator.uniform(-0.03, 0.03) * height
    points = np.array([[0, edge], [width, edge + slope], [width, height], [0, height]], np.int32)
    cv2.fillPoly(pixels, [points], _colour(generator, 90, 160).tolist(), cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), generator.uniform(0.8, 3)), np.float32)


def _corner(width: int, height: int, generator: np.random.Generator) -> _Floats:
    """Return two walls and a floor, whose three edges meet in one point."""
    pixels = _plain(width, height, _colour(generator, 190, 230))
    x, y = generator.uniform(0.25, 0.75) * width, generator.uniform(0.45, 0.6) * height
    left, right = generator.uniform(0.6, 0.8, 2) * height
    wall = np.array([[x, 0], [width, 0], [width, right], [x, y]], np.int32)
    floor = np.array([[0, left], [x, y], [width, right], [width, height], [0, height]], np.int32)
    cv2.fillPoly(pixels, [wall], _colour(generator, 140, 180).tolist(), cv2.LINE_AA)
    cv2.fillPoly(pixels, [floor], _colour(generator, 90, 140).tolist(), cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 1.2), np.float32)


def _boards(width: int, height: int, generator: np.random.Generator) -> _Floats:
    """Return wooden boards: grain along each, and a dark seam between two."""
    base = np.array([generator.uniform(140, 200), generator.uniform(100, 140), generator.uniform(60, 95)], np.float32)
    grain = generator.normal(0, 1, (height, max(2, width // 64))).astype(np.float32)
    grain = cv2.GaussianBlur(cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC), (0, 0), 1.0)
    pixels = base + grain[..., None] * np.float32(generator.uniform(6, 14) / max(1e-6, float(grain.std())))
    for seam in np.arange(generator.uniform(0, 0.2), 1, generator.uniform(0.16, 0.24)):
        row = round(float(seam) * height)
        pixels[row : row + max(2, height // 200)] *= 0.55
    return np.asarray(pixels, np.float32)


def _marble(width: int, height: int, generator: np.random.Generator) -> _Floats:
    """Return a pale stone with soft veins, most of them along one direction."""
    pixels = _plain(width, height, _colour(generator, 205, 235))
    veins, slope = np.zeros((height, width), np.float32), generator.uniform(-1, 1)
    for _ in range(int(generator.integers(4, 9))):
        x = np.linspace(-0.2, 1.2, 24)
        y = generator.uniform(-0.4, 1.4) + slope * x + np.cumsum(generator.normal(0, 0.02, len(x)))
        points = np.stack([x * width, y * height], 1).astype(np.int32)
        cv2.polylines(veins, [points], False, float(generator.uniform(0.2, 0.7)), max(1, width // 300), cv2.LINE_AA)
    veins = cv2.GaussianBlur(veins, (0, 0), width / 400)
    return np.asarray(pixels - veins[..., None] * 90, np.float32)


def _lights(width: int, height: int, generator: np.random.Generator) -> _Floats:
    """Return a room far out of focus behind a table: pale discs without an outline."""
    pixels = _plain(width, height, _colour(generator, 70, 120))
    for _ in range(int(generator.integers(6, 14))):
        place = (int(generator.uniform(0, width)), int(generator.uniform(0, 0.5 * height)))
        cv2.circle(pixels, place, int(generator.uniform(0.03, 0.08) * width), _colour(generator, 150, 230).tolist(), -1)
    pixels = cv2.GaussianBlur(pixels, (0, 0), width / 35)
    edge = round(generator.uniform(0.55, 0.7) * height)
    pixels[edge:] = _colour(generator, 110, 170)
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), width / 300), np.float32)


GROUNDS: dict[str, Callable[[int, int, np.random.Generator], _Floats]] = {
    "paper": _paper,
    "sweep": _sweep,
    "horizon": _horizon,
    "corner": _corner,
    "boards": _boards,
    "marble": _marble,
    "lights": _lights,
}
"""Ground -> what draws it. The order is part of every number's scene: append, never reorder."""
