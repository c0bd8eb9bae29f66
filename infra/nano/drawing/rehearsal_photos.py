"""Rehearsal photos: the photos of the rehearsal's catalogue, drawn: `python -m infra.nano.drawing.rehearsal_photos`.

Inputs: none. Outputs: the files of `catalogs/data/photos`, which the wheel holds, since the drawing code is not in it.
Each shows one thing that shops' photos do: pure white, an off-white ground with the product's shadow, a grey sweep, a
ring with a hole, a white product on white, and a product that the frame cuts off.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from infra.interfaces import Pixels
from infra.nano.drawing.photographs import JPEG_QUALITY, draw_product
from infra.nano.drawing.rendering import Look

SIDE = 800
FOLDER = Path(__file__).parents[3] / "catalogs" / "data" / "photos"


@dataclass(frozen=True)
class RehearsalPhoto:
    """One photo: the file's name, the product, its look, its ground, a seed.

    `cut` is the share of the photo that is cut off at its left, `bright` how much nearer to white every pixel is.
    """

    file: str
    product: str
    look: Look
    ground: str
    seed: int
    cut: float = 0.0
    bright: float = 0.0


REHEARSAL_PHOTOS = (
    RehearsalPhoto("mug.jpg", "mug", Look("orange", "dotted", "glossy"), "white", 31),
    RehearsalPhoto("backpack.jpg", "backpack", Look("green"), "off-white", 32),
    RehearsalPhoto("pan.jpg", "pan", Look("blue", "plain", "glossy"), "sweep", 34),
    RehearsalPhoto("ring.jpg", "ring", Look("yellow", "plain", "glossy"), "white", 34),
    RehearsalPhoto("sneaker.jpg", "sneaker", Look("red", "striped"), "white", 33),
    RehearsalPhoto("plant-pot.jpg", "plant pot", Look("beige"), "white", 36, bright=0.93),
    RehearsalPhoto("bottle.jpg", "bottle", Look("purple", "plain", "glossy"), "white", 37, cut=0.42),
)


def draw_rehearsal_photos() -> Iterator[tuple[str, Pixels]]:
    """Yield each file's name with its pixels before they are encoded."""
    for photo in REHEARSAL_PHOTOS:
        generator = np.random.default_rng(photo.seed)
        pixels = draw_product(photo.product, photo.ground, SIDE, generator, look=photo.look).photo.pixels
        pixels = 255 - np.rint((255 - pixels[:, round(photo.cut * SIDE) :]) * (1 - photo.bright))
        yield photo.file, np.ascontiguousarray(pixels, np.uint8)


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, pixels in draw_rehearsal_photos():
        cv2.imwrite(str(FOLDER / name), pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])


if __name__ == "__main__":
    main()
