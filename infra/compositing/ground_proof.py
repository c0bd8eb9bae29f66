"""Ground proof: that what lies around a product is its stage, darkened by the product's shadow and by nothing else.

Inputs: a stage's digest and crop, a placed product and staged pixels. Outputs: a `GroundProof`, its JSON document and
back, and what differs.
Invariant: it is of the pixels where nothing of the product shows. The soft edge, where product and ground are mixed, is
in no proof: its colours are estimated.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from infra.compositing.composite import compose
from infra.compositing.placed_product import PlacedProduct
from infra.compositing.product_placement import PixelBox
from infra.compositing.stage_ground import LIGHTS, STAGE_SHADOW, STAGE_SHADOWS, stage_shadow
from infra.errors import DocumentUnreadable
from infra.interfaces import Pixels
from infra.interfaces.cutouts import AlphaMask

GROUND_DIFFERS = "ground.pixels-differ"
SHADOW_UNKNOWN = "ground.shadow-unknown"
STAGE_DIFFERS = "ground.stage-differs"
_FORM = "ground-1"
"""What is digested, in which order; a part of it."""
_SIDES = ("left", "top", "width", "height")
_FIELDS = frozenset({"stage", "crop", "light", "shadow", "sha256"})
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MAX_SIDE = 1 << 20


@dataclass(frozen=True)
class GroundProof:
    """Which stage (sha256 of its pixels, in hex), which part of it, its light, the shadow's version, the digest."""

    stage: str
    crop: PixelBox
    light: str
    shadow: str
    sha256: str

    def document(self) -> dict[str, Any]:
        """Return the proof as a JSON document."""
        return {**vars(self), "crop": vars(self.crop).copy()}


def make_ground_proof(stage: str, crop: PixelBox, light: str, placed: PlacedProduct, staged: Pixels) -> GroundProof:
    """Return the proof of what was composed of a stage and a placed product."""
    return GroundProof(stage, crop, light, STAGE_SHADOW, ground_digest(staged, placed.alpha))


def ground_digest(pixels: Pixels, alpha: AlphaMask) -> str:
    """Return the sha256, in hex, of the pixels where alpha is 0, of the places where it is, and of the size."""
    free = alpha == 0
    height, width = free.shape
    digest = hashlib.sha256(f"{_FORM}\n{height}x{width}\n".encode())
    digest.update(np.packbits(free).data)
    digest.update(pixels[free].data)
    return digest.hexdigest()


def find_changed_ground(proof: GroundProof, placed: PlacedProduct, staged: Pixels) -> str | None:
    """Return `ground.pixels-differ` where the staged ground is another than the recorded one; None where it is not."""
    is_same = staged.shape == placed.pixels.shape and ground_digest(staged, placed.alpha) == proof.sha256
    return None if is_same else GROUND_DIFFERS


def ground_again(proof: GroundProof, ground: Pixels, placed: PlacedProduct) -> Pixels | str:
    """Return the ground with the shadow, composed again, or the code of what differs.

    `ground` is the proof's part of its stage, as `ground_of_stage` reduces it. Codes are `ground.shadow-unknown` (this
    version has no such shadow, so nothing is shown) and `ground.stage-differs` (the stage gives another ground than the
    recorded one). Where the product shows, the pixels are of its own placing, and nothing is said of them.
    """
    if proof.shadow not in STAGE_SHADOWS or proof.light not in LIGHTS:
        return SHADOW_UNKNOWN
    pixels = compose(ground, placed, stage_shadow(placed.alpha, proof.light))
    return pixels if ground_digest(pixels, placed.alpha) == proof.sha256 else STAGE_DIFFERS


def parse_ground_proof(document: object) -> GroundProof:
    """Return the proof of a document; raise `DocumentUnreadable` for any that `GroundProof.document` cannot write."""
    if not isinstance(document, Mapping) or set(document) != _FIELDS:
        raise DocumentUnreadable(f"The proof's ground must have the fields {', '.join(sorted(_FIELDS))}.")
    for name in ("stage", "sha256"):
        if not isinstance(document[name], str) or not _DIGEST.fullmatch(document[name]):
            raise DocumentUnreadable(f"The ground's {name} is {document[name]!r}, which is no sha256.")
    if not (isinstance(document["light"], str) and isinstance(document["shadow"], str)):
        raise DocumentUnreadable("The ground's light and shadow must be names.")
    return GroundProof(
        document["stage"], _crop(document["crop"]), document["light"], document["shadow"], document["sha256"]
    )


def _crop(value: object) -> PixelBox:
    if not isinstance(value, Mapping) or set(value) != set(_SIDES):
        raise DocumentUnreadable(f"The ground's crop must have the fields {', '.join(_SIDES)}.")
    sides = [value[name] for name in _SIDES]
    if not all(type(side) is int and 0 <= side < _MAX_SIDE for side in sides):
        raise DocumentUnreadable(f"The ground's crop {sides} is no rectangle of pixels.")
    try:
        return PixelBox(*sides)
    except ValueError as error:
        raise DocumentUnreadable(f"The ground's crop cannot be: {error}") from error
