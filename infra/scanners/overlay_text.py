"""Overlay text scanner: measure how much text is written over an image (captions, prices, watermarks).

Inputs: pixels (height x width x 3, RGB). Outputs: `text.area` (share of the frame under words), `text.count` (separate
places with text), `text.confidence` (of the most certain one, 0 without any), and the lines that were read, for the
stored result only: text from an image is never logged.

A word is a line of at least three letters or digits, read with a confidence of at least 0.8: seams, dots and stripes
are often read as a letter or two. Text that is printed on the product counts too; OCR cannot tell it apart.
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
"""Areas are counted on a grid with this many cells per side."""


def version(_: Mapping[str, Any]) -> str:
    """Return the version, or raise `ScannerMissing`."""
    return f"{CODE_VERSION}+{ocr_version()}"


class OverlayTextScanner:
    """Measures the words in an image."""

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
    """Tell whether a line is text, rather than a seam that looks like an l."""
    return line.confidence >= MIN_CONFIDENCE and sum(map(str.isalnum, line.text)) >= MIN_LETTERS


def _text_coverage(words: list[TextLine]) -> tuple[float, int]:
    """Return the share of the frame under the words, and the number of separate places."""
    frame = np.zeros((_GRID, _GRID), np.uint8)
    for word in words:
        cv2.fillPoly(frame, [np.rint(word.corners * (_GRID - 1)).astype(np.int32)], 255)
    component_count, _ = cv2.connectedComponents(frame)
    return float(np.count_nonzero(frame)) / frame.size, component_count - 1
