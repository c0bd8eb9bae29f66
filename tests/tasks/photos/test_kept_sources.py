"""What a store has lost is found: the few of most runs by their bytes, the many of others by one listing."""

import hashlib

import pytest

from catalogs import layout
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.testing.faulty_store import FaultInjector, FaultyStore
from tasks.photos.kept_sources import KeptSources


@pytest.fixture
def store(request: pytest.FixtureRequest) -> ObjectStore:
    return open_store(f"memory://kept-sources-{request.node.name}")


def keep(store: ObjectStore, *photos: bytes) -> list[bytes]:
    digests = [hashlib.sha256(photo).digest() for photo in photos]
    for photo, digest in zip(photos, digests, strict=True):
        store.write(layout.source_photo(digest.hex(), "jpg"), photo)
    return digests


def test_a_few_photos_are_compared_with_their_names(store: ObjectStore) -> None:
    whole, damaged, gone, twice = keep(store, b"whole", b"damaged", b"gone", b"twice")
    store.write(layout.source_photo(damaged.hex(), "jpg"), b"damage")
    store.delete([layout.source_photo(gone.hex(), "jpg")])
    store.write(layout.source_photo(twice.hex(), "gif"), b"damaged, beside a whole one")
    assert KeptSources(store).find_lost([whole, damaged, gone, twice]) == sorted([damaged, gone])


def test_more_photos_cost_one_listing_in_which_nothing_of_another_origin_counts(store: ObjectStore) -> None:
    digests = keep(store, *(b"%d" % number for number in range(40)))
    store.write(f"{layout.SOURCES}ab/readme.txt", b"of another origin")
    store.delete([layout.source_photo(digest.hex(), "jpg") for digest in digests[:3]])
    calls = FaultInjector(None)
    sources = KeptSources(FaultyStore(store, calls), max_read=2)
    assert sources.find_lost(digests) == sorted(digests[:3])
    assert sources.find_lost(digests) == sorted(digests[:3])
    assert calls.operation_count == 1


def test_what_this_run_has_kept_or_found_is_not_asked_for_again(store: ObjectStore) -> None:
    kept, found = keep(store, b"kept", b"found")
    calls = FaultInjector(None)
    sources = KeptSources(FaultyStore(store, calls))
    sources.add([kept])
    assert sources.find_lost([kept]) == []
    assert calls.operation_count == 0
    assert sources.find_lost([kept, found]) == []
    spent = calls.operation_count
    assert (spent, sources.find_lost([found, kept])) == (2, [])
    assert calls.operation_count == spent


def test_photos_are_read_up_to_a_bound_in_all_batches_of_a_run_together(store: ObjectStore) -> None:
    first, second = keep(store, b"first", b"second")
    for digest in (first, second):
        store.write(layout.source_photo(digest.hex(), "jpg"), b"damaged")
    sources = KeptSources(store, max_read=1)
    assert sources.find_lost([first]) == [first]
    assert sources.find_lost([second]) == [], "it is there, which is all that a listing says"
