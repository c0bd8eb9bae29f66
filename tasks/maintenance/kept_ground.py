"""Kept ground: prove once more that the ground around a kept product is its stage's.

Inputs: a store, a row's record and proof, the product as it was placed again, and the staged and published pixels, as
far as they are there. Outputs: a `GroundCheck`: what differs, and what could not be looked at.
What is proven: of the staged image every pixel around the product, against the record, and against the stage while its
picture is there; of the published file the means of blocks, within what a JPEG loses. Never the soft edge.
A stage that is gone is a warning: the product's proof does not rest on it. So is a published ground beyond the bound
where the file is byte for byte the row's: strong grain or saturated colours lose more, and a watermark adds to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from catalogs import layout
from catalogs.photos.kept_request import KeptResult
from infra.composing.ground_check import compose_ground_again
from infra.composing.stage_grounds import StageLost, grounds_of
from infra.compositing.ground_loss import GroundLimits, bound_ground_loss
from infra.compositing.ground_proof import SHADOW_UNKNOWN, STAGE_DIFFERS, find_changed_ground
from infra.compositing.kept_proof import KeptProof
from infra.compositing.placed_product import PlacedProduct
from infra.errors import one_line
from infra.interfaces import ObjectStore, Pixels

STAGE_GONE = "stage.gone"
PUBLISHED_DIFFERS = "ground.published-differs"

CodedSentence = tuple[str, str]
"""A code, and what it means here."""


@dataclass(frozen=True)
class GroundCheck:
    """What differs, and what could not be shown though the product is proven; each with its code."""

    differs: tuple[CodedSentence, ...] = ()
    unseen: tuple[CodedSentence, ...] = ()


def check_ground(
    store: ObjectStore,
    kept: KeptResult,
    proof: KeptProof,
    placed: PlacedProduct,
    staged: Pixels | None,
    published: Pixels | None,
    *,
    is_as_published: bool,
) -> GroundCheck:
    """Prove a ground again; nothing is to be proven on white. Raises `StoreError`.

    `is_as_published` tells whether the sha256 of the published file and of its pixels are the row's.
    """
    if proof.ground is None:
        return GroundCheck()
    differs = []
    if staged is not None and (code := find_changed_ground(proof.ground, placed, staged)):
        differs.append((code, "the staged ground is another than the recorded one"))
    key = layout.stage_image(kept.stage)
    try:
        # Grounds are kept from row to row, so a picture that was deleted meanwhile would not be missed.
        if not store.exists(key):
            raise StageLost(f"the picture of the stage {kept.stage} ({key}) is not there any more")
        again = compose_ground_again(proof, placed, grounds_of(store, layout.stage_image))
    except StageLost as error:
        return GroundCheck(tuple(differs), ((STAGE_GONE, f"{one_line(error)}; the product is proven without it"),))
    if isinstance(again, str):
        found = again, _SENTENCES[again]
        return GroundCheck(tuple(differs), (found,)) if again == SHADOW_UNKNOWN else GroundCheck((*differs, found))
    beyond = tuple(_find_published_difference(again, placed, published))
    return GroundCheck(tuple(differs), beyond) if is_as_published else GroundCheck((*differs, *beyond))


_SENTENCES = {
    STAGE_DIFFERS: "the stage, composed again as recorded, gives another ground",
    SHADOW_UNKNOWN: "this version has no such shadow: verify with a version that has",
}


def _find_published_difference(
    ground: Pixels, placed: PlacedProduct, published: Pixels | None
) -> Iterator[CodedSentence]:
    loss = None if published is None else bound_ground_loss(ground, placed.alpha, published)
    limits = GroundLimits()
    if loss is not None and not limits.are_kept_by(loss):
        yield (
            PUBLISHED_DIFFERS,
            f"blocks of the published ground differ from the stage's by {loss.mean:.1f} levels in the mean and by"
            f" {loss.p90:.1f} in a tenth of them, of {limits.mean:g} and {limits.p90:g}",
        )
