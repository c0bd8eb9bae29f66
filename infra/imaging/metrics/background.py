"""Background metrics: is the background white, grey, coloured or uneven.

Inputs: pixels (height x width x 3, RGB, 8 bits). Outputs: named floats, read from the border ring alone, at the image's
own size. The ring is 2 % of the short side wide, at least one pixel, which leaves room for the rounding of a JPEG and
none for a product.
"""

import cv2
import numpy as np

from infra.interfaces import Pixels

_MIN_WHITE = 250
_RING_SHARE = 0.02


def measure_background(pixels: Pixels) -> dict[str, float]:
    """Return the measurements of the ring.

    `background.white` (share 0..1 whose every channel is 250 or more), `background.cast` (distance of its mean colour
    from grey, in units of Lab), `background.deviation` (standard deviation of its grey levels).
    """
    ring = _ring(pixels)
    white = cv2.countNonZero(cv2.inRange(ring, (_MIN_WHITE,) * 3, (255,) * 3))
    mean = np.array([[cv2.mean(ring)[:3]]], np.float32) / 255
    _, green_red, blue_yellow = cv2.cvtColor(mean, cv2.COLOR_RGB2LAB)[0, 0]
    _, deviation = cv2.meanStdDev(cv2.cvtColor(ring, cv2.COLOR_RGB2GRAY))
    return {
        "background.white": white / len(ring),
        "background.cast": float(np.hypot(green_red, blue_yellow)),
        "background.deviation": float(deviation[0, 0]),
    }


def _ring(pixels: Pixels) -> Pixels:
    """Return the pixels of the ring as one column."""
    height, width = pixels.shape[:2]
    ring = max(1, round(_RING_SHARE * min(height, width)))
    middle = pixels[ring:-ring]
    strips = [pixels[:ring], pixels[-ring:], middle[:, :ring], middle[:, -ring:]]
    return np.concatenate([strip.reshape(-1, 1, 3) for strip in strips])
