"""Kept proof: the document by which anybody can prove again, from the store alone, that a product is its photo's.

Inputs: a photo, its mask, a placement and the staged pixels. Outputs: a `KeptProof`, its JSON document and back, and
the reason why a proof does not hold.
Invariant: a proof is verified from the photo's own pixels and the mask, and never from the cut-out's colours, which are
refined at the edge; so it holds only where cutting and compositing left the core alone. At scale 1 it proves that the
core is the photo's pixels; else, that it was resampled from them by the recorded transform.

A photo's bytes are decoded by the libraries of the machine, and another libjpeg may decode other pixels. The decoded
pixels' digest is therefore in the proof too, so that a change of library is told apart from a change of the product.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from infra.compositing.core_digest import CoreProof, KeptDiffers, core_digest, prove
from infra.compositing.ground_proof import GroundProof, parse_ground_proof
from infra.compositing.placed_product import PlacedProduct, apply_placement
from infra.compositing.product_placement import PixelBox, Placement
from infra.compositing.resampler import RESAMPLER, RESAMPLERS
from infra.errors import DocumentUnreadable
from infra.imaging.codecs import pixel_sha
from infra.interfaces import Pixels
from infra.interfaces.cutouts import AlphaMask, Cutout, Photo

VERSION = 1
_DIGEST = re.compile(r"[0-9a-f]{64}")
_BOX = ("left", "top", "width", "height")
_PLACEMENT = ("canvas_width", "canvas_height", "source", "target")
_CORE = ("sha256", "pixels", "product_pixels")
_PROOF = ("version", "photo_sha256", "photo_pixels_sha256", "mask_sha256", "resampler", "placement", "core")
_GROUND = "ground"
"""A field that only the proof of a product on a stage has, so that those on white keep their bytes."""
_MAX_COUNT = 1 << 40


@dataclass(frozen=True)
class KeptProof:
    """What was kept: which photo and mask, how they were placed, and the digest of the core. Digests are hex."""

    photo_sha256: str
    photo_pixels_sha256: str
    mask_sha256: str
    placement: Placement
    resampler: str
    core: CoreProof
    ground: GroundProof | None = None
    """Of what lies around a product that stands on a stage; None on white."""

    def document(self) -> dict[str, Any]:
        """Return the proof as a JSON document."""
        placement, core = self.placement, self.core
        return {
            "version": VERSION,
            "photo_sha256": self.photo_sha256,
            "photo_pixels_sha256": self.photo_pixels_sha256,
            "mask_sha256": self.mask_sha256,
            "resampler": self.resampler,
            "placement": {
                "canvas_width": placement.canvas_width,
                "canvas_height": placement.canvas_height,
                **{
                    name: vars(box).copy() for name, box in (("source", placement.source), ("target", placement.target))
                },
            },
            "core": {"sha256": core.sha256, "pixels": core.pixels, "product_pixels": core.product_pixels},
            **({} if self.ground is None else {_GROUND: self.ground.document()}),
        }


def mask_sha(alpha: AlphaMask) -> str:
    """Return the sha256, in hex, of a mask's height, width and bytes."""
    digest = hashlib.sha256("{}x{}\n".format(*alpha.shape).encode())
    digest.update(np.ascontiguousarray(alpha).data)
    return digest.hexdigest()


def make_proof(photo: Photo, cutout: Cutout, placement: Placement, placed: PlacedProduct) -> KeptProof | KeptDiffers:
    """Return the proof of what `apply_placement(cutout, placement)` returned, without placing it twice.

    That reads opaque pixels alone for the core, so it is the photo's where the cut-out's opaque pixels are. Refuses
    with `core.cutout-differs` where they are not, and with `core.empty` and `core.size-differs` as `prove` does. Raises
    ValueError for a placed product of another canvas.
    """
    if placed.alpha.shape != (placement.canvas_height, placement.canvas_width):
        raise ValueError(f"A product of {placed.alpha.shape} was not placed by {placement}.")
    if differs := prove(PlacedProduct(cutout.pixels, cutout.alpha), photo.pixels):
        reason = "core.cutout-differs" if differs.reason == "core.pixels-differ" else differs.reason
        return replace(differs, reason=reason)
    core = core_digest(placed.pixels, placed.alpha)
    if not core.pixels:
        return KeptDiffers("core.empty", 0, 0, 0)
    return KeptProof(photo.sha256, pixel_sha(photo.pixels), mask_sha(cutout.alpha), placement, RESAMPLER, core)


def recompute(photo: Photo, mask: AlphaMask, placement: Placement, resampler: str) -> CoreProof:
    """Return the core's digest from the photo's pixels; raise ValueError where mask or placement do not fit it."""
    placed = _place_photo(photo, mask, placement, resampler)
    return core_digest(placed.pixels, placed.alpha)


def find_broken(proof: KeptProof, photo: Photo, mask: AlphaMask, staged: Pixels) -> str | None:
    """Return None where the proof holds for these objects of the store, else the code of the first thing that differs.

    Those of `place_again`, then `core.size-differs`, `core.empty` and `core.pixels-differ` of the staged image.
    """
    return check_proof(proof, photo, mask, staged)[0]


def check_proof(
    proof: KeptProof, photo: Photo, mask: AlphaMask, staged: Pixels
) -> tuple[str | None, PlacedProduct | None]:
    """Return what `find_broken` returns, and the product as it was placed for that; None where it was not."""
    placed = place_again(proof, photo, mask)
    if isinstance(placed, str):
        return placed, None
    differs = prove(placed, staged)
    return differs.reason if differs else None, placed


def place_again(proof: KeptProof, photo: Photo, mask: AlphaMask) -> PlacedProduct | str:
    """Return the photo's product as the proof says it was placed, else the code of the first thing that differs.

    `core.photo-differs` (other bytes), `core.decoder-differs` (the same bytes, decoded otherwise), `core.mask-differs`,
    `core.resampler-unknown`, `core.placement-differs` (it does not fit this photo) and `core.digest-differs`. Outside
    of the core its colours are the photo's, old ground included: nothing is proven there.
    """
    if photo.sha256 != proof.photo_sha256:
        return "core.photo-differs"
    if pixel_sha(photo.pixels) != proof.photo_pixels_sha256:
        return "core.decoder-differs"
    if mask.shape != photo.pixels.shape[:2] or mask_sha(mask) != proof.mask_sha256:
        return "core.mask-differs"
    if proof.resampler not in RESAMPLERS:
        return "core.resampler-unknown"
    try:
        placed = _place_photo(photo, mask, proof.placement, proof.resampler)
    except ValueError:
        return "core.placement-differs"
    return placed if core_digest(placed.pixels, placed.alpha) == proof.core else "core.digest-differs"


def parse_proof(document: Mapping[str, Any]) -> KeptProof:
    """Return the proof of a document; raise `DocumentUnreadable` for any that `KeptProof.document` would not write."""
    has_ground = isinstance(document, Mapping) and _GROUND in document
    fields = _fields(document, (*_PROOF, _GROUND) if has_ground else _PROOF, "The proof")
    if type(fields["version"]) is not int or fields["version"] != VERSION:
        raise DocumentUnreadable(f"The proof's version is {fields['version']!r}; {VERSION} is known.")
    placement = _fields(fields["placement"], _PLACEMENT, "The placement")
    try:
        placed = Placement(
            _count(placement, "canvas_width"),
            _count(placement, "canvas_height"),
            *(_box(placement[name], name) for name in ("source", "target")),
        )
    except ValueError as error:
        raise DocumentUnreadable(f"The proof's placement cannot be: {error}") from error
    if not isinstance(fields["resampler"], str):
        raise DocumentUnreadable(f"The proof's resampler is {fields['resampler']!r}, which is no name.")
    photo, photo_pixels, mask = (
        _digest(fields, name) for name in ("photo_sha256", "photo_pixels_sha256", "mask_sha256")
    )
    core, ground = _core(fields["core"], placed), parse_ground_proof(fields[_GROUND]) if has_ground else None
    return KeptProof(photo, photo_pixels, mask, placed, fields["resampler"], core, ground)


def _place_photo(photo: Photo, mask: AlphaMask, placement: Placement, resampler: str) -> PlacedProduct:
    if mask.shape != photo.pixels.shape[:2]:
        raise ValueError(f"A mask of {mask.shape} is not of a photo of {photo.pixels.shape[:2]}.")
    return apply_placement(Cutout(photo.pixels, mask, "", ""), placement, resampler)


def _fields(value: object, names: tuple[str, ...], what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or set(value) != set(names):
        found = sorted(map(str, value)) if isinstance(value, Mapping) else type(value).__name__
        raise DocumentUnreadable(f"{what} must have the fields {', '.join(names)}; it has {found}.")
    return value


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields[name]
    if type(value) is not int or not 0 <= value < _MAX_COUNT:
        raise DocumentUnreadable(f"The proof's {name} is {value!r}, which is no count of pixels.")
    return value


def _digest(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise DocumentUnreadable(f"The proof's {name} is {value!r}, which is no sha256.")
    return value


def _box(value: object, what: str) -> PixelBox:
    fields = _fields(value, _BOX, f"The placement's {what}")
    return PixelBox(*(_count(fields, name) for name in _BOX))


def _core(value: object, placement: Placement) -> CoreProof:
    fields = _fields(value, _CORE, "The core")
    core = CoreProof(_digest(fields, "sha256"), _count(fields, "pixels"), _count(fields, "product_pixels"))
    if not core.pixels <= core.product_pixels <= placement.target.width * placement.target.height:
        raise DocumentUnreadable(f"The proof's core counts more pixels than its product: {core}.")
    return core
