"""Decoded images.

Inputs: none. Outputs: the array type that every module of `infra` reads and writes.
"""

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""Height x width x 3, RGB, 8 bits per channel."""
