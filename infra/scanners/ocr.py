"""Read the text in an image with RapidOCR and the models of its wheel, on one thread, without a network.

Inputs: pixels (height x width x 3, RGB). Outputs: lines of text, each with its confidence and its four corners.

Every image is read twice, with its long side at 736 and at 448 px: small print is lost in the small one, and large
or tilted letters over a busy print are lost in the large one. Of 24 overlays of a 1024 px image (big, tilted,
half-transparent, small print; on plain, checked and printed products) 1024 px read 17, 736 px 19, 448 px 21 in
0.99, 0.43 and 0.19 s of a busy core. Letters of 10 and 12 px are lost at 448, and read at 736 as often as at 1024.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from infra.interfaces import Pixels
from infra.scanners.versions import package_files, package_version

EXTRA, PACKAGE = "ocr", "rapidocr"
MODELS = ("models/PP-OCRv6_det_small.onnx", "models/PP-OCRv6_rec_small.onnx")
CODE_VERSION = "1"
LONG_SIDES = (736, 448)
MIN_CONFIDENCE = 0.5
"""Lines of lower confidence are dropped."""

Corners = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TextLine:
    """A line of text, the confidence of its reading (0 to 1), and its corners (4 x 2) as shares of width and height."""

    text: str
    confidence: float
    corners: Corners


def ocr_version() -> str:
    """Return the version, or raise `ScannerMissing`."""
    return f"{package_version(CODE_VERSION, PACKAGE, MODELS, EXTRA)}+{'-'.join(map(str, LONG_SIDES))}"


class OcrReader:
    """Reads images. It caches the last one, which two scanners read one after the other."""

    def __init__(self) -> None:
        detection, recognition = package_files(PACKAGE, MODELS, EXTRA)
        from rapidocr import RapidOCR

        # With the paths of both models given, it downloads nothing.
        self._read: Any = RapidOCR(
            params={
                "Global.use_cls": False,
                "Global.log_level": "critical",
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                "Det.model_path": str(detection),
                "Det.limit_side_len": 32,  # a minimum; the default would enlarge the small reading to 736 px
                "Rec.model_path": str(recognition),
            }
        )
        self._last: tuple[Pixels, list[TextLine]] | None = None

    def read(self, image: Pixels) -> list[TextLine]:
        """Return all lines of both readings; the same words may occur twice."""
        if self._last is None or self._last[0] is not image:
            self._last = image, [line for side in LONG_SIDES for line in self._read_lines(image, side)]
        return self._last[1]

    def _read_lines(self, image: Pixels, long_side: int) -> list[TextLine]:
        height, width = image.shape[:2]
        scale = long_side / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        result = self._read(cv2.cvtColor(cv2.resize(image, size, interpolation=interpolation), cv2.COLOR_RGB2BGR))
        if result.txts is None or result.boxes is None or result.scores is None:
            return []
        return [
            TextLine(str(text), float(confidence), np.asarray(corners / np.array(size), np.float32))
            for text, confidence, corners in zip(result.txts, result.scores, result.boxes, strict=True)
            if confidence >= MIN_CONFIDENCE
        ]


@cache
def shared_ocr_reader() -> OcrReader:
    """Return this process's one reader, which holds 30 MB of models."""
    return OcrReader()


def line_details(lines: list[TextLine]) -> list[Mapping[str, object]]:
    """Return lines as plain JSON values."""
    return [
        {"text": line.text, "confidence": line.confidence, "corners": line.corners.round(4).tolist()} for line in lines
    ]
