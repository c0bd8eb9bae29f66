"""Measure the images of a folder; nothing is finished, staged or kept.

Inputs: a folder of pictures as shops hold them. Outputs: each image's scores, or the reason why it has none. The
numbers are those of the scanner `pixels`, except that the background is measured on the file too; transparent pictures
are measured on white.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import cv2

from infra.errors import InvalidImage
from infra.imaging.metrics.background import measure_background
from infra.imaging.metrics.pixels import measure_pixels
from infra.imaging.shop_photos import read_shop_photo

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
UNREAD_SUFFIXES = (".avif", ".bmp", ".gif", ".heic", ".heif", ".jxl", ".psd", ".tif", ".tiff", ".webp")
"""Formats of pictures that are not read: a person should know that they were left out."""
MAX_FILE_BYTES = 100_000_000
BATCH_SIZE = 64


def list_images(folder: Path) -> list[Path]:
    """Return every JPEG and PNG at any depth, by name, relative to the folder."""
    return _list_files(folder, IMAGE_SUFFIXES)


def list_unread_images(folder: Path) -> list[Path]:
    """Return every picture of a format that is not read, by name, relative to the folder."""
    return _list_files(folder, UNREAD_SUFFIXES)


def _list_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files with one of these endings, without those that macOS keeps beside each file (`._name`)."""
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in suffixes and not path.name.startswith("._"))
    return sorted(path.relative_to(folder) for path in paths if path.is_file())


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
        pixels = read_shop_photo(path.read_bytes()).over_white()
    except (OSError, InvalidImage) as error:
        return str(error)
    return {**measure_pixels(pixels), **measure_background(pixels)}
