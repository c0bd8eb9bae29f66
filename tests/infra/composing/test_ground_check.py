"""A ground that does not fit its record or its stage is named, and a lost stage is no difference."""

from dataclasses import replace

import pytest

from catalogs import layout
from infra.composing.ground_check import compose_ground_again, find_broken_ground, find_wrong_record
from infra.composing.stage_grounds import StageGrounds, StageLost
from infra.compositing.composite import compose
from infra.compositing.ground_proof import GroundProof, make_ground_proof
from infra.compositing.kept_proof import KeptProof, make_proof
from infra.compositing.placed_product import PlacedProduct, apply_placement
from infra.compositing.product_placement import PixelBox, Placement, PlacementRule, place
from infra.compositing.stage_ground import stage_shadow
from infra.interfaces import ObjectStore, Pixels
from infra.stores import open_store
from tests.fixtures import composed_shop as shop
from tests.fixtures.placed_cutouts import drawn_cutout, photo_of

CANVAS = (120, 120)


@pytest.fixture
def store(request: pytest.FixtureRequest) -> ObjectStore:
    return open_store(f"memory://ground-check-{request.node.name}")


def composed(store: ObjectStore) -> tuple[str, KeptProof, PlacedProduct, Pixels, StageGrounds]:
    stage, grounds = shop.keep_stage(store), StageGrounds(store, layout.stage_image)
    cutout = drawn_cutout(1, 200, 240)
    placement = place(cutout.alpha, CANVAS, PlacementRule(0.6, 0.3, 0.5, 0.82))
    assert isinstance(placement, Placement)
    placed, ground = apply_placement(cutout, placement), grounds.ground(stage, CANVAS, 0.5, 0.82)
    staged = compose(ground.pixels, placed, stage_shadow(placed.alpha, ""))
    proof = make_proof(photo_of(cutout), cutout, placement, placed)
    assert isinstance(proof, KeptProof)
    proven = replace(proof, ground=make_ground_proof(stage, ground.crop, "", placed, staged))
    return stage, proven, placed, staged, grounds


def changed(proof: KeptProof, **fields: object) -> KeptProof:
    assert isinstance(proof.ground, GroundProof)
    return replace(proof, ground=replace(proof.ground, **fields))  # type: ignore[arg-type]


def test_what_was_composed_holds_and_its_proof_comes_back_from_its_document(store: ObjectStore) -> None:
    stage, proof, placed, staged, grounds = composed(store)
    assert find_broken_ground("stage", stage, proof, placed, staged, grounds) is None


@pytest.mark.parametrize(
    ("mode", "has_ground", "code"),
    [("white", True, "ground.not-recorded"), ("stage", False, "ground.not-recorded"), ("white", False, None)],
)
def test_a_ground_is_recorded_of_scenes_and_of_no_white(
    store: ObjectStore, mode: str, has_ground: bool, code: str | None
) -> None:
    stage, proof, *_ = composed(store)
    recorded = proof if has_ground else replace(proof, ground=None)
    assert find_wrong_record(mode, stage if has_ground else "", recorded) == code


def test_a_record_and_its_proof_name_one_stage(store: ObjectStore) -> None:
    stage, proof, *_ = composed(store)
    assert find_wrong_record("stage", stage, proof) is None
    assert find_wrong_record("stage", "0" * 64, proof) == "ground.stage-differs"


def test_another_stage_crop_or_digest_is_named(store: ObjectStore) -> None:
    stage, proof, placed, staged, grounds = composed(store)
    other = shop.keep_stage(store, 5)
    for wrong, code in (
        (changed(proof, stage=other), "ground.stage-differs"),
        (changed(proof, sha256="0" * 64), "ground.pixels-differ"),
        (changed(proof, crop=PixelBox(0, 0, 360, 360)), "ground.stage-differs"),
        (changed(proof, crop=PixelBox(0, 0, 4000, 4000)), "ground.stage-differs"),
        (changed(proof, light="left"), "ground.stage-differs"),
        (changed(proof, shadow="contact-2"), "ground.shadow-unknown"),
    ):
        assert find_broken_ground("stage", stage, wrong, placed, staged, grounds) == code


def test_a_lost_stage_is_told_apart(store: ObjectStore) -> None:
    stage, proof, placed, staged, grounds = composed(store)
    store.delete([layout.stage_image(stage)])
    grounds.clear()
    with pytest.raises(StageLost):
        find_broken_ground("stage", stage, proof, placed, staged, grounds)
    with pytest.raises(ValueError, match="has no ground"):
        compose_ground_again(replace(proof, ground=None), placed, grounds)
