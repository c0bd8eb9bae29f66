"""The proof is made again while an image is screened: every exchange is found, and what is lost passes nothing."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from catalogs import layout
from catalogs.photos.kept_judgement import (
    BROKEN,
    CORE_SHARE,
    KEPT,
    LOSS_MEAN,
    LOSS_P99,
    MAX_LOSS_MEAN,
    MAX_LOSS_P99,
)
from catalogs.photos.kept_request import parse_kept_result
from catalogs.recipe.render_settings import Finish
from catalogs.runs.work_items import GeneratedImage, ScreenedAttempt
from infra.composing.photo_masks import find_mask
from infra.compositing.jpeg_loss import LossLimits
from infra.imaging.codecs import decode, encode_grey_png, encode_png, pixel_sha
from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters, ObjectStore, Pixels
from infra.screening import product_check
from infra.stores import open_store
from tests.fixtures import composed_shop as shop

PHOTOS = [shop.product_photo(seed) for seed in (1, 2)]


class ComposedShop:
    """A store with two composed images, which each test gets as a copy."""

    def __init__(self) -> None:
        self.store = open_store("memory://kept-check")
        self.shas = [shop.keep_photo(self.store, data) for data in PHOTOS]
        self.images = shop.compose(self.store, *(shop.kept_request(sha) for sha in self.shas))

    def copy(self, name: str) -> ObjectStore:
        """Return a store with the same objects."""
        store = open_store(f"memory://kept-check-{name}")
        for info in self.store.list(""):
            store.write(info.key, self.store.read(info.key))
        return store


@pytest.fixture(scope="module")
def composed() -> ComposedShop:
    return ComposedShop()


@pytest.fixture
def store(composed: ComposedShop, request: pytest.FixtureRequest) -> ObjectStore:
    return composed.copy(request.node.name)


def swap_pixels(store: ObjectStore, image: GeneratedImage, change: Callable[[Pixels], Pixels]) -> GeneratedImage:
    """Put other pixels in the place of a staged image, as somebody who writes to the store may."""
    key = layout.staged_image(image.item.image_key)
    pixels = change(decode(store.read(key)))
    store.write(key, encode_png(pixels))
    return replace(image, raw_sha=pixel_sha(pixels))


def one_pixel(pixels: Pixels) -> Pixels:
    changed = pixels.copy()
    changed[128, 128, 1] ^= 1
    return changed


def reencoded(pixels: Pixels) -> Pixels:
    _, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


CHANGES = {
    "one-pixel": one_pixel,
    "shifted": lambda pixels: np.roll(pixels, 1, axis=1),
    "re-encoded": reencoded,
    "warmer": lambda pixels: np.clip(pixels + np.array((3, 0, -3), np.int16), 0, 255).astype(np.uint8),
}


def one(store: ObjectStore, image: GeneratedImage) -> ScreenedAttempt:
    [attempt] = shop.screen_kept(store, [image])
    return attempt


def assert_broken(attempt: ScreenedAttempt, code: str) -> None:
    assert attempt.verdict.decision == "BLOCK"
    assert BROKEN in attempt.verdict.reasons
    assert (attempt.scores or {})[BROKEN] == 1
    assert (attempt.errors or {})[BROKEN] == f"{code}: not the photo's product"
    assert parse_kept_result(attempt.kept or "").scores[BROKEN] == 1


def assert_unproven(attempt: ScreenedAttempt, said: str) -> None:
    assert attempt.verdict.decision == "REVIEW"
    assert attempt.verdict.reasons == ("scanner-failed.kept",)
    assert said in (attempt.errors or {})[KEPT]
    assert attempt.finished_sha == ""  # there is no picture that a person could accept


def test_a_kept_image_passes_with_the_scores_of_photo_mask_and_proof(
    store: ObjectStore, composed: ComposedShop
) -> None:
    attempt = one(store, composed.images[0])
    scores = attempt.scores or {}
    assert (attempt.verdict.decision, scores[BROKEN]) == ("PASS", 0)
    assert scores[CORE_SHARE] > 0.9
    assert {"mask.agreement", "mask.area", "photo.blur", "ground.plainness"} <= scores.keys()
    assert 0 < scores[LOSS_MEAN] < MAX_LOSS_MEAN
    assert scores[LOSS_P99] <= MAX_LOSS_P99
    kept = parse_kept_result(attempt.kept or "")
    assert kept.jpeg["mean"] == scores[LOSS_MEAN]
    assert kept.photo == composed.shas[0]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changed_pixels_of_the_core_are_found(
    store: ObjectStore, composed: ComposedShop, change: Callable[[Pixels], Pixels]
) -> None:
    assert_broken(one(store, swap_pixels(store, composed.images[0], change)), "core.pixels-differ")


def test_a_pixel_of_the_ground_is_not_the_products(store: ObjectStore, composed: ComposedShop) -> None:
    def change(pixels: Pixels) -> Pixels:
        changed = pixels.copy()
        changed[0, 0] = 254
        return changed

    assert one(store, swap_pixels(store, composed.images[0], change)).verdict.decision == "PASS"


def test_another_mask_is_found(store: ObjectStore, composed: ComposedShop) -> None:
    kept = parse_kept_result(store.read(layout.kept_document(composed.images[0].item.image_key)).decode())
    key = layout.cutout_mask(kept.photo, kept.cutters_digest)
    mask = find_mask(store, key)
    assert mask is not None
    mask[300:330, 300:330] = 0
    store.write(key, encode_grey_png(mask))
    assert_broken(one(store, composed.images[0]), "core.mask-differs")


def test_two_photos_exchanged_are_found(store: ObjectStore, composed: ComposedShop) -> None:
    keys = [layout.source_photo(sha, "png") for sha in composed.shas]
    for key, data in zip(keys, reversed(PHOTOS), strict=True):
        store.write(key, data)
    assert_unproven(one(store, composed.images[0]), "holds other bytes than its name says")


def test_a_staged_image_and_its_document_of_another_sku_are_found(store: ObjectStore, composed: ComposedShop) -> None:
    mine, other = composed.images
    for key_of in (layout.staged_image, layout.kept_document):
        store.write(key_of(mine.item.image_key), store.read(key_of(other.item.image_key)))
    attempt = one(store, replace(mine, raw_sha=other.raw_sha))
    assert attempt.verdict.decision == "BLOCK"
    assert BROKEN in attempt.verdict.reasons
    assert attempt.kept is None


def test_a_document_of_another_image_is_found(store: ObjectStore, composed: ComposedShop) -> None:
    mine, other = (layout.kept_document(image.item.image_key) for image in composed.images)
    store.write(mine, store.read(other))
    attempt = one(store, composed.images[0])
    assert attempt.verdict.decision == "BLOCK"
    assert (attempt.errors or {})[BROKEN].startswith("core.")


@pytest.mark.parametrize("lost", ["document", "photo", "mask"])
@pytest.mark.parametrize("how", ["gone", "damaged"])
def test_what_is_lost_or_unreadable_passes_nothing(
    store: ObjectStore, composed: ComposedShop, lost: str, how: str
) -> None:
    image, sha = composed.images[0], composed.shas[0]
    kept = parse_kept_result(store.read(layout.kept_document(image.item.image_key)).decode())
    key, said = {
        "document": (layout.kept_document(image.item.image_key), "so nothing is known of the product"),
        "photo": (layout.source_photo(sha, "png"), "could not be proven again"),
        "mask": (layout.cutout_mask(sha, kept.cutters_digest), "is lost, or cannot be read"),
    }[lost]
    if how == "gone":
        store.delete([key])
    else:
        store.write(key, store.read(key)[:40])
    assert_unproven(one(store, image), said)


def test_a_broken_proof_is_never_taken_from_stored_scores_and_a_good_one_is(
    store: ObjectStore, composed: ComposedShop
) -> None:
    good = one(store, composed.images[0])
    key = layout.source_photo(composed.shas[0], "png")
    data = store.read(key)
    store.delete([key])
    assert one(store, composed.images[0]) == good  # stored scores of the same document and the same file
    broken = swap_pixels(store, composed.images[0], one_pixel)
    store.write(key, data)
    assert_broken(one(store, broken), "core.pixels-differ")
    mended = swap_pixels(store, broken, one_pixel)
    assert one(store, mended).verdict.decision == "PASS"


def test_a_file_that_was_finished_without_protection_is_replaced(store: ObjectStore, composed: ComposedShop) -> None:
    image = composed.images[0]
    pixels = decode(store.read(layout.staged_image(image.item.image_key)))
    planted = finish(pixels, FinishParameters(quality=60))
    key = layout.finished_image(image.item.image_key, shop.FINISH.digest)
    store.write(key, planted)
    attempt = one(store, image)
    assert store.read(key) != planted
    assert attempt.refused_work == ("file",)
    assert attempt.verdict.decision == "PASS"


def test_a_finish_that_loses_too_much_blocks(store: ObjectStore, composed: ComposedShop) -> None:
    [attempt] = shop.screen_kept(store, [composed.images[0]], finish=Finish(quality=60))
    assert attempt.verdict.decision == "BLOCK"
    assert "kept.jpeg-loss" in attempt.verdict.reasons
    assert (attempt.scores or {})[LOSS_P99] > MAX_LOSS_P99


def test_limits_and_names_are_those_of_the_rules() -> None:
    assert LossLimits() == LossLimits(MAX_LOSS_MEAN, round(MAX_LOSS_P99))
    assert (product_check.BROKEN, product_check.KEPT, product_check.CORE_SHARE) == (BROKEN, KEPT, CORE_SHARE)
    assert (product_check.LOSS_MEAN, product_check.LOSS_P99) == (LOSS_MEAN, LOSS_P99)
