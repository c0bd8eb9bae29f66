"""A proof is computed again from the store's objects alone, and every exchange of one of them is caught."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.compositing.composite import compose, white_ground
from infra.compositing.contact_shadow import ShadowRule, contact_shadow
from infra.compositing.core_digest import KeptDiffers, core_digest
from infra.compositing.kept_proof import KeptProof, find_broken, make_proof, mask_sha, parse_proof, recompute
from infra.compositing.placed_product import apply_placement
from infra.compositing.product_placement import PixelBox, Placement, PlacementRule, place
from infra.errors import DocumentUnreadable
from infra.imaging.codecs import decode, encode_png
from infra.interfaces import Pixels
from infra.interfaces.cutouts import Cutout, Photo
from tests.fixtures.placed_cutouts import drawn_cutout, photo_of, random_cutouts

CANVAS = (96, 96)


def placement_of(cutout: Cutout, fill: float = 0.85) -> Placement:
    found = place(cutout.alpha, CANVAS, PlacementRule(fill=fill, least_fill=fill))
    assert isinstance(found, Placement), found
    return found


def staged_from(cutout: Cutout, placement: Placement) -> Pixels:
    """Return what the store would hold: the composite of the refined cut-out, through its PNG."""
    placed = apply_placement(cutout, placement)
    return decode(encode_png(compose(white_ground(*CANVAS), placed, contact_shadow(placed.alpha, ShadowRule()))))


def refined(cutout: Cutout) -> Cutout:
    """Return the cut-out with other colours at its edge, as a cutter leaves them."""
    pixels = cutout.pixels.copy()
    pixels[cutout.alpha < 255] = 255 - pixels[cutout.alpha < 255]
    return replace(cutout, pixels=pixels)


def proven(cutout: Cutout, placement: Placement) -> KeptProof:
    proof = make_proof(photo_of(cutout), refined(cutout), placement, apply_placement(refined(cutout), placement))
    assert isinstance(proof, KeptProof), proof
    return proof


CUTOUT = drawn_cutout(1, 180, 240)
PHOTO = photo_of(CUTOUT)
PLACEMENT = placement_of(CUTOUT)
PROOF = proven(CUTOUT, PLACEMENT)
STAGED = staged_from(refined(CUTOUT), PLACEMENT)


def test_what_was_placed_from_the_refined_cutout_is_proven_from_the_photo() -> None:
    placed = apply_placement(refined(CUTOUT), PLACEMENT)
    assert core_digest(placed.pixels, placed.alpha) == PROOF.core
    assert recompute(PHOTO, CUTOUT.alpha, PLACEMENT, "hermite-1") == PROOF.core
    assert find_broken(PROOF, PHOTO, CUTOUT.alpha, STAGED) is None
    assert PROOF.core.share > 0.85  # of a product of 83 rows; the rest is its soft edge


def test_at_scale_1_the_digest_is_of_the_photos_own_pixels() -> None:
    cutout = drawn_cutout(5, 90, 90)
    placement = Placement(*CANVAS, PixelBox(0, 0, 90, 90), PixelBox(3, 3, 90, 90))
    own = core_digest(np.pad(cutout.pixels, ((3, 3), (3, 3), (0, 0))), np.pad(cutout.alpha, ((3, 3), (3, 3))))
    assert proven(cutout, placement).core == own


def one_pixel(pixels: Pixels) -> Pixels:
    changed = pixels.copy()
    changed[48, 48, 0] ^= 1
    return changed


def placed_elsewhere(**values: int) -> KeptProof:
    """Return the proof with its placement's target edited, and its digest left."""
    return replace(PROOF, placement=replace(PLACEMENT, target=replace(PLACEMENT.target, **values)))


OTHER = drawn_cutout(2, 180, 240)
SOFTER = CUTOUT.alpha.copy()
SOFTER[120, 90] = 254
ATTACKS: dict[str, tuple[KeptProof, Photo, Any, Any, str]] = {
    "one bit of one staged pixel": (PROOF, PHOTO, CUTOUT.alpha, one_pixel(STAGED), "core.pixels-differ"),
    "a staged image shifted by one": (PROOF, PHOTO, CUTOUT.alpha, np.roll(STAGED, 1, 1), "core.pixels-differ"),
    "another staged file": (
        PROOF, PHOTO, CUTOUT.alpha, staged_from(OTHER, placement_of(OTHER)), "core.pixels-differ",
    ),
    "a staged file of another size": (PROOF, PHOTO, CUTOUT.alpha, STAGED[1:], "core.size-differs"),
    "the photo of another SKU": (PROOF, photo_of(OTHER), CUTOUT.alpha, STAGED, "core.photo-differs"),
    "another photo under the same name": (
        PROOF, replace(photo_of(OTHER), sha256=PHOTO.sha256), CUTOUT.alpha, STAGED, "core.decoder-differs",
    ),
    "one bit of the photo under the same name": (
        PROOF, replace(PHOTO, pixels=one_pixel(PHOTO.pixels)), CUTOUT.alpha, STAGED, "core.decoder-differs",
    ),
    "the mask of another product": (
        PROOF, PHOTO, drawn_cutout(1, 180, 240, margin=0.12).alpha, STAGED, "core.mask-differs",
    ),
    "a mask of another size": (PROOF, PHOTO, CUTOUT.alpha[1:], STAGED, "core.mask-differs"),
    "an alpha of 254 at a core pixel": (PROOF, PHOTO, SOFTER, STAGED, "core.mask-differs"),
    "the same with the mask's digest edited": (
        replace(PROOF, mask_sha256=mask_sha(SOFTER)), PHOTO, SOFTER, STAGED, "core.digest-differs",
    ),
    "a target one to the left": (
        placed_elsewhere(left=PLACEMENT.target.left - 1), PHOTO, CUTOUT.alpha, STAGED, "core.digest-differs",
    ),
    "a target one lower": (
        placed_elsewhere(top=PLACEMENT.target.top + 1), PHOTO, CUTOUT.alpha, STAGED, "core.digest-differs",
    ),
    "a source one to the right": (
        replace(PROOF, placement=replace(PLACEMENT, source=replace(PLACEMENT.source, left=PLACEMENT.source.left + 1))),
        PHOTO, CUTOUT.alpha, STAGED, "core.digest-differs",
    ),
    "a source outside of the photo": (
        replace(PROOF, placement=replace(PLACEMENT, source=replace(PLACEMENT.source, left=170))),
        PHOTO, CUTOUT.alpha, STAGED, "core.placement-differs",
    ),
    "another resampler": (
        replace(PROOF, resampler="hermite-2"), PHOTO, CUTOUT.alpha, STAGED, "core.resampler-unknown",
    ),
    "another digest": (
        replace(PROOF, core=replace(PROOF.core, sha256="0" * 64)), PHOTO, CUTOUT.alpha, STAGED, "core.digest-differs",
    ),
    "a share made larger": (
        replace(PROOF, core=replace(PROOF.core, product_pixels=PROOF.core.pixels)),
        PHOTO, CUTOUT.alpha, STAGED, "core.digest-differs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_an_exchange_is_caught_for_its_reason(name: str) -> None:
    proof, photo, mask, staged, reason = ATTACKS[name]
    assert find_broken(proof, photo, mask, staged) == reason


def test_two_photos_exchanged_with_all_their_digests_are_caught_by_the_staged_images() -> None:
    other = proven(OTHER, placement_of(OTHER))
    assert find_broken(other, photo_of(OTHER), OTHER.alpha, STAGED) == "core.pixels-differ"
    assert find_broken(PROOF, PHOTO, CUTOUT.alpha, staged_from(OTHER, placement_of(OTHER))) == "core.pixels-differ"


def test_a_cutter_that_touches_an_opaque_pixel_is_caught_before_and_after_compositing() -> None:
    touched = replace(CUTOUT, pixels=CUTOUT.pixels.copy())
    touched.pixels[120, 90] ^= 128
    refused = make_proof(PHOTO, touched, PLACEMENT, apply_placement(touched, PLACEMENT))
    assert refused == KeptDiffers("core.cutout-differs", 1, 90, 120)
    assert find_broken(PROOF, PHOTO, CUTOUT.alpha, staged_from(touched, PLACEMENT)) == "core.pixels-differ"


def test_a_product_without_a_core_is_not_proven() -> None:
    glass = replace(CUTOUT, alpha=np.minimum(CUTOUT.alpha, 254))
    placement = placement_of(glass)
    refused = KeptDiffers("core.empty", 0, 0, 0)
    assert make_proof(PHOTO, glass, placement, apply_placement(glass, placement)) == refused
    empty = replace(
        PROOF,
        mask_sha256=mask_sha(glass.alpha),
        placement=placement,
        core=recompute(PHOTO, glass.alpha, placement, "hermite-1"),
    )
    assert find_broken(empty, PHOTO, glass.alpha, staged_from(glass, placement)) == "core.empty"


def test_a_core_of_the_photo_that_the_reduction_dissolves_is_empty_too() -> None:
    mesh = replace(CUTOUT, alpha=np.where(np.indices(CUTOUT.alpha.shape).sum(axis=0) % 2, CUTOUT.alpha, np.uint8(200)))
    placement = Placement(*CANVAS, PLACEMENT.source, PLACEMENT.target)
    assert make_proof(PHOTO, mesh, placement, apply_placement(mesh, placement)) == KeptDiffers("core.empty", 0, 0, 0)


def test_a_mask_is_named_by_its_size_and_bytes() -> None:
    alpha = np.array([[0, 1, 2]], np.uint8)
    assert mask_sha(alpha) == hashlib.sha256(b"1x3\n\0\1\2").hexdigest()
    assert mask_sha(alpha.T) != mask_sha(alpha)
    assert mask_sha(np.repeat(alpha, 2, axis=1)[:, ::2]) == mask_sha(alpha)


def test_a_document_comes_back_through_json() -> None:
    text = json.dumps(PROOF.document())
    assert parse_proof(json.loads(text)) == PROOF
    assert json.loads(text) == PROOF.document()
    assert PROOF.document()["placement"]["target"] == {
        "left": PLACEMENT.target.left, "top": PLACEMENT.target.top,
        "width": PLACEMENT.target.width, "height": PLACEMENT.target.height,
    }  # fmt: skip


GONE = object()


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("version", 2, "version is 2"),
        ("version", True, "version is True"),
        ("extra", 1, "must have the fields"),
        ("core", GONE, "must have the fields"),
        ("core.pixels", GONE, "The core must"),
        ("placement", None, "The placement must"),
        ("placement.source", [0, 0, 1, 1], "source must"),
        ("photo_sha256", "A" * 64, "photo_sha256"),
        ("photo_sha256", "a" * 64 + "\n", "photo_sha256"),
        ("photo_pixels_sha256", None, "photo_pixels_sha256"),
        ("mask_sha256", "ab", "mask_sha256"),
        ("resampler", 1, "resampler"),
        ("core.sha256", "", "sha256"),
        ("core.pixels", -1, "no count"),
        ("core.pixels", 10**9, "more pixels than its product"),
        ("core.product_pixels", 10**9, "more pixels than its product"),
        ("core.product_pixels", 1 << 40, "no count"),
        ("placement.target.left", 1.0, "no count"),
        ("placement.target.left", "1", "no count"),
        ("placement.target.left", False, "no count"),
        ("placement.target.left", 90, "leaves the canvas"),
        ("placement.target.width", 0, "no rectangle"),
        ("placement.target.width", PLACEMENT.target.width - 1, "stretched"),
        ("placement.source.width", 10, "enlarged"),
        ("placement.canvas_width", 10**9, "canvas"),
    ],
)
def test_a_damaged_document_is_refused_by_what_is_wrong(field: str, value: object, word: str) -> None:
    document = json.loads(json.dumps(PROOF.document()))
    *parents, name = field.split(".")
    holder = document
    for parent in parents:
        holder = holder[parent]
    if value is GONE:
        del holder[name]
    else:
        holder[name] = value
    with pytest.raises(DocumentUnreadable, match=word):
        parse_proof(document)


@pytest.mark.parametrize("value", [[], "", None, 3])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(DocumentUnreadable, match="must have the fields"):
        parse_proof(value)


def test_a_photo_that_the_mask_or_the_placement_does_not_fit_has_no_proof() -> None:
    elsewhere = replace(PLACEMENT, source=replace(PLACEMENT.source, left=170))
    with pytest.raises(ValueError, match="is not of a photo"):
        recompute(PHOTO, CUTOUT.alpha[1:], PLACEMENT, "hermite-1")
    with pytest.raises(ValueError, match="not inside a photo"):
        recompute(PHOTO, CUTOUT.alpha, elsewhere, "hermite-1")
    with pytest.raises(ValueError, match="No resampler"):
        recompute(PHOTO, CUTOUT.alpha, PLACEMENT, "hermite-0")
    with pytest.raises(ValueError, match="was not placed by"):
        make_proof(PHOTO, CUTOUT, replace(PLACEMENT, canvas_width=97), apply_placement(CUTOUT, PLACEMENT))
    cropped = Photo(PHOTO.pixels[1:], None, PHOTO.sha256)
    refused = make_proof(cropped, CUTOUT, PLACEMENT, apply_placement(CUTOUT, PLACEMENT))
    assert refused == KeptDiffers("core.size-differs", 0, 0, 0)


@settings(deadline=None)
@given(cutout=random_cutouts(32), fill=st.floats(0.05, 0.3))
def test_whatever_was_placed_is_proven_or_has_no_core(cutout: Cutout, fill: float) -> None:
    placement = place(cutout.alpha, CANVAS, PlacementRule(fill=fill, least_fill=fill / 10))
    if isinstance(placement, Placement):
        placed = apply_placement(refined(cutout), placement)
        proof = make_proof(photo_of(cutout), refined(cutout), placement, placed)
        if isinstance(proof, KeptDiffers):
            assert proof.reason == "core.empty"
            assert not (placed.alpha == 255).any()
            return
        staged = staged_from(refined(cutout), placement)
        assert find_broken(proof, photo_of(cutout), cutout.alpha, staged) is None
        assert parse_proof(json.loads(json.dumps(proof.document()))) == proof
