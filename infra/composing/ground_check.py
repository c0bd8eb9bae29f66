"""Ground check: does an image's ground hold against its record and against its stage in the store.

Inputs: a record's mode and stage, its proof, the product as it was placed again, staged pixels, the store's grounds.
Outputs: None, or the code of the first thing that differs; `StageLost` where the store does not hold the stage.
"""

from infra.composing.stage_grounds import StageGrounds
from infra.compositing.ground_proof import STAGE_DIFFERS, find_changed_ground, ground_again
from infra.compositing.kept_proof import KeptProof
from infra.compositing.placed_product import PlacedProduct
from infra.interfaces import Pixels

WHITE = "white"
GROUND_NOT_RECORDED = "ground.not-recorded"
"""A product on a stage without a proof of its ground, or one on white with such a proof."""


def find_wrong_record(mode: str, stage: str, proof: KeptProof) -> str | None:
    """Return what a record says wrongly of its ground, without reading anything."""
    if (mode == WHITE) != (proof.ground is None):
        return GROUND_NOT_RECORDED
    return STAGE_DIFFERS if proof.ground is not None and proof.ground.stage != stage else None


def find_broken_ground(
    mode: str, stage: str, proof: KeptProof, placed: PlacedProduct, staged: Pixels, grounds: StageGrounds
) -> str | None:
    """Return what is wrong with a staged image's ground. Raises `StageLost` and `StoreError`."""
    wrong = find_wrong_record(mode, stage, proof)
    if wrong is not None or proof.ground is None:
        return wrong
    changed = find_changed_ground(proof.ground, placed, staged)
    if changed is not None:
        return changed
    again = compose_ground_again(proof, placed, grounds)
    return again if isinstance(again, str) else None


def compose_ground_again(proof: KeptProof, placed: PlacedProduct, grounds: StageGrounds) -> Pixels | str:
    """Return the ground of a proof, composed again from the store, or the code of what differs; as above.

    Raises ValueError for a proof without a ground.
    """
    if proof.ground is None:
        raise ValueError("This proof has no ground.")
    height, width = placed.alpha.shape
    try:
        ground = grounds.again(proof.ground.stage, proof.ground.crop, (width, height), proof.resampler)
    except ValueError:
        return STAGE_DIFFERS
    return ground_again(proof.ground, ground, placed)
