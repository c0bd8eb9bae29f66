"""Photos and cut-outs: a shop's own picture as it was read, and the product that was cut out of it.

Inputs: none. Outputs: the values that reading, cutting and compositing hand to one another. They hold pixels, so they
stay in the process that made them; between processes travel the keys under which photos and cut-outs are stored.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from infra.interfaces.pixels import Pixels

AlphaMask = npt.NDArray[np.uint8]
"""Height x width: 255 where the product is opaque, 0 where there is none of it."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as it was read: turned as its EXIF says, in sRGB, 8 bits per channel.

    `alpha` is the file's own transparency, None where the file has none. `sha256` is the digest of the file's bytes, in
    hex.
    """

    pixels: Pixels
    alpha: AlphaMask | None
    sha256: str


@dataclass(frozen=True, eq=False)
class Cutout:
    """A product cut out of a photo, of the photo's size.

    Where `alpha` is 255, `pixels` are the photo's own; below, they are the product's colour without the old ground.
    `cutter` and `version` say what made the mask.
    """

    pixels: Pixels
    alpha: AlphaMask
    cutter: str
    version: str
