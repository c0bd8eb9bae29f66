"""Cutting a photo: the mask of the cutter that may be believed, what another one says, and the scores of both.

Inputs: a photo and open cutters, best first. Outputs: a `CutPhoto`: the finished mask and its scores.
A photo with transparency of its own was cut by its shop: that mask is taken as it is, and nobody else is asked.
Otherwise the plain-ground cutter goes first where the ground is plain, because its edges and holes are exact there, and
last elsewhere, where it has no vote; the next cutter's mask is compared with the first's. Which of them agreed, and
how well, is decided on by `catalogs.photos.mask_rules` from the stored scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.cutout.cutters import Cutter, FileAlphaCutter
from infra.cutout.mask_scores import measure_mask
from infra.cutout.photo_scores import measure_photo
from infra.cutout.plain_ground import PlainGroundCutter
from infra.cutout.reduced_photo import ReducedPhoto, reduce_mask, reduce_photo
from infra.cutout.refinement import refine_mask
from infra.interfaces import AlphaMask, Photo

PLAIN_FROM = 0.8
"""Plainness from which the plain-ground cutter has a vote: the share of the border that has the ground's colour. Of
twelve listing photos those that show a whole product have 0.86 or more and those cut close 0.56 and 0.66; of 32
drawn busy grounds one has more, whose two inks are almost the same."""


@dataclass(frozen=True, eq=False)
class CutPhoto:
    """The finished mask, what made it, its scores by name, and the masks as the cutters gave them, by their names.

    The product's colours at its edge are no part of it: `restore_cutout` estimates them from the finished mask, where
    an image is made of it.
    """

    alpha: AlphaMask
    cutter: str
    version: str
    scores: Mapping[str, float]
    masks: Mapping[str, AlphaMask]


def cut_photo(photo: Photo, cutters: Sequence[Cutter], plain_from: float = PLAIN_FROM) -> CutPhoto:
    """Return the mask of a photo by one or more cutters.

    Beside the scores of mask and photo there are `mask.given` (1 where the mask came with the photo) and `mask.flooded`
    (1 where the plain-ground cutter made one of the masks).
    """
    reduced = reduce_photo(photo)
    if photo.alpha is not None:
        given = FileAlphaCutter()
        alpha = given.cut(photo)
        return _measured(reduced, alpha, given, {given.name: alpha})
    first, *rest = _in_order(reduced, cutters, plain_from)
    masks = {cutter.name: _cut(photo, reduced, cutter) for cutter in (first, *rest[:1])}
    return _measured(reduced, refine_mask(photo, masks[first.name]), first, masks)


def _in_order(photo: ReducedPhoto, cutters: Sequence[Cutter], plain_from: float) -> list[Cutter]:
    """Return the cutters that have a vote on this photo, the first being the one whose mask is used."""
    flood = [cutter for cutter in cutters if cutter.name == PlainGroundCutter.name]
    others = [cutter for cutter in cutters if cutter.name != PlainGroundCutter.name]
    if flood and others and photo.ground.plainness < plain_from:
        return others
    return flood + others


def _cut(photo: Photo, reduced: ReducedPhoto, cutter: Cutter) -> AlphaMask:
    if isinstance(cutter, PlainGroundCutter):
        return cutter.cut_reduced(reduced, *photo.pixels.shape[:2])
    return cutter.cut(photo)


def _measured(photo: ReducedPhoto, alpha: AlphaMask, cutter: Cutter, masks: Mapping[str, AlphaMask]) -> CutPhoto:
    other = next((mask for name, mask in masks.items() if name != cutter.name), None)
    small = reduce_mask(alpha)
    scores = {
        **measure_mask(photo, small, None if other is None else reduce_mask(other)).values,
        **measure_photo(photo, alpha, small),
        "mask.given": float(cutter.name == FileAlphaCutter.name),
        "mask.flooded": float(PlainGroundCutter.name in masks),
    }
    return CutPhoto(alpha, cutter.name, cutter.version, scores, masks)
