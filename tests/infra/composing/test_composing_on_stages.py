"""Composing on a stage: the product is the photo's, the ground is the stage's, and what is amiss has a code."""

import dataclasses
import json

import numpy as np
import pytest

from catalogs import layout
from catalogs.photos.kept_request import KeptResult, answers_request, parse_kept_result
from infra.composing.composer import Composer
from infra.composing.photo_masks import find_mask
from infra.compositing.ground_proof import find_changed_ground
from infra.compositing.kept_proof import check_proof, parse_proof
from infra.compositing.placed_product import PlacedProduct
from infra.imaging.codecs import decode, pixel_sha
from infra.interfaces import Failure, Frame, ObjectStore, Prompt
from infra.photos.reading import read_photo
from infra.stores import open_store
from tests.fixtures import composed_shop as shop


@pytest.fixture
def store(request: pytest.FixtureRequest) -> ObjectStore:
    return open_store(f"memory://on-stages-{request.node.name}")


def prompt(*photos: str, key: str = "k", **changes: object) -> Prompt:
    request = shop.kept_request(*photos, **{"mode": "backdrop", **changes})  # type: ignore[arg-type]
    return Prompt(key, "", 0, request.width, request.height, kept=request.kept or "")


def answer_of(store: ObjectStore, asked: Prompt) -> Frame | Failure:
    [answer] = Composer(store, shop.TERMS, shop.OPEN_CUTTER).generate([asked])
    return answer


def one_frame(store: ObjectStore, asked: Prompt) -> tuple[Frame, KeptResult]:
    answer = answer_of(store, asked)
    assert isinstance(answer, Frame), answer
    return answer, parse_kept_result(answer.kept)


def placed_again(store: ObjectStore, kept: KeptResult, frame: Frame) -> PlacedProduct:
    mask = find_mask(store, layout.cutout_mask(kept.photo, kept.cutters_digest))
    assert mask is not None
    photo = read_photo(store.read(layout.source_photo(kept.photo, "png")))
    broken, placed = check_proof(parse_proof(kept.proof), photo, mask, frame.pixels)
    assert (broken, placed is None) == (None, False)
    assert placed is not None
    return placed


@pytest.mark.parametrize("mode", ["backdrop", "stage"])
def test_the_product_stands_on_its_stage_and_both_are_proven(store: ObjectStore, mode: str) -> None:
    sha, stage = shop.keep_photo(store, shop.product_photo(1)), shop.keep_stage(store)
    asked = prompt(sha, mode=mode, stage=stage, light="left")
    frame, kept = one_frame(store, asked)
    assert (kept.mode, kept.stage, answers_request(frame.kept, asked.kept)) == (mode, stage, True)
    placed = placed_again(store, kept, frame)
    proof = parse_proof(kept.proof)
    assert proof.ground is not None
    assert (proof.ground.stage, proof.ground.light, proof.ground.shadow) == (stage, "left", "contact-1")
    assert find_changed_ground(proof.ground, placed, frame.pixels) is None
    picture = decode(store.read(layout.stage_image(stage)))
    above = placed.alpha[:80] == 0
    crop = proof.ground.crop
    assert (crop.left, crop.top, crop.width, crop.height) == (60, 0, 360, 360)
    assert abs(frame.pixels[:80][above].mean() - picture[:112, 60:420].mean()) < 4, (
        "far from the shadow it is the stage"
    )
    rows = np.flatnonzero((placed.alpha >= 128).any(axis=1))
    assert rows[-1] + 1 == pytest.approx(0.82 * 256, abs=1.1)
    assert len(rows) == pytest.approx(0.6 * 256, abs=2)


def test_the_edge_carries_no_old_ground_along(store: ObjectStore) -> None:
    """A white rim on a dark stage would be seen at once; the disc's colours are 20 to 200."""
    sha, stage = shop.keep_photo(store, shop.product_photo(1)), shop.keep_stage(store, 3)
    frame, kept = one_frame(store, prompt(sha, stage=stage))
    alpha = placed_again(store, kept, frame).alpha
    edge = (alpha > 0) & (alpha < 255)
    assert edge.sum() > 100
    assert frame.pixels[edge].max() < 235


def test_the_shadow_falls_away_from_the_light_and_lies_on_the_ground_alone(store: ObjectStore) -> None:
    sha, stage = shop.keep_photo(store, shop.product_photo(1)), shop.keep_stage(store)
    frames = {light: one_frame(store, prompt(sha, stage=stage, light=light)) for light in ("left", "", "right")}
    alpha = placed_again(store, frames[""][1], frames[""][0]).alpha
    core = alpha == 255
    middle, bottom = alpha.shape[1] // 2, alpha.shape[0] - 60
    sides = {
        light: (int(frame.pixels[bottom:, :middle].sum()), int(frame.pixels[bottom:, middle:].sum()))
        for light, (frame, _) in frames.items()
    }
    assert sides["left"][0] > sides[""][0] > sides["right"][0], "the left is lighter where the light comes from there"
    assert sides["left"][1] < sides[""][1] < sides["right"][1]
    assert len({frame.pixels[core].tobytes() for frame, _ in frames.values()}) == 1
    assert all(parse_proof(kept.proof).core == parse_proof(frames[""][1].proof).core for _, kept in frames.values())


def test_a_stage_alone_in_a_batch_and_from_the_cache_gives_the_same_pixels(store: ObjectStore) -> None:
    shas = [shop.keep_photo(store, shop.product_photo(seed)) for seed in (1, 2)]
    stages = [shop.keep_stage(store, seed) for seed in (1, 2)]
    alone, _ = one_frame(store, prompt(shas[0], stage=stages[0]))
    asked = [prompt(sha, key=f"{sha}{stage}", stage=stage) for stage in stages for sha in shas]
    batch = list(Composer(store, shop.TERMS, shop.OPEN_CUTTER).generate([*asked, *asked]))
    digests = [pixel_sha(frame.pixels) for frame in batch if isinstance(frame, Frame)]
    assert digests[:4] == digests[4:]
    assert len(set(digests)) == 4
    assert digests[0] == pixel_sha(alone.pixels)


def test_a_lost_stage_is_our_fault_and_a_small_one_is_refused_with_numbers(store: ObjectStore) -> None:
    sha, stage = shop.keep_photo(store, shop.product_photo(1)), shop.keep_stage(store)
    lost = answer_of(store, prompt(sha, stage="0" * 64))
    assert isinstance(lost, Failure)
    assert (lost.code, "is not in the store" in lost.reason) == ("stage.lost", True)
    store.write(layout.stage_image(stage), store.read(layout.stage_image(shop.keep_stage(store, 5))))
    other = answer_of(store, prompt(sha, stage=stage))
    assert isinstance(other, Failure)
    assert (other.code, "holds other pixels than its name says" in other.reason) == ("stage.lost", True)
    small = answer_of(store, prompt(sha, stage=shop.keep_stage(store, 6, 300, 200)))
    assert isinstance(small, Failure)
    assert (small.code, "300 x 200 pixels" in small.reason) == ("stage.too-small", True)


def test_a_scene_that_is_generated_around_a_product_is_refused(store: ObjectStore) -> None:
    asked = prompt(shop.keep_photo(store, shop.product_photo(1)), mode="scene", stage=shop.keep_stage(store))
    failure = answer_of(store, asked)
    assert isinstance(failure, Failure)
    assert (failure.code, "there is white, backdrop and stage" in failure.reason) == ("kept-mode", True)


def test_a_photo_that_is_too_small_for_the_stage_says_so_and_the_next_is_taken(store: ObjectStore) -> None:
    small, good = (shop.keep_photo(store, shop.product_photo(seed, side)) for seed, side in ((1, 80), (2, 640)))
    stage = shop.keep_stage(store)
    refused = answer_of(store, prompt(small, stage=stage))
    assert isinstance(refused, Failure)
    assert refused.code == "photo.too-small"
    _, kept = one_frame(store, prompt(small, good, stage=stage))
    assert (kept.photo, kept.refused) == (good, {small: ["photo.too-small"]})


def test_a_record_of_another_stage_answers_no_request(store: ObjectStore) -> None:
    sha, stage = shop.keep_photo(store, shop.product_photo(1)), shop.keep_stage(store)
    asked = prompt(sha, stage=stage)
    frame, _ = one_frame(store, asked)
    other = dataclasses.replace(parse_kept_result(frame.kept), stage="0" * 64)
    assert not answers_request(other.text, asked.kept)
    assert not answers_request(frame.kept, json.dumps({**json.loads(asked.kept), "mode": "stage"}))
