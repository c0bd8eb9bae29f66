"""The slot for an invisible watermark: whose code it is, and whether it is the one that the recipe asks for.

Comes in: `module:factory` (a setting) and a name (the recipe's, which is in the finish's digest, since a watermark
changes pixels). Goes out: an open `infra.interfaces.Watermark`. None is bundled: those that survive a shop's JPEGs come
with models of their own. `BlockWatermark` is a fake to test the slot with, and hides nothing from anybody.
"""

from functools import cache
from importlib import import_module

import numpy as np

from infra.errors import InvalidImage, ProvenanceConfigError
from infra.interfaces import Pixels, Watermark

PAYLOAD_BYTES = 8


def open_watermark(address: str | None, name: str) -> Watermark:
    """Return the watermark called `name` that `module:factory` makes, opened once a process.

    Raises `ProvenanceConfigError` where nothing is registered, it cannot be loaded, or it goes by another name.
    """
    if not address:
        raise ProvenanceConfigError(
            f"The recipe's finish asks for the watermark {name!r}, and none is registered: set PACKSHOT_WATERMARK to"
            " its module:factory, or take `watermark` out of the recipe."
        )
    opened = registered_watermark(address)
    if opened.name != name:
        raise ProvenanceConfigError(
            f"The recipe's finish asks for the watermark {name!r}, and PACKSHOT_WATERMARK has {opened.name!r}; name"
            " that one in the recipe, or register the other."
        )
    return opened


@cache
def registered_watermark(address: str) -> Watermark:
    """Return the watermark that `module:factory` makes, whatever its name; raises `ProvenanceConfigError`."""
    module, separator, factory = address.partition(":")
    if not (separator and module and factory):
        raise ProvenanceConfigError(f"PACKSHOT_WATERMARK: {address!r} is not of the form module:factory.")
    try:
        opened: Watermark = getattr(import_module(module), factory)()
        str(opened.name)
    except Exception as error:  # whatever somebody else's module does when it is loaded
        raise ProvenanceConfigError(
            f"PACKSHOT_WATERMARK: {address!r} cannot be opened: {type(error).__name__}: {error}"
        ) from error
    return opened


def watermark_payload(raw_pixel_sha: str) -> bytes:
    """Return what is hidden in a picture: the head of its raw pixels' sha, which a run's records name.

    It follows from the pixels alone: equal pixels are finished alike, and their scores are kept once.
    """
    return bytes.fromhex(raw_pixel_sha)[:PAYLOAD_BYTES]


def require_payload(watermark: Watermark, pixels: Pixels, payload: bytes) -> None:
    """Raise `InvalidImage` unless the payload can be read out of these finished pixels."""
    if watermark.extract(pixels) != payload:
        raise InvalidImage(f"The watermark {watermark.name!r} cannot be read back from the finished picture.")


class BlockWatermark:
    """A fake that writes a bit into the mean of each of 64 blocks of 8 x 8 pixels, left to right and down.

    It outlives a JPEG at quality 90 and nothing more, and an eye that looks for it finds it.
    """

    name = "blocks-1"
    _BLOCK_SIDE, _LEVEL_STEP = 8, 12

    def embed(self, pixels: Pixels, payload: bytes) -> Pixels:
        """Return a copy that holds the payload (8 bytes); `InvalidImage` for a picture of fewer than 64 blocks."""
        marked = pixels.copy()
        for bit, (top, left) in zip(
            np.unpackbits(np.frombuffer(payload, np.uint8)), self._block_corners(pixels), strict=True
        ):
            block = marked[top : top + self._BLOCK_SIDE, left : left + self._BLOCK_SIDE]
            pair = min(int(block.mean()) // (2 * self._LEVEL_STEP), 255 // (2 * self._LEVEL_STEP) - 1)
            block[:] = self._LEVEL_STEP * (2 * pair + int(bit)) + self._LEVEL_STEP // 2
        return marked

    def extract(self, pixels: Pixels) -> bytes | None:
        """Return what 64 blocks say; a picture that was never marked says something too. None where it is too small."""
        try:
            places = self._block_corners(pixels)
        except InvalidImage:
            return None
        means = [pixels[top : top + self._BLOCK_SIDE, left : left + self._BLOCK_SIDE].mean() for top, left in places]
        return np.packbits([int(mean // self._LEVEL_STEP) % 2 for mean in means]).tobytes()

    def _block_corners(self, pixels: Pixels) -> list[tuple[int, int]]:
        rows, columns = (size // self._BLOCK_SIDE for size in pixels.shape[:2])
        if rows * columns < 8 * PAYLOAD_BYTES:
            raise InvalidImage(f"A picture of {pixels.shape[1]} x {pixels.shape[0]} pixels has no room for 64 blocks.")
        numbers = (divmod(number, columns) for number in range(8 * PAYLOAD_BYTES))
        return [(row * self._BLOCK_SIDE, column * self._BLOCK_SIDE) for row, column in numbers]
