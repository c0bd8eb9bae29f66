"""Rehearsal stages: the empty scenes of the rehearsal, drawn: `python -m infra.nano.drawing.rehearsal_stages`.

Inputs: none. Outputs: the files of `catalogs/data/stages`, which the wheel holds, since the drawing code is not in it.
They stand for two backdrops that a shop has photographed: boards from above, and a floor before a wall.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from infra.interfaces import Pixels
from infra.nano.drawing.scenes import draw_scene

SIDE = 1024
FOLDER = Path(__file__).parents[3] / "catalogs" / "data" / "stages"
JPEG_QUALITY = 85
REHEARSAL_STAGES = (("boards.jpg", "boards", 4), ("wall.jpg", "horizon", 2))
"""Each file's name, its ground, and a seed."""


def draw_rehearsal_stages() -> Iterator[tuple[str, Pixels]]:
    """Yield each file's name with its pixels before they are encoded."""
    for name, ground, seed in REHEARSAL_STAGES:
        yield name, draw_scene(ground, (SIDE, SIDE), np.random.default_rng((7, seed))).pixels


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, pixels in draw_rehearsal_stages():
        cv2.imwrite(str(FOLDER / name), pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])


if __name__ == "__main__":
    main()
