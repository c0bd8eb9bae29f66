"""How much is written over a picture: overlaid text, prices, watermarks.

Comes in: pixels (height x width x 3, RGB). Goes out: `text.area` (share of the frame under words), `text.count`
(places where something is written), `text.confidence` (of the surest of them, 0 where there is none), and the lines
that were read, for the stored result alone: whatever a picture says is nothing for a log.

A word is a line of at least three letters or digits, read with a confidence of at least 0.8: seams, dots and stripes
are read as a letter or two all the time. What the product itself has printed on it counts too; a reader cannot tell.
"""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from infra.interfaces import Pixels
from infra.scanners import ScanResult
from infra.scanners.ocr import TextLine, line_details, ocr_version, shared_ocr_reader

CODE_VERSION = "1"
MIN_LETTERS, MIN_CONFIDENCE = 3, 0.8
_GRID = 512
"""Areas are counted on this many cells a side."""


def version(_: Mapping[str, Any]) -> str:
    """Return the version, or raise `ScannerMissing`."""
    return f"{CODE_VERSION}+{ocr_version()}"


class OverlayTextScanner:
    """Counts what can be read."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.version = version(settings)
        self._reader = shared_ocr_reader()

    def scan(self, image: Pixels) -> ScanResult:
        """Return area, count and best confidence of the words, and all lines."""
        lines = self._reader.read(image)
        words = [line for line in lines if is_word(line)]
        area, count = _text_coverage(words)
        confidence = max((line.confidence for line in words), default=0.0)
        scores = {"text.area": area, "text.count": float(count), "text.confidence": confidence}
        return ScanResult(scores, line_details(lines))


def is_word(line: TextLine) -> bool:
    """Tell whether a line says something, rather than being a seam that looks like an l."""
    return line.confidence >= MIN_CONFIDENCE and sum(map(str.isalnum, line.text)) >= MIN_LETTERS


def _text_coverage(words: list[TextLine]) -> tuple[float, int]:
    """Return the share of the frame under the words, and how many places that are apart they are in."""
    frame = np.zeros((_GRID, _GRID), np.uint8)
    for word in words:
        cv2.fillPoly(frame, [np.rint(word.corners * (_GRID - 1)).astype(np.int32)], 255)
    places, _ = cv2.connectedComponents(frame)
    return float(np.count_nonzero(frame)) / frame.size, places - 1
