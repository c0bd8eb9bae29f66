"""Staged images: which ones are found, which are replaced, and what it costs to look."""

from pathlib import Path

import numpy as np
import pytest

from catalogs import layout
from infra.imaging.codecs import encode_png, pixel_sha
from infra.integrity.keyring import IntegrityKeys
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.testing.faulty_store import FaultInjector, FaultyStore
from tasks.runs.staged_images import StagedImage, find_staged_image, stage_image

TRUST = StoredWorkTrust(IntegrityKeys([b"1" * 64]))
OTHER_HOST = StoredWorkTrust(IntegrityKeys([b"2" * 64]))
ONE, OTHER = np.full((8, 8, 3), 40, np.uint8), np.full((8, 8, 3), 90, np.uint8)
IMAGE_KEY = "ab" * 32
OBJECT = layout.staged_image(IMAGE_KEY)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path))


@pytest.mark.parametrize("trust", [TRUST, UNCHECKED], ids=["keys", "no keys"])
def test_what_was_staged_is_found_with_its_engine_by_one_request(store: ObjectStore, trust: StoredWorkTrust) -> None:
    assert find_staged_image(store, IMAGE_KEY, trust) is None
    staged = stage_image(store, IMAGE_KEY, ONE, "stub", trust)
    assert staged == StagedImage(pixel_sha(ONE), "stub")
    injector = FaultInjector()
    assert find_staged_image(FaultyStore(store, injector), IMAGE_KEY, trust) == staged
    assert injector.operation_count == 1


def test_the_first_believed_image_wins(store: ObjectStore) -> None:
    first = stage_image(store, IMAGE_KEY, ONE, "stub", TRUST)
    assert stage_image(store, IMAGE_KEY, OTHER, "torch", TRUST) == first
    assert find_staged_image(store, IMAGE_KEY, TRUST) == first


def test_s2_an_image_that_is_not_believed_is_left_until_another_takes_its_place(store: ObjectStore) -> None:
    stage_image(store, IMAGE_KEY, ONE, "stub", OTHER_HOST)
    assert find_staged_image(store, IMAGE_KEY, TRUST) is None
    assert find_staged_image(store, IMAGE_KEY, OTHER_HOST) is not None
    assert stage_image(store, IMAGE_KEY, OTHER, "stub", TRUST) == StagedImage(pixel_sha(OTHER), "stub", replaced=True)
    assert find_staged_image(store, IMAGE_KEY, TRUST) == StagedImage(pixel_sha(OTHER), "stub")


def test_s2_an_image_copied_from_another_key_is_not_believed(store: ObjectStore) -> None:
    stage_image(store, "cd" * 32, ONE, "stub", TRUST)
    store.write(OBJECT, store.read(layout.staged_image("cd" * 32)))
    assert find_staged_image(store, IMAGE_KEY, TRUST) is None


def test_an_untagged_image_is_found_where_it_is_older_than_the_stores_tags(store: ObjectStore) -> None:
    store.write(OBJECT, encode_png(ONE, "stub"))
    aged = StoredWorkTrust(TRUST.keys, store.info(OBJECT).dated.replace(year=2999))
    assert find_staged_image(store, IMAGE_KEY, aged) == StagedImage(pixel_sha(ONE), "stub")
    assert find_staged_image(store, IMAGE_KEY, TRUST) is None


@pytest.mark.parametrize("trust", [TRUST, UNCHECKED], ids=["keys", "no keys"])
def test_a_damaged_image_is_replaced(store: ObjectStore, trust: StoredWorkTrust) -> None:
    store.write(OBJECT, encode_png(ONE)[:60])
    assert find_staged_image(store, IMAGE_KEY, trust) is None
    assert stage_image(store, IMAGE_KEY, ONE, "stub", trust).pixel_sha == pixel_sha(ONE)
    assert find_staged_image(store, IMAGE_KEY, trust) == StagedImage(pixel_sha(ONE), "stub")
