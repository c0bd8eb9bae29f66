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
from infra.nano.drawing.products import PRODUCTS, product_solids
from infra.nano.drawing.rendering import ImageArray, Look, render_image
from infra.nano.drawing.studio import VIEWS, Negative, photograph

SPLITS = {"training": 0, "held-out": 1}


@dataclass(frozen=True)
class NegativeSpec:
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


def list_negatives(split: str, each: int) -> list[NegativeSpec]:
    """Return every product and view, `each` times; all products come once before any comes again."""
    return [
        NegativeSpec(split, product, view, number) for number in range(each) for product in PRODUCTS for view in VIEWS
    ]


def draw_negatives(folder: Path, specs: list[NegativeSpec], processes: int) -> Iterator[NegativeSpec]:
    """Draw what is not there yet, and yield each drawing as it is kept."""
    missing = [drawing for drawing in specs if not drawing.path(folder).exists()]
    for split in {drawing.split for drawing in missing}:
        (folder / split).mkdir(parents=True, exist_ok=True)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process a core: threads within one only wait for each other
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(_draw_negative, folder, drawing) for drawing in missing]):
            yield done.result()


def _draw_negative(folder: Path, spec: NegativeSpec) -> NegativeSpec:
    cv2.setNumThreads(1)
    generator = spec.generator()
    negative = photograph(product_solids(spec.product, generator), spec.view, generator)
    path = spec.path(folder)
    unfinished = path.with_suffix(f".{os.getpid()}")
    with unfinished.open("wb") as file:
        np.savez_compressed(file, **{field.name: getattr(negative, field.name) for field in fields(Negative)})
    unfinished.replace(path)
    return spec


def load_negative(folder: Path, spec: NegativeSpec) -> Negative:
    """Return a kept negative."""
    with np.load(spec.path(folder)) as planes:
        return Negative(**{field.name: planes[field.name] for field in fields(Negative)})


def render_subject(folder: Path, spec: NegativeSpec, look: Look) -> tuple[Subject, ImageArray]:
    """Return what is seen, and the picture."""
    return Subject(spec.product, spec.view, look), render_image(load_negative(folder, spec), look)
