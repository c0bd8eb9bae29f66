"""Provenance marks: signatures and watermarks.

Inputs: finished files and pixels. Outputs: signed files, and pixels with a payload.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from infra.interfaces.pixels import Pixels


@dataclass(frozen=True)
class KeptOrigin:
    """What a published file may say of a kept product: the mode, and the sha256 of the photo's file, in hex."""

    mode: str
    photo: str


class SignerIdentity(Protocol):
    """Who signs, as far as a report repeats it."""

    @property
    def name(self) -> str:
        """Return the certificate's subject."""

    @property
    def expires(self) -> datetime:
        """Return when the first certificate of the chain expires (UTC)."""

    @property
    def development(self) -> bool:
        """Tell whether this is a development certificate, which verifiers do not trust."""


class Signer(Protocol):
    """Signs published files. Safe to call from several threads."""

    adds_timestamps: bool

    @property
    def identity(self) -> SignerIdentity:
        """Return who signs."""

    def sign(self, jpeg: bytes, title: str, kept: KeptOrigin | None = None) -> bytes:
        """Return the JPEG with a signed manifest, which says that a model made the image, or what was `kept` in it.

        `title` is public. Raises `ProvenanceMarkError`.
        """


class Watermark(Protocol):
    """Embeds a few bytes in an image, invisibly, so that they survive encoding at the finish's quality."""

    name: str
    """Includes the version. It is part of the finish's digest, so another name finishes every image again."""

    def embed(self, pixels: Pixels, payload: bytes) -> Pixels:
        """Return a copy of the pixels that holds the payload (8 bytes), the same for the same input."""

    def extract(self, pixels: Pixels) -> bytes | None:
        """Return the payload that the pixels hold, or None."""
