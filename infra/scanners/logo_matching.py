"""Brand marks in pictures: a folder of marks, each looked for by its corners and blobs, turned and scaled at will.

Comes in: a folder with a file or a folder of files for each brand (`Acme.png`, or `Acme/badge.png`), then pictures.
Goes out: by brand, how many points of a mark lie in the picture as they lie in the mark.

The points are SIFT's, matched by the ratio test, and counted when one rotation, scale and shift (RANSAC) explains them.
Each is counted once in the mark and once in the picture: a stripe that matches a hundred times is no evidence. On drawn
marks (20) and products, pictures without a mark reached 3, and pictures with another mark, whose letters were partly
the same, 11. Of 10 marks pasted into a 1024 px picture, with a busy print or without, 4 were found at 60 px, 6 or 7 at
80 and 120 px, 8 or 9 at 200 px, turned or half-transparent or not.
Plain marks (a disc, a tick) have too few points to be found at all; `plain` names them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from infra.errors import BadImage, ScannerMissing
from infra.interfaces import Pixels

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
LARGEST_BYTES, LARGEST_SIDE = 20 * 10**6, 10_000
"""Of a file in the folder; it is the operator's own, so this is against mistakes."""
MARK_SIDE, PICTURE_SIDE = 256, 1024
"""Long sides at which marks and pictures are looked at."""
ENOUGH = 9
"""Points that must agree before a brand is named: a mark with fewer cannot be found."""

_MARGIN = 24
_POINTS = 1500
_RATIO = 0.75
_TOLERANCE = 5.0
_SCALES = (0.08, 8.0)

Points = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Mark:
    """One picture of a brand's mark: where its points are (n x 2), and what they look like (n x 128)."""

    brand: str
    points: Points
    looks: Points


def library_files(folder: str) -> list[tuple[str, Path]]:
    """Return (brand, file) of every mark in a folder, in order. Raises `ScannerMissing` where there is none."""
    root = Path(folder)
    if not root.is_dir():
        raise ScannerMissing(f"The brand library {folder!r} is no folder here; give its path as this machine sees it.")
    files = [(path, path.relative_to(root)) for path in root.rglob("*") if path.suffix.lower() in SUFFIXES]
    if not files:
        raise ScannerMissing(f"The brand library {folder!r} holds no PNG, JPEG or WebP; put the marks there.")
    return sorted((place.parts[0] if len(place.parts) > 1 else path.stem, path) for path, place in files)


class Library:
    """The marks of a folder, ready to be looked for."""

    def __init__(self, folder: str) -> None:
        """Read every mark; raise `ScannerMissing` or `BadImage` for a folder or a file that cannot be used."""
        self._finder = cv2.SIFT.create(_POINTS)
        self._matcher = cv2.BFMatcher()
        self.marks = [self._mark(brand, path) for brand, path in library_files(folder)]
        self.plain = sorted({mark.brand for mark in self.marks if len(mark.points) < ENOUGH})

    def find(self, picture: Pixels) -> dict[str, int]:
        """Return brand -> points that agree, for brands with at least `ENOUGH`."""
        points, looks = self._points(_grey(picture, PICTURE_SIDE))
        found: dict[str, int] = {}
        for mark in self.marks:
            count = self._agreeing(mark, points, looks)
            if count >= ENOUGH:
                found[mark.brand] = max(count, found.get(mark.brand, 0))
        return found

    def _mark(self, brand: str, path: Path) -> Mark:
        grey = _grey(_read(path), MARK_SIDE, enlarge=True)
        edge = int(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
        return Mark(brand, *self._points(np.pad(grey, _MARGIN, constant_values=edge)))

    def _points(self, grey: npt.NDArray[np.uint8]) -> tuple[Points, Points]:
        found, looks = self._finder.detectAndCompute(grey, None)
        if looks is None:
            return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
        return np.array([point.pt for point in found], np.float32), looks

    def _agreeing(self, mark: Mark, points: Points, looks: Points) -> int:
        if len(mark.points) < ENOUGH or len(points) < ENOUGH:
            return 0
        pairs = self._matcher.knnMatch(mark.looks, looks, k=2)
        good = [(one.queryIdx, one.trainIdx) for one, other in pairs if one.distance < _RATIO * other.distance]
        if len(good) < ENOUGH:
            return 0
        there, here = np.array(good).T
        placed, agree = cv2.estimateAffinePartial2D(
            mark.points[there], points[here], method=cv2.RANSAC, ransacReprojThreshold=_TOLERANCE
        )
        if placed is None or not _SCALES[0] < float(np.hypot(placed[0, 0], placed[1, 0])) < _SCALES[1]:
            return 0
        chosen = agree.ravel() == 1
        return min(len(np.unique(np.rint(side[chosen]), axis=0)) for side in (mark.points[there], points[here]))


def _read(path: Path) -> npt.NDArray[np.uint8]:
    """Return a mark as RGB; what is transparent in it becomes white."""
    if path.stat().st_size > LARGEST_BYTES:
        raise BadImage(f"The brand mark {path.name!r} is larger than {LARGEST_BYTES:,} bytes; give a smaller one.")
    pixels: Any = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or max(pixels.shape[:2]) > LARGEST_SIDE:
        raise BadImage(f"The brand mark {path.name!r} cannot be read, or has a side over {LARGEST_SIDE:,} px.")
    if pixels.dtype != np.uint8:
        pixels = cv2.convertScaleAbs(pixels, alpha=1 / 257)
    if pixels.ndim == 2:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), np.uint8)
    if pixels.shape[2] == 4:
        ink = pixels[..., 3:].astype(np.float32) / 255
        pixels = np.rint(pixels[..., :3] * ink + 255 * (1 - ink)).astype(np.uint8)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def _grey(pixels: Pixels, long_side: int, *, enlarge: bool = False) -> npt.NDArray[np.uint8]:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    scale = long_side / max(grey.shape)
    if scale < 1 or (enlarge and scale > 1):
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how)
    return np.asarray(grey, np.uint8)
