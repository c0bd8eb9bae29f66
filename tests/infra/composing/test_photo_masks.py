"""Masks are cut once, kept whole, and made anew where the store holds something else."""

import json
from contextlib import suppress

import numpy as np
import pytest

from catalogs import layout
from catalogs.photos.kept_request import parse_kept_request
from infra.composing.photo_masks import CutterChanged, PhotoMasks, find_mask
from infra.compositing.kept_proof import mask_sha
from infra.cutout.cutters import Cutter
from infra.imaging.codecs import encode_grey_png
from infra.integrity.keyring import IntegrityKeys
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.interfaces import ObjectStore, Photo
from infra.photos.reading import read_photo
from infra.stores import open_store
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tests.fixtures import composed_shop as shop

DATA = shop.product_photo(1, side=320)
PHOTO = read_photo(DATA)
REQUEST = shop.kept_request(PHOTO.sha256)
ORDER = parse_kept_request(REQUEST.kept or "")
MASK_KEY = layout.cutout_mask(PHOTO.sha256, ORDER.cutters_digest)
SCORES_KEY = layout.cutout_scores(PHOTO.sha256, ORDER.cutters_digest)
KEYS = StoredWorkTrust(IntegrityKeys([b"k" * 40]))


class CountedCuts:
    """Opens cutters, and counts how often one of them cuts."""

    def __init__(self) -> None:
        self.cuts = 0

    def open(self, name: str) -> Cutter:
        """Return the cutter, counted."""
        cutter, counted = shop.OPEN_CUTTER(name), self

        class Counted:
            name, version = cutter.name, cutter.version

            def cut(self, photo: Photo) -> np.ndarray:  # type: ignore[type-arg]
                counted.cuts += 1
                return cutter.cut(photo)

        return Counted()


@pytest.fixture
def store(request: pytest.FixtureRequest) -> ObjectStore:
    return open_store(f"memory://masks-{request.node.name}")


def test_a_mask_is_cut_once_and_found_again_with_its_scores(store: ObjectStore) -> None:
    counted = CountedCuts()
    made = PhotoMasks(store, shop.TERMS, UNCHECKED, counted.open).of(PHOTO, ORDER)
    found = PhotoMasks(store, shop.TERMS, UNCHECKED, counted.open).of(PHOTO, ORDER)
    assert counted.cuts == 2  # two cutters, once each
    assert (found.alpha == made.alpha).all()
    assert (found.cutter, found.version, found.scores) == (made.cutter, made.version, made.scores)


@pytest.mark.parametrize(
    "planted",
    [b"", b"no png", encode_grey_png(np.zeros((3, 3), np.uint8)), encode_grey_png(np.full((320, 320), 255, np.uint8))],
    ids=["empty", "no-png", "another-size", "another-mask"],
)
@pytest.mark.parametrize("with_scores", [True, False])
def test_a_mask_that_is_not_the_one_of_its_scores_is_made_anew(
    store: ObjectStore, planted: bytes, with_scores: bool
) -> None:
    made = PhotoMasks(store, shop.TERMS, UNCHECKED, shop.OPEN_CUTTER).of(PHOTO, ORDER)
    before = store.read(MASK_KEY)
    store.write(MASK_KEY, planted)
    if not with_scores:
        store.delete([SCORES_KEY])
    again = PhotoMasks(store, shop.TERMS, UNCHECKED, shop.OPEN_CUTTER).of(PHOTO, ORDER)
    assert (again.alpha == made.alpha).all()
    assert store.read(MASK_KEY) == before


@pytest.mark.parametrize(
    "planted",
    [None, b"", b"[]", b"null", b"{}", b'{"scores": [], "cutter": 1}', b"[" * 100_000,
     '{"cutter": "dark", "version": "1", "mask_sha256": "SHA", "scores": {"mask.agreement": NaN}}',
     '{"cutter": "dark", "version": "1", "mask_sha256": "SHA", "scores": {"mask.agreement": 1e999}}'],
)  # fmt: skip
def test_scores_that_are_gone_damaged_or_no_numbers_are_made_anew_with_the_same_mask(
    store: ObjectStore, planted: bytes | str | None
) -> None:
    made = PhotoMasks(store, shop.TERMS, UNCHECKED, shop.OPEN_CUTTER).of(PHOTO, ORDER)
    before = {key: store.read(key) for key in (MASK_KEY, SCORES_KEY)}
    store.delete([SCORES_KEY])
    if planted is not None:
        data = planted.replace("SHA", mask_sha(made.alpha)).encode() if isinstance(planted, str) else planted
        store.write(SCORES_KEY, data)
    masks = PhotoMasks(store, shop.TERMS, UNCHECKED, shop.OPEN_CUTTER)
    assert masks.find_scores(ORDER, PHOTO.sha256) is None
    again = masks.of(PHOTO, ORDER)
    assert (again.scores, again.cutter) == (made.scores, made.cutter)
    assert {key: store.read(key) for key in (MASK_KEY, SCORES_KEY)} == before


def test_a_mask_that_is_gone_is_cut_again_though_its_scores_are_there(store: ObjectStore) -> None:
    made = PhotoMasks(store, shop.TERMS, UNCHECKED, shop.OPEN_CUTTER).of(PHOTO, ORDER)
    before = store.read(MASK_KEY)
    store.delete([MASK_KEY])
    again = PhotoMasks(store, shop.TERMS, UNCHECKED, shop.OPEN_CUTTER).of(PHOTO, ORDER)
    assert (again.alpha == made.alpha).all()
    assert store.read(MASK_KEY) == before


def test_with_keys_better_scores_of_a_stranger_are_not_believed(store: ObjectStore) -> None:
    made = PhotoMasks(store, shop.TERMS, KEYS, shop.OPEN_CUTTER).of(PHOTO, ORDER)
    values = json.loads(store.read(SCORES_KEY))
    values["scores"]["mask.agreement"] = 0.5
    store.write(SCORES_KEY, json.dumps(values).encode())
    masks = PhotoMasks(store, shop.TERMS, KEYS, shop.OPEN_CUTTER)
    assert masks.find_scores(ORDER, PHOTO.sha256) is None
    assert masks.of(PHOTO, ORDER).scores == made.scores
    assert masks.find_scores(ORDER, PHOTO.sha256) == made.scores


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_store_that_dies_at_any_step_leaves_what_the_next_process_completes(when: str) -> None:
    whole = open_store(f"memory://masks-whole-{when}")
    PhotoMasks(whole, shop.TERMS, KEYS, shop.OPEN_CUTTER).of(PHOTO, ORDER)
    expected = {info.key: whole.read(info.key) for info in whole.list(layout.CUTOUTS)}
    for step in range(1, 5):
        store = open_store(f"memory://masks-{when}-{step}")
        dying = FaultyStore(store, FaultInjector(step, when))  # type: ignore[arg-type]
        with suppress(InjectedFault):
            PhotoMasks(dying, shop.TERMS, KEYS, shop.OPEN_CUTTER).of(PHOTO, ORDER)
        PhotoMasks(store, shop.TERMS, KEYS, shop.OPEN_CUTTER).of(PHOTO, ORDER)
        assert {info.key: store.read(info.key) for info in store.list(layout.CUTOUTS)} == expected, step


def test_a_cutter_of_another_version_cuts_nothing(store: ObjectStore) -> None:
    other = parse_kept_request(shop.kept_request(PHOTO.sha256, cutters=(("plain-ground", "0"),)).kept or "")
    with pytest.raises(CutterChanged, match="is version '1' on this machine, and the run was planned with '0'"):
        PhotoMasks(store, shop.TERMS, UNCHECKED, shop.OPEN_CUTTER).of(PHOTO, other)
    assert list(store.list(layout.CUTOUTS)) == []


def test_a_mask_of_colours_is_none(store: ObjectStore) -> None:
    store.write("a", shop.product_photo(1, side=120))
    assert find_mask(store, "a") is None
    assert find_mask(store, "missing") is None
