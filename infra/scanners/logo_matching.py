"""Match logos in images: a folder of logos, each searched by its keypoints at any rotation and scale.

Inputs: a folder with a file or a folder of files for each brand (`Acme.png`, or `Acme/badge.png`), then images.
Outputs: by brand, how many keypoints of a logo lie in the image as they lie in the logo.

The keypoints are SIFT's, matched by the ratio test, and counted when one rotation, scale and shift (RANSAC) explains
them. Each is counted once in the logo and once in the image: a stripe that matches a hundred times is no evidence. On
drawn logos (20) and products, images without a logo reached 3, and images with another logo, whose letters were partly
the same, 11. Of 10 logos pasted into a 1024 px image, with a busy print or without, 4 were found at 60 px, 6 or 7 at
80 and 120 px, 8 or 9 at 200 px, turned or half-transparent or not.
Plain logos (a disc, a tick) have too few keypoints to be found at all; `undetectable_brands` names them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from infra.errors import InvalidImage, ScannerMissing
from infra.imaging.codecs import MAX_PIXELS
from infra.interfaces import Pixels
from infra.provenance.image_input import require_max_pixels

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
MAX_FILE_BYTES, MAX_FILE_SIDE = 20 * 10**6, 10_000
"""Limits of a file in the folder, against mistakes: the folder is the operator's own."""
LOGO_SIDE, IMAGE_SIDE = 256, 1024
"""Long sides to which logos and images are scaled."""
MIN_INLIERS = 9
"""Keypoints that must agree before a brand is named: a logo with fewer cannot be found."""

_MARGIN = 24
_MAX_KEYPOINTS = 1500
_RATIO_TEST = 0.75
_RANSAC_TOLERANCE = 5.0
_SCALE_RANGE = (0.08, 8.0)

Points = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Logo:
    """One image of a brand's logo: the positions of its keypoints (n x 2), and their descriptors (n x 128)."""

    brand: str
    keypoints: Points
    descriptors: Points


def list_logo_files(folder: str) -> list[tuple[str, Path]]:
    """Return (brand, file) of every logo in a folder, in order. Raises `ScannerMissing` where there is none."""
    root = Path(folder)
    if not root.is_dir():
        raise ScannerMissing(f"The brand library {folder!r} is no folder here; give its path as this machine sees it.")
    files = [(path, path.relative_to(root)) for path in root.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        raise ScannerMissing(f"The brand library {folder!r} holds no PNG, JPEG or WebP; put the logos there.")
    return sorted((relative.parts[0] if len(relative.parts) > 1 else path.stem, path) for path, relative in files)


class LogoLibrary:
    """The logos of a folder, prepared for matching."""

    def __init__(self, folder: str) -> None:
        """Read every logo; raise `ScannerMissing` or `InvalidImage` for a folder or a file that cannot be used."""
        self._detector = cv2.SIFT.create(_MAX_KEYPOINTS)
        self._matcher = cv2.BFMatcher()
        self.logos = [self._load_logo(brand, path) for brand, path in list_logo_files(folder)]
        self.undetectable_brands = sorted({logo.brand for logo in self.logos if len(logo.keypoints) < MIN_INLIERS})

    def match(self, image: Pixels) -> dict[str, int]:
        """Return brand -> keypoints that agree, for brands with at least `MIN_INLIERS`."""
        points, descriptors = self._detect(_grey(image, IMAGE_SIDE))
        inliers: dict[str, int] = {}
        for logo in self.logos:
            count = self._count_inliers(logo, points, descriptors)
            if count >= MIN_INLIERS:
                inliers[logo.brand] = max(count, inliers.get(logo.brand, 0))
        return inliers

    def _load_logo(self, brand: str, path: Path) -> Logo:
        grey = _grey(_read_logo(path), LOGO_SIDE, enlarge=True)
        edge = int(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
        return Logo(brand, *self._detect(np.pad(grey, _MARGIN, constant_values=edge)))

    def _detect(self, grey: npt.NDArray[np.uint8]) -> tuple[Points, Points]:
        keypoints, descriptors = self._detector.detectAndCompute(grey, None)
        if descriptors is None:
            return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
        return np.array([point.pt for point in keypoints], np.float32), descriptors

    def _count_inliers(self, logo: Logo, points: Points, descriptors: Points) -> int:
        if len(logo.keypoints) < MIN_INLIERS or len(points) < MIN_INLIERS:
            return 0
        pairs = self._matcher.knnMatch(logo.descriptors, descriptors, k=2)
        good = [(one.queryIdx, one.trainIdx) for one, other in pairs if one.distance < _RATIO_TEST * other.distance]
        if len(good) < MIN_INLIERS:
            return 0
        logo_rows, image_rows = np.array(good).T
        transform, agree = cv2.estimateAffinePartial2D(
            logo.keypoints[logo_rows], points[image_rows], method=cv2.RANSAC, ransacReprojThreshold=_RANSAC_TOLERANCE
        )
        if (
            transform is None
            or not _SCALE_RANGE[0] < float(np.hypot(transform[0, 0], transform[1, 0])) < _SCALE_RANGE[1]
        ):
            return 0
        inliers = agree.ravel() == 1
        return min(
            len(np.unique(np.rint(side[inliers]), axis=0)) for side in (logo.keypoints[logo_rows], points[image_rows])
        )


def _read_logo(path: Path) -> npt.NDArray[np.uint8]:
    """Return a logo as RGB; transparent parts become white."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InvalidImage(f"The brand mark {path.name!r} is larger than {MAX_FILE_BYTES:,} bytes; give a smaller one.")
    data = path.read_bytes()
    try:
        require_max_pixels(data, MAX_PIXELS)
    except InvalidImage as error:
        raise InvalidImage(f"The brand mark {path.name!r} cannot be read: {error}") from None
    pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
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
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=interpolation)
    return np.asarray(grey, np.uint8)
