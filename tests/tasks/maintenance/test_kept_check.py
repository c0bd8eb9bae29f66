"""Every exchange of one of the objects that a proof rests on is found and named, and so is each that is gone."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from catalogs import layout
from infra.compositing import kept_proof
from infra.imaging.codecs import decode, encode_png, pixel_sha
from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters, Pixels
from infra.testing.faulty_store import FaultInjector, FaultyStore
from tasks.maintenance.kept_check import KeptCheck, check_kept
from tests.fixtures.kept_shop import KeptShop
from tests.fixtures.placed_cutouts import drawn_cutout

PLACE, OTHER = "shirt/front", "mug/front"


@pytest.fixture
def shop(tmp_path: Path) -> KeptShop:
    opened = KeptShop(tmp_path)
    opened.keep("r1", {PLACE: 1, OTHER: 2})
    return opened


def found(shop: KeptShop, **changes: Any) -> KeptCheck:
    return check_kept(shop.store, {**shop.live_row(PLACE), **changes})  # type: ignore[typeddict-item]


def codes(check: KeptCheck) -> list[tuple[str, bool]]:
    return [(finding.code, finding.undecided) for finding in check.findings]


def photo_key(shop: KeptShop, place: str = PLACE) -> str:
    return layout.source_photo(shop.pictures[place].kept.photo, "png")


def staged_key(shop: KeptShop, place: str = PLACE) -> str:
    return layout.staged_image(shop.kept_image_key(place))


def core_pixel(shop: KeptShop) -> tuple[int, int]:
    """Return a pixel well inside of the product."""
    height, width, _ = shop.pictures[PLACE].staged.shape
    return height // 2 + 20, width // 2


def test_an_untouched_image_is_proven_from_photo_and_mask(shop: KeptShop) -> None:
    assert found(shop) == KeptCheck((), staged=True, unscaled=False)


def test_an_image_whose_staged_one_was_swept_is_proven_from_its_photo_all_the_same(shop: KeptShop) -> None:
    shop.store.delete([staged_key(shop), layout.kept_document(shop.kept_image_key(PLACE))])
    assert found(shop) == KeptCheck((), staged=False, unscaled=False)


def test_a_photo_that_was_not_scaled_is_known(tmp_path: Path) -> None:
    shop = KeptShop(tmp_path)
    shop.keep("r1", {PLACE: 3}, scale_one=True)
    assert found(shop) == KeptCheck((), staged=True, unscaled=True)


# Attacks


def test_one_changed_pixel_of_the_staged_core_is_found_and_placed(shop: KeptShop) -> None:
    staged, (top, left) = shop.pictures[PLACE].staged.copy(), core_pixel(shop)
    staged[top, left, 1] ^= 1
    shop.store.write(staged_key(shop), encode_png(staged))
    [finding] = found(shop).findings
    assert (finding.code, finding.undecided) == ("core.pixels-differ", False)
    assert finding.sentence == f"1 pixels of the staged core are not the photo's, the first at ({left}, {top})"


def test_a_swapped_staged_file_is_found(shop: KeptShop) -> None:
    shop.store.write(staged_key(shop), shop.store.read(staged_key(shop, OTHER)))
    assert codes(found(shop)) == [("core.pixels-differ", False)]


def test_another_mask_is_found(shop: KeptShop) -> None:
    done, mask = cv2.imencode(".png", drawn_cutout(1, 240, 300, margin=0.12).alpha)
    assert done
    shop.store.write(shop.mask_key(PLACE), mask.tobytes())
    assert codes(found(shop)) == [("core.mask-differs", False)]


def test_exchanged_photos_are_found(shop: KeptShop) -> None:
    shop.store.write(photo_key(shop), shop.pictures[OTHER].photo)
    assert codes(found(shop)) == [("core.photo-differs", False)]


def test_a_photo_with_one_other_pixel_is_found(shop: KeptShop) -> None:
    pixels = decode(shop.pictures[PLACE].photo)
    pixels[150, 120, 0] ^= 1
    shop.store.write(photo_key(shop), encode_png(pixels))
    assert codes(found(shop)) == [("core.photo-differs", False)]


def test_a_row_that_names_another_photo_than_its_document_is_found(shop: KeptShop) -> None:
    other = bytes.fromhex(shop.pictures[OTHER].kept.photo)
    assert codes(found(shop, photo_sha=other)) == [("kept.row-differs", False)]
    assert codes(found(shop, mode="stage")) == [("kept.row-differs", False)]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (lambda proof: proof["core"] | {"sha256": "0" * 64}, "core"),
        (lambda proof: proof["placement"] | {"target": proof["placement"]["target"] | {"left": 1}}, "placement"),
    ],
    ids=["core", "placement"],
)
def test_a_row_whose_proof_was_rewritten_is_found(shop: KeptShop, changed: Callable[..., Any], code: str) -> None:
    kept = shop.pictures[PLACE].kept
    text = replace(kept, proof={**kept.proof, code: changed(kept.proof)}).text
    assert codes(found(shop, kept=text)) == [("core.digest-differs", False)]


def test_an_unknown_resampler_and_a_placement_that_does_not_fit_are_named(shop: KeptShop) -> None:
    kept = shop.pictures[PLACE].kept
    unknown = replace(kept, proof={**kept.proof, "resampler": "lanczos-9"}).text
    assert codes(found(shop, kept=unknown)) == [("core.resampler-unknown", False)]
    source = {**kept.proof["placement"]["source"], "left": 200}
    moved = {**kept.proof["placement"], "source": source}
    assert codes(found(shop, kept=replace(kept, proof={**kept.proof, "placement": moved}).text)) == [
        ("core.placement-differs", False)
    ]


def test_a_changed_document_beside_the_staged_image_is_found(shop: KeptShop) -> None:
    key = layout.kept_document(shop.kept_image_key(PLACE))
    shop.store.write(key, shop.pictures[OTHER].kept.text.encode())
    assert codes(found(shop)) == [("kept.document-differs", False)]
    shop.store.write(key, b"[1")
    assert codes(found(shop)) == [("kept.document-unreadable", False)]


def test_a_documents_tag_and_what_screening_added_later_are_no_difference(shop: KeptShop) -> None:
    kept = replace(shop.pictures[PLACE].kept, jpeg={}, scores={})
    document = json.loads(kept.text) | {"tag": "ab" * 32}
    shop.store.write(layout.kept_document(shop.kept_image_key(PLACE)), json.dumps(document).encode())
    assert found(shop).findings == ()


def _published(shop: KeptShop, staged: Pixels, quality: int = 90) -> dict[str, Any]:
    """Publish other pixels under the row's own shas, as somebody would who can write the manifest too."""
    data = finish(staged, FinishParameters(quality=quality), mode="white")
    key = "published/shoes/forged.jpg"
    shop.store.write(key, data)
    return {
        "object": key,
        "file_sha": sha256(data).digest(),
        "pixel_sha": bytes.fromhex(pixel_sha(decode(data))),
    }


def test_one_pixel_beyond_the_jpegs_loss_is_found_in_a_published_file_with_true_shas(shop: KeptShop) -> None:
    staged, (top, left) = shop.pictures[PLACE].staged.copy(), core_pixel(shop)
    staged[top, left] = 255 - staged[top, left]
    [finding] = found(shop, **_published(shop, staged)).findings
    assert (finding.code, finding.undecided) == ("kept.jpeg-loss", False)
    assert "max " in finding.sentence
    assert " of " in finding.sentence


def test_a_shifted_and_a_relit_core_are_beyond_the_loss(shop: KeptShop) -> None:
    staged = shop.pictures[PLACE].staged
    shifted = np.roll(staged, 1, axis=1)
    relit = np.clip(staged.astype(int) + 12, 0, 255).astype(np.uint8)
    for other in (shifted, relit):
        assert codes(found(shop, **_published(shop, other))) == [("kept.jpeg-loss", False)]


def test_the_same_pixels_saved_worse_are_beyond_the_loss(shop: KeptShop) -> None:
    assert codes(found(shop, **_published(shop, shop.pictures[PLACE].staged, 40))) == [("kept.jpeg-loss", False)]


def test_a_row_that_claims_a_larger_loss_is_held_to_what_is_allowed_at_all(shop: KeptShop) -> None:
    kept = replace(shop.pictures[PLACE].kept, jpeg={"mean": 99.0, "p99": 99.0, "max": 255.0})
    relit = np.clip(shop.pictures[PLACE].staged.astype(int) + 20, 0, 255).astype(np.uint8)
    [finding] = found(shop, kept=kept.text, **_published(shop, relit)).findings
    assert finding.code == "kept.jpeg-loss"
    assert "of 5.00" in finding.sentence


def test_a_row_without_a_measured_loss_is_not_proven(shop: KeptShop) -> None:
    kept = replace(shop.pictures[PLACE].kept, jpeg={})
    [finding] = found(shop, kept=kept.text).findings
    assert (finding.code, "max" in finding.sentence) == ("kept.jpeg-loss", True)


def test_a_replaced_published_file_is_found_by_its_sha(shop: KeptShop) -> None:
    shop.store.write(shop.published_key(PLACE), shop.pictures[OTHER].file)
    assert codes(found(shop)) == [("kept.file-differs", False), ("kept.jpeg-loss", False)]


def test_a_published_file_of_another_size_or_kind_is_found(shop: KeptShop) -> None:
    small = _published(shop, shop.pictures[PLACE].staged[:40, :40])
    assert codes(found(shop, **small)) == [("kept.file-unreadable", False)]
    shop.store.write(shop.published_key(PLACE), b"no image")
    assert codes(found(shop)) == [("kept.file-differs", False), ("kept.file-unreadable", False)]


# What cannot be shown


@pytest.mark.parametrize(
    ("gone", "code"),
    [
        (photo_key, "kept.photo-gone"),
        (lambda shop: shop.mask_key(PLACE), "kept.mask-gone"),
        (lambda shop: shop.published_key(PLACE), "kept.file-gone"),
    ],
    ids=["photo", "mask", "file"],
)
def test_what_is_gone_leaves_an_image_undecided(shop: KeptShop, gone: Callable[[KeptShop], str], code: str) -> None:
    shop.store.delete([gone(shop)])
    assert codes(found(shop)) == [(code, True)]


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\nno", encode_png(np.zeros((300, 240, 3), np.uint8))])
def test_a_mask_that_is_none_leaves_an_image_undecided(shop: KeptShop, data: bytes) -> None:
    shop.store.write(shop.mask_key(PLACE), data)
    assert codes(found(shop)) == [("kept.mask-unreadable", True)]


def test_a_photo_that_cannot_be_read_leaves_an_image_undecided(shop: KeptShop) -> None:
    shop.store.write(photo_key(shop), b"no photo")
    assert codes(found(shop)) == [("kept.photo-unreadable", True)]


def test_another_decoder_is_told_from_another_product(shop: KeptShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_proof, "pixel_sha", lambda _: "0" * 64)
    [finding] = found(shop).findings
    assert (finding.code, finding.undecided) == ("core.decoder-differs", True)
    assert "this machine's libraries decode other pixels" in finding.sentence


def test_another_decoder_of_the_published_file_is_told_from_another_product(shop: KeptShop) -> None:
    tight = replace(shop.pictures[PLACE].kept, jpeg={"mean": 0.0, "p99": 0.0, "max": 0.0})
    assert codes(found(shop, kept=tight.text)) == [("kept.jpeg-loss", False)]
    assert codes(found(shop, kept=tight.text, pixel_sha=b"\0" * 32)) == [("kept.decoder-differs", True)]


def test_a_store_that_fails_leaves_an_image_undecided(shop: KeptShop) -> None:
    failing = FaultyStore(shop.store, FaultInjector(fail_at=1))
    check = check_kept(failing, shop.live_row(PLACE))  # type: ignore[arg-type]
    assert codes(check) == [("kept.store-failed", True)]


@pytest.mark.parametrize("text", [None, "", "{}", "[]", "no JSON", '{"mode": 5}', "[" * 9000])
def test_a_row_that_says_nothing_readable_is_broken(shop: KeptShop, text: str | None) -> None:
    assert codes(found(shop, kept=text)) == [("kept.row-unreadable", False)]
