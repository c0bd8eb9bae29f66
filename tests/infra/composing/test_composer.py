"""Composing: which photo is taken, what becomes of unfit ones, and that nothing but the request decides the pixels."""

import dataclasses
import io
import json
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from PIL import Image

from catalogs import layout
from catalogs.photos.kept_request import KeptResult, parse_kept_result
from infra.composing.composer import Composer
from infra.composing.kept_terms import ChosenPhoto
from infra.composing.photo_masks import find_mask
from infra.compositing.core_digest import CoreProof
from infra.compositing.kept_proof import find_broken, parse_proof
from infra.cutout.cutters import Cutter
from infra.errors import CutterUnusable
from infra.imaging.codecs import pixel_sha
from infra.interfaces import Failure, Frame, ObjectStore, Prompt
from infra.photos.reading import read_photo
from infra.stores import open_store
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tests.fixtures import composed_shop as shop


@pytest.fixture
def store(request: pytest.FixtureRequest) -> ObjectStore:
    return open_store(f"memory://composer-{request.node.name}")


def prompt(*photos: str, key: str = "k", **changes: object) -> Prompt:
    request = shop.kept_request(*photos, **changes)  # type: ignore[arg-type]
    return Prompt(key, "", 0, request.width, request.height, kept=request.kept or "")


def composer(store: ObjectStore, choose: object = None) -> Composer:
    terms = shop.TERMS if choose is None else dataclasses.replace(shop.TERMS, choose=choose)  # type: ignore[arg-type]
    return Composer(store, terms, shop.OPEN_CUTTER)


def one_frame(store: ObjectStore, asked: Prompt) -> tuple[Frame, KeptResult]:
    [answer] = composer(store).generate([asked])
    assert isinstance(answer, Frame), answer
    return answer, parse_kept_result(answer.kept)


def one_failure(store: ObjectStore, asked: Prompt) -> Failure:
    [answer] = composer(store).generate([asked])
    assert isinstance(answer, Failure), answer
    return answer


def test_the_product_is_kept_on_white_and_proven_from_the_store_alone(store: ObjectStore) -> None:
    sha = shop.keep_photo(store, shop.product_photo(1))
    frame, kept = one_frame(store, prompt(sha))
    assert frame.pixels.shape == (256, 256, 3)
    assert (frame.pixels[:8] == 255).all()
    assert (kept.mode, kept.photo, kept.choice, kept.cutter, kept.refused) == (
        "white", sha, "only-photo", "plain-ground", {},
    )  # fmt: skip
    mask = find_mask(store, layout.cutout_mask(sha, kept.cutters_digest))
    photo = read_photo(store.read(layout.source_photo(sha, "png")))
    assert mask is not None
    proof = parse_proof(kept.proof)
    assert find_broken(proof, photo, mask, frame.pixels) is None
    assert isinstance(proof.core, CoreProof)
    assert proof.core.share > 0.9
    assert kept.scores["mask.agreement"] > 0.99


def test_a_stored_mask_and_a_new_one_give_the_same_pixels_alone_and_in_a_batch(store: ObjectStore) -> None:
    shas = [shop.keep_photo(store, shop.product_photo(seed)) for seed in (1, 2)]
    first, _ = one_frame(store, prompt(shas[0]))
    masks = {info.key: store.read(info.key) for info in store.list(layout.CUTOUTS)}
    batch = list(composer(store).generate([prompt(sha, key=sha) for sha in (shas[1], *shas)]))
    assert [pixel_sha(frame.pixels) for frame in batch if isinstance(frame, Frame)][1] == pixel_sha(first.pixels)
    assert all(store.read(key) == data for key, data in masks.items())
    store.delete(masks)
    again, _ = one_frame(store, prompt(shas[0]))
    assert pixel_sha(again.pixels) == pixel_sha(first.pixels)
    assert {key: store.read(key) for key in masks} == masks


def test_the_fittest_photo_is_taken_and_the_others_say_why_they_were_not(store: ObjectStore) -> None:
    small, good = shop.product_photo(1, side=180), shop.product_photo(2)
    lost, unreadable = "0" * 64, shop.keep_photo(store, b"\x89PNG\r\n\x1a\n" + bytes(80))
    small_sha, good_sha = shop.keep_photo(store, small), shop.keep_photo(store, good)
    _, kept = one_frame(store, prompt(lost, unreadable, small_sha, good_sha))
    assert (kept.photo, kept.choice) == (good_sha, "first-that-passes")
    assert kept.refused == {
        lost: ["photo.lost"], unreadable: ["photo.unreadable"], small_sha: ["photo.too-small"],
    }  # fmt: skip


def test_a_photo_that_cannot_be_placed_leaves_the_next_one_to_be_taken(store: ObjectStore) -> None:
    small, good = (shop.keep_photo(store, shop.product_photo(seed, side)) for seed, side in ((1, 180), (2, 640)))

    def first(photos: Sequence[Mapping[str, float]]) -> ChosenPhoto:
        return ChosenPhoto(0, "only-photo", [()] * len(photos))

    [frame] = composer(store, first).generate([prompt(small, good)])
    assert isinstance(frame, Frame)
    kept = parse_kept_result(frame.kept)
    assert (kept.photo, kept.refused) == (good, {small: ["photo.too-small"]})


def test_without_a_usable_photo_the_reason_is_the_first_ones_but_a_lost_one_speaks_first(store: ObjectStore) -> None:
    small = shop.keep_photo(store, shop.product_photo(1, side=180))
    failure = one_failure(store, prompt(small))
    assert failure.code == "photo.too-small"
    assert failure.reason == "The product has 153 pixels where 218 are needed; it is not enlarged."
    assert one_failure(store, prompt(small, "0" * 64)).code == "photo.lost"


def test_a_photo_whose_bytes_were_exchanged_is_lost(store: ObjectStore) -> None:
    sha = shop.keep_photo(store, shop.product_photo(1))
    store.write(layout.source_photo(sha, "png"), shop.product_photo(2))
    failure = one_failure(store, prompt(sha))
    assert failure.code == "photo.lost"
    assert "holds other bytes than its name says" in failure.reason


def test_a_cutter_of_another_version_is_a_fault_of_the_machine(store: ObjectStore) -> None:
    sha = shop.keep_photo(store, shop.product_photo(1))
    failure = one_failure(store, prompt(sha, cutters=(("plain-ground", "9"),)))
    assert (failure.code, "'plain-ground' is version '1'" in failure.reason) == ("cutter-changed", True)
    missing = one_failure(store, prompt(sha, cutters=(("no_such_module:open", "1"),)))
    assert missing.code == "cutter-failed"


def test_a_defect_on_one_image_costs_no_other(store: ObjectStore) -> None:
    sha = shop.keep_photo(store, shop.product_photo(1))
    asked = [Prompt("broken", "", 0, 256, 256, kept="{}"), prompt(sha, key="good")]
    broken, good = composer(store).generate(asked)
    assert isinstance(broken, Failure)
    assert broken.code == ""
    assert isinstance(good, Frame)


def test_a_mode_that_is_not_built_is_refused(store: ObjectStore) -> None:
    sha = shop.keep_photo(store, shop.product_photo(1))
    asked = prompt(sha)
    scene = json.dumps({**json.loads(asked.kept), "mode": "scene"})
    failure = one_failure(store, dataclasses.replace(asked, kept=scene))
    assert (failure.code, "there is white" in failure.reason) == ("kept-mode", True)


def test_a_store_that_does_not_answer_is_not_the_photos_fault(store: ObjectStore) -> None:
    sha = shop.keep_photo(store, shop.product_photo(1))
    dying = FaultyStore(store, FaultInjector(0))
    with pytest.raises(InjectedFault):
        list(Composer(dying, shop.TERMS, shop.OPEN_CUTTER).generate([prompt(sha)]))


def test_transparency_of_the_photos_own_is_taken_as_it_is(store: ObjectStore) -> None:
    rgba = np.dstack([np.full((400, 400, 3), 90, np.uint8), np.zeros((400, 400), np.uint8)])
    rgba[40:360, 40:360, 3] = 255
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, "PNG")
    sha = shop.keep_photo(store, file.getvalue())
    frame, kept = one_frame(store, prompt(sha))
    assert (kept.cutter, kept.scores["mask.given"]) == ("file-alpha", 1)
    assert (frame.pixels[128, 128] == 90).all()


def test_a_cutter_is_opened_once(store: ObjectStore) -> None:
    opened: list[str] = []

    def counted(name: str) -> Cutter:
        opened.append(name)
        if len(opened) > 2:
            raise CutterUnusable("opened again")
        return shop.OPEN_CUTTER(name)

    shas = [shop.keep_photo(store, shop.product_photo(seed)) for seed in (1, 2)]
    answers = list(Composer(store, shop.TERMS, counted).generate([prompt(sha, key=sha) for sha in shas]))
    assert all(isinstance(answer, Frame) for answer in answers)
    assert opened == ["plain-ground", "dark"]
