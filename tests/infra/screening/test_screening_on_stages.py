"""On a stage the product is judged by its own mask, the ground by its stage, and every exchange is found."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from catalogs import layout
from catalogs.photos.kept_judgement import BROKEN, KEPT, SCENE
from catalogs.photos.kept_request import KeptMode, parse_kept_result
from catalogs.planning.plan import Request
from catalogs.policy.channels import built_in_channels, evaluate_channels
from catalogs.policy.duplicates import DuplicateCandidate, judge_duplicates
from catalogs.policy.scene_rules import SceneRules
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.render_settings import Finish
from catalogs.runs.work_items import GeneratedImage, ScreenedAttempt
from infra.composing.photo_masks import find_mask
from infra.compositing.composite import compose
from infra.compositing.ground_proof import ground_digest
from infra.compositing.kept_proof import parse_proof, place_again
from infra.compositing.placed_product import PlacedProduct
from infra.compositing.stage_ground import ground_of_stage, stage_shadow
from infra.imaging.codecs import decode, encode_grey_png, encode_png, pixel_sha
from infra.imaging.finishing import finish, whiten
from infra.imaging.metrics.pdq import pdq
from infra.imaging.source_marks import mark_for
from infra.interfaces import FinishParameters, ObjectStore, Pixels
from infra.photos.reading import read_photo
from infra.stores import open_store
from tasks.gates.channel_eligibility import build_image_facts
from tests.fixtures import composed_shop as shop
from tests.fixtures.drawn_stages import drawn_stage

CANVAS = 448
"""Large enough that the JPEG keeps the prints of products of fill 0.6 within its limits."""
PHOTOS = [shop.product_photo(seed) for seed in (1, 2)]


def on_stage(sha: str, stage: str, mode: KeptMode = "stage", light: str = "") -> Request:
    return shop.kept_request(sha, mode=mode, stage=stage, light=light, canvas=CANVAS)


class StagedShop:
    """A store with two products on one stage, and another stage; each test gets a copy."""

    def __init__(self, mode: KeptMode) -> None:
        self.store = open_store(f"memory://staged-shop-{mode}")
        self.shas = [shop.keep_photo(self.store, data) for data in PHOTOS]
        self.stage, self.other = (shop.keep_stage(self.store, seed, 900, 640) for seed in (1, 2))
        asked = [on_stage(sha, self.stage, mode, light="left") for sha in self.shas]
        self.images = shop.compose(self.store, *asked)

    def copy(self, name: str) -> ObjectStore:
        """Return a store with the same objects."""
        store = open_store(f"memory://staged-{name}")
        for info in self.store.list(""):
            store.write(info.key, self.store.read(info.key))
        return store


@pytest.fixture(scope="module", params=["backdrop", "stage"])
def composed(request: pytest.FixtureRequest) -> StagedShop:
    return StagedShop(request.param)


@pytest.fixture
def store(composed: StagedShop, request: pytest.FixtureRequest) -> ObjectStore:
    return composed.copy(request.node.name)


def one(store: ObjectStore, image: GeneratedImage, **changes: Finish) -> ScreenedAttempt:
    [attempt] = shop.screen_kept(store, [image], **changes)  # type: ignore[arg-type]
    return attempt


def staged_pixels(store: ObjectStore, image: GeneratedImage) -> Pixels:
    return decode(store.read(layout.staged_image(image.item.image_key)))


def swap_pixels(store: ObjectStore, image: GeneratedImage, pixels: Pixels) -> GeneratedImage:
    """Put other pixels in the place of a staged image, as somebody who writes to the store may."""
    store.write(layout.staged_image(image.item.image_key), encode_png(pixels))
    return replace(image, raw_sha=pixel_sha(pixels))


def placed_product(store: ObjectStore, image: GeneratedImage) -> PlacedProduct:
    kept = parse_kept_result(store.read(layout.kept_document(image.item.image_key)).decode())
    mask = find_mask(store, layout.cutout_mask(kept.photo, kept.cutters_digest))
    assert mask is not None
    photo = read_photo(store.read(layout.source_photo(kept.photo, "png")))
    placed = place_again(parse_proof(kept.proof), photo, mask)
    assert isinstance(placed, PlacedProduct)
    return placed


def assert_broken(attempt: ScreenedAttempt, said: str) -> None:
    assert attempt.verdict.decision == "BLOCK"
    assert BROKEN in attempt.verdict.reasons
    assert (attempt.errors or {}).get(BROKEN) == said


def assert_unproven(attempt: ScreenedAttempt, said: str) -> None:
    assert (attempt.verdict.decision, attempt.verdict.reasons) == ("REVIEW", ("scanner-failed.kept",))
    assert said in (attempt.errors or {})[KEPT]
    assert attempt.finished_sha == "", "there is no picture that a person could accept"


# What passes


def test_a_good_product_on_a_stage_passes_though_nothing_around_it_is_white(
    store: ObjectStore, composed: StagedShop
) -> None:
    attempt = one(store, composed.images[0])
    scores = attempt.scores or {}
    assert (attempt.verdict.decision, attempt.verdict.reasons) == ("PASS", ())
    assert (scores[BROKEN], scores[SCENE], scores["background.white"]) == (0, 1, 0)
    assert scores["fill.side"] == pytest.approx(0.6, abs=0.02), "the product's own, by its mask"
    assert (scores["edges.touched"], scores["parts.count"], scores["mask.confidence"]) == (0, 1, 1)
    kept = parse_kept_result(attempt.kept or "")
    assert (kept.stage, kept.jpeg["p99"] > 0) == (composed.stage, True)


def test_the_rules_on_white_would_stop_it_and_the_data_says_which_they_are(
    store: ObjectStore, composed: StagedShop
) -> None:
    strict = built_in_policy().model_copy(update={"scenes": SceneRules(version=1, not_judged={})})
    [attempt] = shop.screen_kept(store, [composed.images[0]], policy=strict)
    assert {"background-not-white", "background-uneven", "small-in-frame"} <= set(attempt.verdict.reasons)


def test_stored_scores_of_a_stage_are_taken_again(store: ObjectStore, composed: StagedShop) -> None:
    first = one(store, composed.images[0])
    store.delete([info.key for info in store.list(layout.SOURCES)])
    assert one(store, composed.images[0]) == first


def test_the_file_says_in_its_mark_how_it_was_made(store: ObjectStore, composed: StagedShop) -> None:
    attempt = one(store, composed.images[0])
    mode = parse_kept_result(attempt.kept or "").mode
    assert attempt.source_mark == mark_for(mode).name


def test_a_channel_that_asks_for_white_says_so_and_no_proof_stands_for_a_person(
    store: ObjectStore, composed: StagedShop
) -> None:
    attempt = one(store, composed.images[0])
    record = {
        "width": attempt.width, "height": attempt.height, "scores": attempt.scores, "looks": attempt.appearance,
        "mark": attempt.source_mark, "kept": attempt.kept,
    }  # fmt: skip
    facts = build_image_facts(record, Finish(), shows_article=True)
    reasons = evaluate_channels({"amazon-main": built_in_channels()["amazon-main"]}, facts).reasons
    assert {"amazon-main:background-not-white", "amazon-main:needs-a-person"} <= set(reasons)


# What waits


def test_a_product_that_its_photo_cuts_off_waits(store: ObjectStore, composed: StagedShop) -> None:
    pixels = read_photo(PHOTOS[0]).pixels[:, 180:]
    sha = shop.keep_photo(store, encode_png(np.ascontiguousarray(pixels)))
    [image] = shop.compose(store, on_stage(sha, composed.stage))
    attempt = one(store, image)
    assert attempt.verdict.decision == "REVIEW"
    assert "photo.cropped" in attempt.verdict.reasons


def test_a_mask_that_lost_a_part_waits(store: ObjectStore, composed: StagedShop) -> None:
    pixels = read_photo(PHOTOS[0]).pixels.copy()
    pixels[330:600, :] = np.maximum(pixels[330:600, :], 238)  # lighter than what the second cutter takes for a product
    sha = shop.keep_photo(store, encode_png(pixels))
    [image] = shop.compose(store, on_stage(sha, composed.stage))
    attempt = one(store, image)
    assert attempt.verdict.decision != "PASS"
    assert any(reason.startswith("mask.") for reason in attempt.verdict.reasons), attempt.verdict


# Attacks


def one_pixel(pixels: Pixels) -> Pixels:
    changed = pixels.copy()
    changed[CANVAS // 2, CANVAS // 2, 1] ^= 1
    return changed


def reencoded(pixels: Pixels) -> Pixels:
    _, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


def warmer(pixels: Pixels) -> Pixels:
    return np.clip(pixels + np.array((3, 0, -3), np.int16), 0, 255).astype(np.uint8)


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "one-pixel": one_pixel,
    "shifted": lambda pixels: np.roll(pixels, 1, axis=1),
    "re-encoded": reencoded,
    "warmer": warmer,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changed_pixels_of_the_core_are_found(
    store: ObjectStore, composed: StagedShop, change: Callable[[Pixels], Pixels]
) -> None:
    image = swap_pixels(store, composed.images[0], change(staged_pixels(store, composed.images[0])))
    assert_broken(one(store, image), "core.pixels-differ: not the photo's product")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_ground_around_an_untouched_product_is_found(
    store: ObjectStore, composed: StagedShop, change: Callable[[Pixels], Pixels]
) -> None:
    image = composed.images[0]
    before, alpha = staged_pixels(store, image), placed_product(store, image).alpha
    changed = change(np.roll(before, 180, axis=0))  # so that the one pixel is one of the ground
    changed = np.where((alpha == 0)[..., None], np.roll(changed, -180, axis=0), before)
    assert (changed != before).any()
    assert_broken(one(store, swap_pixels(store, image, changed)), "ground.pixels-differ: not the stage's ground")


def on_other_stage(store: ObjectStore, composed: StagedShop) -> tuple[GeneratedImage, str]:
    """Compose the product on the other stage, as its own code would, and return the ground's digest too."""
    image = composed.images[0]
    placed, proof = placed_product(store, image), recorded(store, image)
    crop = parse_proof(proof).ground
    assert crop is not None
    ground = ground_of_stage(decode(store.read(layout.stage_image(composed.other))), crop.crop, (CANVAS, CANVAS))
    pixels = compose(ground, placed, stage_shadow(placed.alpha, "left"))
    return swap_pixels(store, image, pixels), ground_digest(pixels, placed.alpha)


def recorded(store: ObjectStore, image: GeneratedImage) -> dict[str, object]:
    document = json.loads(store.read(layout.kept_document(image.item.image_key)))
    return dict(document["proof"])


def rewrite(store: ObjectStore, image: GeneratedImage, ground: str, digest: str, **fields: object) -> None:
    key = layout.kept_document(image.item.image_key)
    document = json.loads(store.read(key))
    document["proof"]["ground"] |= {"stage": ground, "sha256": digest}
    store.write(key, json.dumps({**document, **fields}).encode())


def test_the_product_on_another_stage_is_found(store: ObjectStore, composed: StagedShop) -> None:
    image, _ = on_other_stage(store, composed)
    assert_broken(one(store, image), "ground.pixels-differ: not the stage's ground")


def test_another_stage_with_a_rewritten_digest_is_found_by_the_stages_own_pixels(
    store: ObjectStore, composed: StagedShop
) -> None:
    image, digest = on_other_stage(store, composed)
    rewrite(store, image, composed.stage, digest)
    assert_broken(one(store, image), "ground.stage-differs: not the stage's ground")


def test_another_stage_in_the_proof_alone_is_found(store: ObjectStore, composed: StagedShop) -> None:
    image, digest = on_other_stage(store, composed)
    rewrite(store, image, composed.other, digest)
    assert_broken(one(store, image), "ground.stage-differs: not the stage's ground")


def test_another_stage_with_a_whole_document_of_its_own_is_not_what_was_asked_for(
    store: ObjectStore, composed: StagedShop
) -> None:
    image, digest = on_other_stage(store, composed)
    rewrite(store, image, composed.other, digest, stage=composed.other)
    attempt = one(store, image)
    assert (attempt.verdict.decision, BROKEN in attempt.verdict.reasons) == ("BLOCK", True)
    assert attempt.kept is None


def test_another_picture_under_the_stages_name_proves_nothing(store: ObjectStore, composed: StagedShop) -> None:
    store.write(layout.stage_image(composed.stage), store.read(layout.stage_image(composed.other)))
    assert_unproven(one(store, composed.images[0]), "holds other pixels than its name says")


def test_a_stage_that_is_gone_proves_nothing(store: ObjectStore, composed: StagedShop) -> None:
    store.delete([layout.stage_image(composed.stage)])
    assert_unproven(one(store, composed.images[0]), "is not in the store")


def test_a_record_that_says_white_of_a_stage_is_found(store: ObjectStore, composed: StagedShop) -> None:
    image = composed.images[0]
    key = layout.kept_document(image.item.image_key)
    store.write(key, json.dumps({**json.loads(store.read(key)), "mode": "white"}).encode())
    attempt = one(store, image)
    assert (attempt.verdict.decision, attempt.kept) == ("BLOCK", None)
    assert (attempt.errors or {})[BROKEN] == "ground.not-recorded: not the stage's ground"


def test_another_mask_two_photos_exchanged_and_another_skus_file_are_found(
    store: ObjectStore, composed: StagedShop
) -> None:
    mine, other = composed.images
    files = {key: store.read(key) for key in (info.key for info in store.list(""))}
    kept = parse_kept_result(files[layout.kept_document(mine.item.image_key)].decode())
    mask_key = layout.cutout_mask(kept.photo, kept.cutters_digest)
    mask = find_mask(store, mask_key)
    assert mask is not None
    mask[300:330, 300:330] = 0
    store.write(mask_key, encode_grey_png(mask))
    assert_broken(one(store, mine), "core.mask-differs: not the photo's product")
    store.write(mask_key, files[mask_key])
    for sha, data in zip(composed.shas, reversed(PHOTOS), strict=True):
        store.write(layout.source_photo(sha, "png"), data)
    assert_unproven(one(store, mine), "holds other bytes than its name says")
    for sha, data in zip(composed.shas, PHOTOS, strict=True):
        store.write(layout.source_photo(sha, "png"), data)
    for key_of in (layout.staged_image, layout.kept_document):
        store.write(key_of(mine.item.image_key), files[key_of(other.item.image_key)])
    attempt = one(store, replace(mine, raw_sha=other.raw_sha))
    assert (attempt.verdict.decision, attempt.kept) == ("BLOCK", None)


# The finish


def test_a_near_white_stage_is_not_whitened_and_gets_no_canvas(store: ObjectStore) -> None:
    pixels = np.clip(drawn_stage(4, 900, 640).astype(np.int16) // 40 + 247, 0, 255).astype(np.uint8)
    stage = pixel_sha(pixels)
    store.write_once(layout.stage_image(stage), encode_png(pixels))
    request = on_stage(shop.keep_photo(store, PHOTOS[0]), stage, "backdrop")
    [image] = shop.compose(store, request)
    staged = staged_pixels(store, image)
    assert (whiten(staged) != staged).any(), "on white, it would be"
    attempt = one(store, image, finish=Finish(canvas="portrait"))
    assert (attempt.width, attempt.height) == (CANVAS, CANVAS)
    published = store.read(layout.finished_image(image.item.image_key, request.finish_digest))
    alpha = placed_product(store, image).alpha
    assert published == finish(staged, FinishParameters(whiten=False), kept=alpha, mode="backdrop")


# Likeness


def test_products_on_one_stage_are_no_duplicates_of_one_another(store: ObjectStore, composed: StagedShop) -> None:
    shas = [shop.keep_photo(store, shop.product_photo(seed)) for seed in range(10, 18)]
    images = shop.compose(store, *(on_stage(sha, composed.stage) for sha in shas))
    attempts = shop.screen_kept(store, images)
    candidates = [
        DuplicateCandidate(
            attempt.image.item.request.key, (str(index),), attempt.fingerprint, attempt.fingerprint_quality,
            bytes.fromhex(attempt.finished_sha), attempt.crop, attempt.appearance,
        )
        for index, attempt in enumerate(attempts)
    ]  # fmt: skip
    codes = [candidate.trusted_fingerprints(built_in_policy().duplicates) for candidate in candidates]
    pairs = list(itertools.combinations(range(len(codes)), 2))
    near = [(a, b, bits(one, other)) for a, b in pairs for one, other in zip(codes[a], codes[b], strict=True) if one]
    assert len(near) == 2 * len(pairs), "each has a code that may be compared"
    assert min(distance for *_, distance in near) > 60
    verdicts = judge_duplicates(candidates, [], near, [], built_in_policy().duplicates)
    assert {verdict.verdict.decision for verdict in verdicts} == {"PASS"}


def test_the_same_product_on_two_stages_is_near_itself(store: ObjectStore, composed: StagedShop) -> None:
    sha = shop.keep_photo(store, PHOTOS[0])
    stages = (composed.stage, composed.other)
    images = shop.compose(store, *(on_stage(sha, stage) for stage in stages))
    one_look, other_look = shop.screen_kept(store, images)
    assert bits(one_look.crop, other_look.crop) <= 16
    assert np.allclose(one_look.appearance, other_look.appearance, atol=1)
    frames = [pdq(staged_pixels(store, image))[0] for image in images]
    assert bits(*frames) > bits(one_look.crop, other_look.crop)


def bits(one_code: bytes, other: bytes) -> int:
    """Return the Hamming distance of two codes."""
    return (int.from_bytes(one_code, "big") ^ int.from_bytes(other, "big")).bit_count()
