"""Drawn photos: packshot-nano's products before grounds as photographers have them, with exact masks.

Inputs: how many, the side in pixels, a seed. Outputs: `DrawnPhoto`s, the same for the same inputs. Each product stands
in turn before pure white, off-white with its shadow, a grey sweep with its shadow, and a busy ground, so a share of the
photos is a share of each ground. The product is composited by its coverage, which is therefore the exact mask: the
studio's planes are enlarged, and the outline is sharpened to one pixel before anything is composited.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from infra.interfaces import Photo, Pixels
from infra.nano.drawing.products import PRODUCTS, product_solids
from infra.nano.drawing.rendering import COLOURS, FINISHES, PATTERNS, Look, render_image
from infra.nano.drawing.studio import SIDE, VIEWS, Negative, photograph

GROUNDS = ("white", "off-white", "sweep", "busy")
PLAIN_GROUNDS = ("white", "off-white", "sweep")
"""The grounds on which a flood has a vote; all but the first hold the product's shadow."""

NOISE_LEVELS, JPEG_QUALITY = 1.5, 92
"""A camera's noise in grey levels, and the quality at which shops keep photos."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DrawnPhoto:
    """A photo, the product and the ground that it shows, and its exact mask (0 to 255)."""

    name: str
    ground: str
    photo: Photo
    mask: npt.NDArray[np.uint8]


def draw_photos(count: int, side: int, seed: int = 0) -> Iterator[DrawnPhoto]:
    """Yield the first so many photos: sixteen products before the first ground, then before the next."""
    return (draw_photo(number, side, seed) for number in range(count))


def draw_photo(number: int, side: int, seed: int = 0) -> DrawnPhoto:
    """Return one of the photos, by its number."""
    names, generator = list(PRODUCTS), np.random.default_rng((seed, number))
    name, ground = names[number % len(names)], GROUNDS[number // len(names) % len(GROUNDS)]
    return draw_product(name, ground, side, generator, f"{seed:032x}{number:032x}")


def draw_product(
    name: str, ground: str, side: int, generator: np.random.Generator, sha256: str = "", look: Look | None = None
) -> DrawnPhoto:
    """Return a photo of one product before one ground; without a `look` it has a random one."""
    view = list(VIEWS)[int(generator.integers(3))]
    negative = _enlarged(photograph(product_solids(name, generator), view, generator), side)
    look = look or _look(generator)
    pixels = _photographed(negative, look, _ground(ground, side, generator), ground, generator)
    return DrawnPhoto(name, ground, Photo(pixels, None, sha256), negative.coverage)


def _look(generator: np.random.Generator) -> Look:
    colours = list(COLOURS)
    return Look(
        colours[int(generator.integers(len(colours)))],
        PATTERNS[int(generator.integers(len(PATTERNS)))],
        FINISHES[int(generator.integers(len(FINISHES)))],
    )


def _enlarged(negative: Negative, side: int) -> Negative:
    """Return the planes at this side, the outline as sharp as the studio's own: about one pixel."""

    def plane(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        return np.asarray(cv2.resize(values, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)

    wide = plane(negative.coverage).astype(np.float32) / 255
    coverage = np.clip((wide - 0.5) * max(1.0, side / SIDE) + 0.5, 0, 1)
    # Outside the product its surface is unknown: the nearest one is taken, so that a sharpened edge has its colour.
    surface, light = _extended(negative.surface, negative.coverage), _extended(negative.light, negative.coverage)
    place = cv2.resize(negative.place.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    return replace(
        negative,
        coverage=np.asarray(np.rint(coverage * 255), np.uint8),
        light=plane(light),
        gloss=plane(negative.gloss),
        shadow=plane(negative.shadow),
        surface=np.asarray(cv2.resize(surface, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8),
        place=place.astype(np.float16),
    )


def _extended(plane: npt.NDArray[np.uint8], coverage: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    outside = np.asarray(coverage < 128, np.uint8)
    _, labels = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    nearest = np.zeros(labels.max() + 1, np.uint8)
    nearest[labels[outside == 0]] = plane[outside == 0]
    return np.asarray(nearest[labels], np.uint8)


def _photographed(
    negative: Negative, look: Look, ground: Floats, ground_name: str, generator: np.random.Generator
) -> Pixels:
    whole = replace(negative, coverage=np.full_like(negative.coverage, 255))
    product = render_image(whole, look).astype(np.float32)
    if ground_name != "white":
        ground = np.asarray(ground * (1 - negative.shadow.astype(np.float32) / 255)[..., None], np.float32)
    inside = (negative.coverage.astype(np.float32) / 255)[..., None]
    pixels = product * inside + ground * (1 - inside)
    if ground_name != "white":
        pixels = pixels + generator.normal(0, NOISE_LEVELS, pixels.shape).astype(np.float32)
    pixels = np.asarray(np.rint(np.clip(pixels, 0, 255)), np.uint8)
    _, jpeg = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return np.ascontiguousarray(np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))[..., ::-1], np.uint8)


def _ground(name: str, side: int, generator: np.random.Generator) -> Floats:
    down = np.linspace(0, 1, side, dtype=np.float32)[:, None, None]
    if name == "white":
        return np.full((side, side, 3), 255, np.float32)
    if name == "off-white":
        return np.broadcast_to(np.asarray(generator.uniform(236, 250, 3), np.float32), (side, side, 3)).copy()
    if name == "sweep":
        top, bottom = generator.uniform(150, 190), generator.uniform(205, 240)
        return np.asarray(np.broadcast_to(top + (bottom - top) * down, (side, side, 3)), np.float32).copy()
    return _busy_ground(side, generator)


def _busy_ground(side: int, generator: np.random.Generator) -> Floats:
    """Return boards, leaves or a wall of spots: noise at several scales, stretched along one direction, in two inks."""
    inks = generator.uniform(40, 230, (2, 3)).astype(np.float32)
    plane = np.zeros((side, side), np.float32)
    stretch = int(generator.integers(1, 8))
    for octave in (4, 8, 16, 32, 64):
        noise = generator.normal(0, 1, (octave, octave * stretch)).astype(np.float32)
        plane += cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC) / np.float32(np.sqrt(octave))
    share = np.clip(plane / (4 * plane.std()) + 0.5, 0, 1)[..., None]
    return np.asarray(inks[0] + (inks[1] - inks[0]) * share, np.float32)
