"""Staged product: what a product on a scene looks like, whatever the scene.

Inputs: the image's pixels (height x width x 3, RGB, 8 bits) and the product's alpha. Outputs: a PDQ code of the product
on white with its quality, and an `Appearance`; None where no pixel is half covered.
Why: many SKUs stand on one stage. The code of the whole frame would be the stage's, and so would the colour: of 120
pairs of drawn products on one of three stages, 8 or 9 of fill 0.3 lay within 31 bits with mean colours within 8 of Lab,
so duplicates were seen where there were none; 1 to 3 of fill 0.6. Cut out by their alpha, no pair of them was.
"""

import cv2
import numpy as np

from infra.imaging.metrics.appearance import MIN_CROP_QUALITY, Appearance
from infra.imaging.metrics.pdq import pdq
from infra.interfaces import Pixels
from infra.interfaces.cutouts import AlphaMask

_HALF_COVERED = 128
_OPAQUE = 255


def measure_staged_product(pixels: Pixels, alpha: AlphaMask) -> tuple[bytes, float, Appearance] | None:
    """Return code, quality and appearance of a product by its alpha."""
    rows = np.flatnonzero((alpha >= _HALF_COVERED).any(axis=1))
    columns = np.flatnonzero((alpha >= _HALF_COVERED).any(axis=0))
    if not len(rows):
        return None
    window = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    product = _on_white(pixels[window], alpha[window])
    code, quality = pdq(product)
    lab = cv2.cvtColor(pixels[window].astype(np.float32) / np.float32(_OPAQUE), cv2.COLOR_RGB2LAB)
    inside = alpha[window] == _OPAQUE if (alpha[window] == _OPAQUE).any() else alpha[window] >= _HALF_COVERED
    lightness, green_red, blue_yellow = lab[inside].mean(axis=0, dtype=np.float64).tolist()
    height, width = product.shape[:2]
    appearance = Appearance(
        crop_fingerprint=code if quality >= MIN_CROP_QUALITY else b"",
        colour=(lightness, green_red, blue_yellow),
        extent=max(height, width) / max(alpha.shape),
    )
    return code, quality, appearance


def _on_white(pixels: Pixels, alpha: AlphaMask) -> Pixels:
    cover = alpha.astype(np.uint32)[..., None]
    return np.asarray((pixels * cover + _OPAQUE * (_OPAQUE - cover) + _OPAQUE // 2) // _OPAQUE, np.uint8)
