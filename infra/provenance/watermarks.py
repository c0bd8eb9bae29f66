"""Open the invisible watermark that a recipe names, and verify its payload.

Inputs: `module:factory` (a setting) and a name (the recipe's, which is part of the finish's digest, since a watermark
changes pixels). Outputs: an open `infra.interfaces.Watermark`. None is bundled: those that survive a shop's JPEGs need
models of their own.
"""

from functools import cache
from importlib import import_module

from infra.errors import InvalidImage, ProvenanceConfigError
from infra.interfaces import Pixels, Watermark

PAYLOAD_BYTES = 8


def open_watermark(address: str | None, name: str) -> Watermark:
    """Return the watermark `name` of `module:factory`, opened once per process.

    Raises `ProvenanceConfigError` where none is registered, it cannot be loaded, or it has another name.
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
    """Return the watermark of `module:factory`, by any name; raise `ProvenanceConfigError` where it does not load."""
    module, separator, factory = address.partition(":")
    if not (separator and module and factory):
        raise ProvenanceConfigError(f"PACKSHOT_WATERMARK: {address!r} is not of the form module:factory.")
    try:
        opened: Watermark = getattr(import_module(module), factory)()
        str(opened.name)
        for method in (opened.embed, opened.extract):  # a module written for an older protocol has other names
            if not callable(method):
                raise TypeError(f"{method!r} cannot be called")
    except Exception as error:  # a foreign module may raise anything while it is loaded
        raise ProvenanceConfigError(
            f"PACKSHOT_WATERMARK: {address!r} cannot be opened: {type(error).__name__}: {error}"
        ) from error
    return opened


def watermark_payload(raw_pixel_sha: str) -> bytes:
    """Return the payload of an image: the first bytes of its raw pixels' digest, which a run's records name.

    It depends on the pixels alone: equal pixels are finished alike, and their scores are stored once.
    """
    return bytes.fromhex(raw_pixel_sha)[:PAYLOAD_BYTES]


def require_payload(watermark: Watermark, pixels: Pixels, payload: bytes) -> None:
    """Raise `InvalidImage` unless the payload can be read out of these finished pixels."""
    if watermark.extract(pixels) != payload:
        raise InvalidImage(f"The watermark {watermark.name!r} cannot be read back from the finished image.")
