"""A fake watermark: one payload bit per pixel block, for tests of the watermark slot.

Inputs: pixels and a payload of 8 bytes. Outputs: pixels that hold the payload, and the payload read back from them.
It survives a JPEG at quality 90 and nothing more, and it is visible: no real image may carry it.
"""

import numpy as np

from infra.errors import InvalidImage
from infra.interfaces import Pixels
from infra.provenance.watermarks import PAYLOAD_BYTES


class BlockWatermark:
    """Writes one bit into the mean of each of 64 blocks of 8 x 8 pixels, left to right and down."""

    name = "blocks-1"
    _BLOCK_SIDE, _LEVEL_STEP = 8, 12

    def embed(self, pixels: Pixels, payload: bytes) -> Pixels:
        """Return a copy that holds the payload (8 bytes); `InvalidImage` for an image of fewer than 64 blocks."""
        marked = pixels.copy()
        for bit, (top, left) in zip(
            np.unpackbits(np.frombuffer(payload, np.uint8)), self._block_corners(pixels), strict=True
        ):
            block = marked[top : top + self._BLOCK_SIDE, left : left + self._BLOCK_SIDE]
            pair = min(int(block.mean()) // (2 * self._LEVEL_STEP), 255 // (2 * self._LEVEL_STEP) - 1)
            block[:] = self._LEVEL_STEP * (2 * pair + int(bit)) + self._LEVEL_STEP // 2
        return marked

    def extract(self, pixels: Pixels) -> bytes | None:
        """Return the payload of 64 blocks, arbitrary bytes for an unmarked image, or None for one that is too small."""
        try:
            corners = self._block_corners(pixels)
        except InvalidImage:
            return None
        means = [pixels[top : top + self._BLOCK_SIDE, left : left + self._BLOCK_SIDE].mean() for top, left in corners]
        return np.packbits([int(mean // self._LEVEL_STEP) % 2 for mean in means]).tobytes()

    def _block_corners(self, pixels: Pixels) -> list[tuple[int, int]]:
        rows, columns = (size // self._BLOCK_SIDE for size in pixels.shape[:2])
        if rows * columns < 8 * PAYLOAD_BYTES:
            raise InvalidImage(f"An image of {pixels.shape[1]} x {pixels.shape[0]} pixels has no room for 64 blocks.")
        numbers = (divmod(number, columns) for number in range(8 * PAYLOAD_BYTES))
        return [(row * self._BLOCK_SIDE, column * self._BLOCK_SIDE) for row, column in numbers]
