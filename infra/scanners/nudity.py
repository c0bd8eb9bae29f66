"""Nudity scanner: detect naked persons with NudeNet's small detector, on one thread.

Inputs: pixels (height x width x 3, RGB). Outputs: for each group of classes the best confidence of a detection, 0 to 1,
and the detections themselves. NudeNet is a separate extra, `packshot[nudity]`, because it is AGPL-3.0: its wheel is
labelled MIT, but holds the AGPL's text, and its weights name Ultralytics' AGPL licence.

It has no concept of a person: it takes skin-coloured smooth ovals for buttocks (up to 0.75 on 100 drawn ones, up to
0.42 on 256 drawn products), and it misses back views. So it is one gate among others, and its thresholds belong to the
policy.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import cv2

from infra.interfaces import Pixels
from infra.scanners import ScanResult
from infra.scanners.versions import package_files, package_version

EXTRA, PACKAGE, MODEL = "nudity", "nudenet", "320n.onnx"
CODE_VERSION = "1"

SCORE_CLASSES: Mapping[str, tuple[str, ...]] = {
    "nudity.genitals": ("FEMALE_GENITALIA_EXPOSED", "MALE_GENITALIA_EXPOSED", "ANUS_EXPOSED"),
    "nudity.breast": ("FEMALE_BREAST_EXPOSED",),
    "nudity.buttocks": ("BUTTOCKS_EXPOSED",),
    "nudity.face": ("FACE_FEMALE", "FACE_MALE"),
}
"""Score -> the detector's classes whose best confidence it is."""


def version(_: Mapping[str, Any]) -> str:
    """Return the version, or raise `ScannerMissing`."""
    return package_version(CODE_VERSION, PACKAGE, [MODEL], EXTRA)


class NudityScanner:
    """Detects exposed parts of the body. Opening it takes a third of a second and about 100 MB."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.version = version(settings)
        [model] = package_files(PACKAGE, [MODEL], EXTRA)
        import onnxruntime

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from nudenet import NudeDetector

        self._detector = NudeDetector(str(model))
        # The detector uses every core and has no option for it, so it gets another session.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        self._detector.onnx_session = onnxruntime.InferenceSession(str(model), options, providers=providers)

    def scan(self, image: Pixels) -> ScanResult:
        """Return the best confidence of each group, 0 without a detection."""
        detections = self._detector.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        scores = {
            score: max(
                (float(detection["score"]) for detection in detections if detection["class"] in classes), default=0.0
            )
            for score, classes in SCORE_CLASSES.items()
        }
        details = [
            {"class": detection["class"], "confidence": float(detection["score"]), "box": detection["box"]}
            for detection in detections
        ]
        return ScanResult(scores, details)
