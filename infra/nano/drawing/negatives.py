"""The training pictures, drawn once and kept: negatives in a folder, from which pictures of any look are painted.

Comes in: how many of each product and view, a seed. Goes out: `<split>/<product>-<view>-<number>.npz`, a negative
each, written whole or not at all, so that a drawing session goes on where it was stopped. The split `held-out` is
drawn from seeds of its own and never trained on: `infra.nano.training.check` learns to recognise products from it.
"""

import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, fields
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from infra.nano.drawing.captions import Subject
from infra.nano.drawing.products import PRODUCTS, parts_of
from infra.nano.drawing.rendering import Look, Picture, painted
from infra.nano.drawing.studio import VIEWS, Negative, photograph

SPLITS = {"training": 0, "held-out": 1}


@dataclass(frozen=True)
class Drawing:
    """One negative to draw or to load: the `number`th of its product and view in a split."""

    split: str
    product: str
    view: str
    number: int

    def path(self, folder: Path) -> Path:
        """Return where the negative is kept."""
        return folder / self.split / f"{self.product.replace(' ', '_')}-{self.view}-{self.number:03}.npz"

    def generator(self) -> np.random.Generator:
        """Return the randomness of this drawing alone, whoever draws it and in whatever order."""
        name = zlib.crc32(f"{self.product}/{self.view}".encode())
        return np.random.default_rng((SPLITS[self.split], name, self.number))


def drawings(split: str, each: int) -> list[Drawing]:
    """Return every product and view, `each` times; all products come once before any comes again."""
    return [Drawing(split, product, view, number) for number in range(each) for product in PRODUCTS for view in VIEWS]


def draw_all(folder: Path, wanted: list[Drawing], processes: int) -> Iterator[Drawing]:
    """Draw what is not there yet, and yield each drawing as it is kept."""
    missing = [drawing for drawing in wanted if not drawing.path(folder).exists()]
    for split in {drawing.split for drawing in missing}:
        (folder / split).mkdir(parents=True, exist_ok=True)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process a core: threads within one only wait for each other
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(_draw, folder, drawing) for drawing in missing]):
            yield done.result()


def _draw(folder: Path, drawing: Drawing) -> Drawing:
    cv2.setNumThreads(1)
    generator = drawing.generator()
    negative = photograph(parts_of(drawing.product, generator), drawing.view, generator)
    path = drawing.path(folder)
    unfinished = path.with_suffix(f".{os.getpid()}")
    with unfinished.open("wb") as file:
        np.savez_compressed(file, **{field.name: getattr(negative, field.name) for field in fields(Negative)})
    unfinished.replace(path)
    return drawing


def load_negative(folder: Path, drawing: Drawing) -> Negative:
    """Return a kept negative."""
    with np.load(drawing.path(folder)) as planes:
        return Negative(**{field.name: planes[field.name] for field in fields(Negative)})


def picture_of(folder: Path, drawing: Drawing, look: Look) -> tuple[Subject, Picture]:
    """Return what is seen, and the picture."""
    return Subject(drawing.product, drawing.view, look), painted(load_negative(folder, drawing), look)
