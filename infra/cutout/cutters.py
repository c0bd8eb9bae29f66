"""Cutters: what finds the product in a photo, by name.

Inputs: names, as a recipe or a setting gives them. Outputs: open `Cutter`s. A name is `plain-ground`, `u2netp`, the
path of an ONNX file (`cutters/birefnet.onnx`), or the address of code (`module:factory`) that returns a `Cutter`.
The file's own transparency is a cutter too, but is never asked for by name: a photo has it or not.

A cutter's name and version name its masks in the store, so a version changes with everything that moves a mask.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np

from infra.cutout.onnx_model import open_onnx_file
from infra.cutout.plain_ground import PlainGroundCutter
from infra.cutout.u2netp import NAME as U2NETP
from infra.cutout.u2netp import open_u2netp
from infra.errors import CutterUnusable, one_line
from infra.interfaces import AlphaMask, Photo

OWN_CUTTERS = (PlainGroundCutter.name, U2NETP)
"""The cutters that come with Packshot; the second with the extra `packshot[cutout]`."""


class Cutter(Protocol):
    """Finds the product in photos. Used by one thread."""

    name: str
    version: str

    def cut(self, photo: Photo) -> AlphaMask:
        """Return the product's mask, of the photo's size; raise `CutterUnusable` where it cannot."""


class FileAlphaCutter:
    """Takes the transparency that came with the photo."""

    name, version = "file-alpha", "1"

    def cut(self, photo: Photo) -> AlphaMask:
        """Return the file's own mask."""
        if photo.alpha is None:
            raise CutterUnusable("The photo has no transparency of its own.")
        return photo.alpha


class CheckedCutter:
    """A customer's cutter, whose answers are checked: a mask has the photo's size and 8 bits."""

    def __init__(self, address: str, cutter: Cutter) -> None:
        self._address, self._cutter = address, cutter
        self.name, self.version = str(cutter.name), str(cutter.version)

    def cut(self, photo: Photo) -> AlphaMask:
        """Return the mask. Raises `CutterUnusable` whatever goes wrong in the customer's code."""
        try:
            mask = self._cutter.cut(photo)
        except Exception as error:  # a foreign module may raise anything
            raise CutterUnusable(f"The cutter {self._address!r} failed: {one_line(error)}.") from error
        if not isinstance(mask, np.ndarray) or mask.dtype != np.uint8 or mask.shape != photo.pixels.shape[:2]:
            described = f"{mask.dtype} of shape {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
            raise CutterUnusable(
                f"The cutter {self._address!r} answers with {described}; a mask of this photo is uint8 of shape"
                f" {photo.pixels.shape[:2]}."
            )
        return mask


@dataclass(frozen=True)
class NamedCutters:
    """Opens cutters by the names that recipes use; it pickles, to open them in the process that cuts.

    `addresses` are the shop's own: name -> a file *.onnx, or module:factory. A recipe holds names alone, since it must
    neither start code nor say where a machine keeps its files.
    """

    addresses: Mapping[str, str] = field(default_factory=dict)
    u2netp_weights: Path | None = None

    def __call__(self, name: str) -> Cutter:
        """Return a cutter, opened, under the recipe's name. Raises `CutterUnusable` with what to do."""
        if name not in self.addresses:
            if name not in OWN_CUTTERS:
                known = ", ".join((*OWN_CUTTERS, *sorted(self.addresses)))
                raise CutterUnusable(f"There is no cutter {name!r}; known are {known}. PACKSHOT_CUTTERS names others.")
            return open_cutter(name, self.u2netp_weights)
        cutter = open_cutter(self.addresses[name], self.u2netp_weights)
        cutter.name = name
        return cutter


def open_cutter(name: str, u2netp_weights: Path | None = None) -> Cutter:
    """Return a cutter, opened. Raises `CutterUnusable` with what to do."""
    if name == PlainGroundCutter.name:
        return PlainGroundCutter()
    if name == U2NETP:
        return open_u2netp(u2netp_weights)
    if name.endswith(".onnx"):
        return open_onnx_file(Path(name))
    module, separator, factory = name.partition(":")
    if not (separator and module and factory):
        raise CutterUnusable(
            f"There is no cutter {name!r}; choose {PlainGroundCutter.name}, {U2NETP}, a file *.onnx, or module:factory."
        )
    try:
        opened = getattr(import_module(module), factory)()
        if not callable(opened.cut):
            raise TypeError(f"{opened.cut!r} cannot be called")
        return CheckedCutter(name, opened)
    except Exception as error:  # as above, while it is loaded
        raise CutterUnusable(f"The cutter {name!r} cannot be opened: {one_line(error)}.") from error
