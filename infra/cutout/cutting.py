"""Cutting a photo: the mask of the cutter that may be believed, what another one says, and the finished cut-out.

Inputs: a photo and open cutters, best first. Outputs: a `CutPhoto`: the cut-out and its scores.
A photo with transparency of its own was cut by its shop: that mask is taken as it is, and nobody else is asked.
Otherwise the plain-ground cutter goes first where the ground is plain, because its edges and holes are exact there, and
last elsewhere, where it has no vote; the next cutter's mask is compared with the first's. Which of them agreed, and
how well, is decided on by `catalogs.photos.mask_rules` from the stored scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.cutout.cutters import Cutter, FileAlphaCutter
from infra.cutout.ground import fit_ground
from infra.cutout.mask_scores import measure_mask
from infra.cutout.photo_scores import measure_photo
from infra.cutout.plain_ground import PlainGroundCutter
from infra.cutout.refinement import keep_cutout, refine_cutout
from infra.interfaces import AlphaMask, Cutout, Photo

PLAIN_FROM = 0.8
"""Plainness from which the plain-ground cutter has a vote: the share of the border that has the ground's colour. Of
twelve listing photos those that show a whole product have 0.86 or more and those cut close 0.56 and 0.66; of 32
drawn busy grounds one has more, whose two inks are almost the same."""


@dataclass(frozen=True, eq=False)
class CutPhoto:
    """A cut-out, its scores by name, and the masks as the cutters gave them, by the cutters' names."""

    cutout: Cutout
    scores: Mapping[str, float]
    masks: Mapping[str, AlphaMask]


def cut_photo(photo: Photo, cutters: Sequence[Cutter], plain_from: float = PLAIN_FROM) -> CutPhoto:
    """Return the cut-out of a photo by one or more cutters.

    Beside the scores of mask and photo there are `mask.given` (1 where the mask came with the photo) and `mask.flooded`
    (1 where the plain-ground cutter made one of the masks).
    """
    if photo.alpha is not None:
        given = FileAlphaCutter()
        cutout = keep_cutout(photo, given.cut(photo), given.name, given.version)
        return _measured(photo, cutout, {given.name: cutout.alpha})
    first, *rest = _in_order(photo, cutters, plain_from)
    mask = first.cut(photo)
    cutout = refine_cutout(photo, mask, first.name, first.version)
    others = {cutter.name: cutter.cut(photo) for cutter in rest[:1]}
    return _measured(photo, cutout, {first.name: mask, **others})


def _in_order(photo: Photo, cutters: Sequence[Cutter], plain_from: float) -> list[Cutter]:
    """Return the cutters that have a vote on this photo, the first being the one whose mask is used."""
    flood = [cutter for cutter in cutters if cutter.name == PlainGroundCutter.name]
    others = [cutter for cutter in cutters if cutter.name != PlainGroundCutter.name]
    if flood and others and fit_ground(photo.pixels).plainness < plain_from:
        return others
    return flood + others


def _measured(photo: Photo, cutout: Cutout, masks: Mapping[str, AlphaMask]) -> CutPhoto:
    other = next((mask for name, mask in masks.items() if name != cutout.cutter), None)
    scores = {
        **measure_mask(photo, cutout.alpha, other).values,
        **measure_photo(photo, cutout.alpha),
        "mask.given": float(cutout.cutter == FileAlphaCutter.name),
        "mask.flooded": float(PlainGroundCutter.name in masks),
    }
    return CutPhoto(cutout, scores, masks)
