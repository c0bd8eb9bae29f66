"""The ground's proof names the stage, and finds every pixel around a product that is not the stage's."""

from dataclasses import replace

import numpy as np
import pytest

from infra.compositing.composite import compose
from infra.compositing.core_digest import prove
from infra.compositing.ground_proof import (
    GroundProof,
    find_changed_ground,
    ground_again,
    make_ground_proof,
    parse_ground_proof,
)
from infra.compositing.placed_product import PlacedProduct
from infra.compositing.product_placement import PixelBox
from infra.compositing.stage_ground import crop_stage, ground_of_stage, stage_shadow
from infra.errors import DocumentUnreadable
from infra.imaging.codecs import pixel_sha
from infra.interfaces import Pixels
from tests.fixtures.drawn_stages import drawn_stage
from tests.fixtures.placed_cutouts import drawn_cutout

CANVAS = (120, 150)


def composed(seed: int = 1, light: str = "left") -> tuple[GroundProof, Pixels, PlacedProduct, Pixels]:
    """Return the proof, the stage's part at the image's size, the product, and the staged pixels."""
    stage = drawn_stage(seed, 300, 200)
    crop = crop_stage((300, 200), CANVAS, 0.5, 0.82)
    assert isinstance(crop, PixelBox)
    ground = ground_of_stage(stage, crop, CANVAS)
    cutout = drawn_cutout(2, *CANVAS)
    placed = PlacedProduct(cutout.pixels, cutout.alpha)
    staged = compose(ground, placed, stage_shadow(placed.alpha, light))
    return make_ground_proof(pixel_sha(stage), crop, light, placed, staged), ground, placed, staged


def test_a_ground_is_proven_again_from_its_stage() -> None:
    proof, ground, placed, staged = composed()
    assert find_changed_ground(proof, placed, staged) is None
    again = ground_again(proof, ground, placed)
    assert isinstance(again, np.ndarray)
    free = placed.alpha == 0
    assert np.array_equal(again[free], staged[free])
    assert not np.array_equal(again[free], ground[free]), "the shadow is a part of it"


def test_one_pixel_of_the_ground_is_found_and_none_of_the_product_is_its_matter() -> None:
    proof, _, placed, staged = composed()
    row, column = np.argwhere(placed.alpha == 0)[-1]
    changed = staged.copy()
    changed[row, column, 2] ^= 1
    assert find_changed_ground(proof, placed, changed) == "ground.pixels-differ"
    assert prove(placed, changed) is None, "the core's proof says nothing of it"
    row, column = np.argwhere(placed.alpha == 255)[0]
    changed = staged.copy()
    changed[row, column] ^= 1
    assert find_changed_ground(proof, placed, changed) is None
    assert find_changed_ground(proof, placed, staged[1:]) == "ground.pixels-differ"


def test_the_soft_edge_is_in_no_proof() -> None:
    proof, _, placed, staged = composed()
    edge = (placed.alpha > 0) & (placed.alpha < 255)
    changed = staged.copy()
    changed[edge] ^= 1
    assert edge.any()
    assert (find_changed_ground(proof, placed, changed), prove(placed, changed)) == (None, None)


@pytest.mark.parametrize("change", [{"light": "right"}, {"light": ""}, {"sha256": "0" * 64}], ids=str)
def test_another_light_and_another_digest_give_another_ground(change: dict[str, str]) -> None:
    proof, ground, placed, _ = composed()
    assert ground_again(replace(proof, **change), ground, placed) == "ground.stage-differs"


def test_another_stage_gives_another_ground() -> None:
    (proof, _, placed, _), (_, other, _, _) = composed(1), composed(9)
    assert ground_again(proof, other, placed) == "ground.stage-differs"


@pytest.mark.parametrize("change", [{"light": "above"}, {"shadow": "contact-9"}], ids=str)
def test_a_shadow_of_a_later_version_is_told(change: dict[str, str]) -> None:
    proof, ground, placed, _ = composed()
    assert ground_again(replace(proof, **change), ground, placed) == "ground.shadow-unknown"


def test_a_proof_comes_back_from_its_document_and_no_other_document_is_read() -> None:
    proof, *_ = composed()
    document = proof.document()
    assert parse_ground_proof(document) == proof
    crop = document["crop"]
    for bad in (
        None, [], {}, {**document, "more": 1}, {**document, "stage": "ab"}, {**document, "sha256": 5},
        {**document, "light": None}, {**document, "shadow": 1}, {**document, "crop": [0, 0, 1, 1]},
        {**document, "crop": {**crop, "left": -1}}, {**document, "crop": {**crop, "left": True}},
        {**document, "crop": {**crop, "width": 0}}, {**document, "crop": {**crop, "height": 1 << 60}},
    ):  # fmt: skip
        with pytest.raises(DocumentUnreadable):
            parse_ground_proof(bad)
