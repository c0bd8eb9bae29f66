"""Negatives: the studio's photographs, drawn once and stored, from which images of any look are rendered.

Inputs: the number for each product and view, a seed. Outputs: `<split>/<product>-<view>-<number>.npz`, one negative
each, written atomically, so that an interrupted session continues where it stopped.
The split `held-out` has seeds of its own and is never trained on: `infra.nano.training.check` trains its classifier of
products on it.
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
    """One negative to draw or to load: number `number` of its product and view in a split."""

    split: str
    product: str
    view: str
    number: int

    def path(self, folder: Path) -> Path:
        """Return the negative's file."""
        return folder / self.split / f"{self.product.replace(' ', '_')}-{self.view}-{self.number:03}.npz"

    def generator(self) -> np.random.Generator:
        """Return the random generator of this negative, independent of the order of drawing."""
        name = zlib.crc32(f"{self.product}/{self.view}".encode())
        return np.random.default_rng((SPLITS[self.split], name, self.number))


def list_negatives(split: str, each: int) -> list[NegativeSpec]:
    """Return every product and view, `each` times; each round covers all products."""
    return [
        NegativeSpec(split, product, view, number) for number in range(each) for product in PRODUCTS for view in VIEWS
    ]


def draw_negatives(folder: Path, specs: list[NegativeSpec], processes: int) -> Iterator[NegativeSpec]:
    """Draw the missing negatives, and yield each as it is stored."""
    missing = [spec for spec in specs if not spec.path(folder).exists()]
    for split in {spec.split for spec in missing}:
        (folder / split).mkdir(parents=True, exist_ok=True)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # one process for each core: threads within one would wait for each other
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(_draw_negative, folder, spec) for spec in missing]):
            yield future.result()


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
    """Return a stored negative."""
    with np.load(spec.path(folder)) as planes:
        return Negative(**{field.name: planes[field.name] for field in fields(Negative)})


def render_subject(folder: Path, spec: NegativeSpec, look: Look) -> tuple[Subject, ImageArray]:
    """Return the subject and the image of a negative in a look."""
    return Subject(spec.product, spec.view, look), render_image(load_negative(folder, spec), look)
