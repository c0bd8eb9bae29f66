"""Measure the images of a folder; nothing is finished, staged or kept.

Inputs: a folder. Outputs: each image's scores, or the reason why it has none. The numbers are those of the scanner
`pixels`, except that the background is measured on the file too.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import cv2

from infra.errors import InvalidImage
from infra.imaging.codecs import decode
from infra.imaging.metrics.background import measure_background
from infra.imaging.metrics.pixels import measure_pixels

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
MAX_FILE_BYTES = 100_000_000
BATCH_SIZE = 64


def list_images(folder: Path) -> list[Path]:
    """Return every JPEG and PNG at any depth, by name, relative to the folder."""
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    return sorted(path.relative_to(folder) for path in paths)


def measure_folder(folder: Path, images: list[Path]) -> Iterator[tuple[Path, dict[str, float] | str]]:
    """Yield each image with its scores, in order; a text says why one could not be read."""
    cv2.setNumThreads(1)  # one thread per core; more threads within each only wait for one another
    rest = iter(images)
    with ThreadPoolExecutor(os.cpu_count(), "folder") as threads:
        while batch := list(islice(rest, BATCH_SIZE)):
            yield from zip(batch, threads.map(_measure_file, (folder / path for path in batch)), strict=True)


def _measure_file(path: Path) -> dict[str, float] | str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return f"it is larger than {MAX_FILE_BYTES:,} bytes"
        pixels = decode(path.read_bytes())
    except (OSError, InvalidImage) as error:
        return str(error)
    return {**measure_pixels(pixels), **measure_background(pixels)}
