"""ONNX cutters: a segmentation network as one file, run by ONNX Runtime on one thread of the CPU.

Inputs: a model (a checked graph, or bytes that somebody knows by their sha256) and a photo. Outputs: the photo's mask.
The network takes one image of 1 x 3 x side x side, normalised by ImageNet's mean and deviation, and its first output is
one plane: opacities of 0 to 1, or logits, which are told by values beyond that range and are put through a sigmoid.
U2-Net, IS-Net and BiRefNet are exported so. A side that the graph leaves open is 1024.

A customer's file runs no code: it is read as `infra.onnx_graphs.external_data` allows, so its weights are files beside
it, and no library of its own is loaded. What it answers is checked: another shape, and numbers that are not finite, are
a `CutterUnusable`.
"""

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from infra.errors import CutterUnusable, one_line
from infra.interfaces import AlphaMask, Photo, Pixels

Floats = npt.NDArray[np.float32]

DEFAULT_SIDE, MAX_SIDE = 1024, 2048
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, over 0..1, by which all of these networks were trained."""

_LOGIT_SLACK = 0.01
_READ_BLOCK = 2**20
_DIGEST_DIGITS = 12


class OnnxCutter:
    """Cuts by one network, which is opened once; a process of its own holds it."""

    def __init__(self, name: str, version: str, model: bytes | str) -> None:
        """Open a model, given as its bytes or as the path of a graph that was checked."""
        self.name, self.version = name, version
        try:
            import onnxruntime
        except ImportError as error:
            raise CutterUnusable(
                f"The cutter {name!r} needs ONNX Runtime ({error}); install it: `pip install 'packshot[cutout]'`."
            ) from error
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # an arena keeps the most that any photo took
        try:
            self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own classes, which are private
            raise CutterUnusable(f"The cutter {name!r} cannot be opened: {one_line(error)}.") from error
        self._input, self._side = _input_side(name, self._session.get_inputs())

    def cut(self, photo: Photo) -> AlphaMask:
        """Return the mask, at the photo's size. Raises `CutterUnusable` for an answer that is no mask."""
        height, width = photo.pixels.shape[:2]
        try:
            answers = self._session.run(None, {self._input: _network_input(photo.pixels, self._side)})
        except Exception as error:  # as above
            raise CutterUnusable(f"The cutter {self.name!r} cannot be run: {one_line(error)}.") from error
        plane = self._plane(answers[0] if answers else None)
        enlarged = cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.convertScaleAbs(enlarged, alpha=255), np.uint8)  # without a plane of floats more

    def _plane(self, answer: Any) -> Floats:
        plane = np.squeeze(np.asarray(answer)) if answer is not None else np.zeros(0)
        if plane.ndim != 2 or plane.dtype.kind != "f" or not np.isfinite(plane).all():
            raise CutterUnusable(
                f"The cutter {self.name!r} answers with {plane.dtype} of shape {plane.shape}; a mask is one plane of"
                " finite numbers."
            )
        opacity: Floats = plane.astype(np.float32)
        if opacity.min() < -_LOGIT_SLACK or opacity.max() > 1 + _LOGIT_SLACK:
            opacity = np.asarray(1 / (1 + np.exp(-np.clip(opacity, -50, 50))), np.float32)
        return np.asarray(np.clip(opacity, 0, 1), np.float32)


def open_onnx_file(path: Path) -> OnnxCutter:
    """Return the cutter of a customer's file. Raises `CutterUnusable` where it is missing, damaged or not allowed.

    Its version holds the sha256 of the graph and of all data beside it that the graph names.
    """
    try:
        from infra.onnx_graphs.external_data import external_files, load_graph

        files = [path, *external_files(load_graph(path), path.parent)]
    except ImportError as error:
        raise CutterUnusable(
            f"The cutter {path.name!r} needs onnx ({error}); install it: `pip install 'packshot[cutout]'`."
        ) from error
    except (OSError, ValueError) as error:
        raise CutterUnusable(f"The cutter {path.name!r} cannot be read: {one_line(error)}.") from error
    return OnnxCutter(f"onnx-{path.stem}", _files_digest(files), str(path))


def _files_digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.name}\n{path.stat().st_size}\n".encode())
        with path.open("rb") as stream:
            while block := stream.read(_READ_BLOCK):
                digest.update(block)
    return digest.hexdigest()[:_DIGEST_DIGITS]


_FLOATS = "tensor(float)"


def _input_side(name: str, inputs: list[Any]) -> tuple[str, int]:
    """Return the input's name and its side."""
    shape = list(inputs[0].shape) if len(inputs) == 1 else []
    known = [length for length in shape if isinstance(length, int)]
    sides = {length for length in shape[2:] if isinstance(length, int)} or {DEFAULT_SIDE}
    if len(shape) != 4 or shape[1] != 3 or len(sides) != 1 or max(known) > MAX_SIDE or inputs[0].type != _FLOATS:
        described = ", ".join(f"{given.type} {given.shape}" for given in inputs)
        raise CutterUnusable(
            f"The cutter {name!r} takes {described}; it must take one {_FLOATS} of 1 x 3 x side x side, at most"
            f" {MAX_SIDE} px."
        )
    return inputs[0].name, sides.pop()


def _network_input(pixels: Pixels, side: int) -> Floats:
    small = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    normalised = (small - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
    return np.ascontiguousarray(normalised.transpose(2, 0, 1)[None])
