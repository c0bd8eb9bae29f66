"""A photo is read by its sha256, whatever its kind, and is lost where the store holds other bytes."""

import pytest

from catalogs import layout
from infra.composing.stored_photos import PhotoLost, read_stored_photo
from infra.photos.invalid_photo import InvalidPhoto
from infra.stores import open_store
from tests.fixtures import composed_shop as shop


def test_a_photo_is_found_by_what_its_key_begins_with() -> None:
    store = open_store("memory://stored-photos-1")
    sha = shop.keep_photo(store, shop.product_photo(1, side=120))
    assert read_stored_photo(store, layout.source_photo_prefix(sha), sha).sha256 == sha


def test_a_photo_that_is_gone_exchanged_or_damaged_since_is_lost_and_one_that_came_damaged_says_so() -> None:
    store = open_store("memory://stored-photos-2")
    with pytest.raises(PhotoLost, match="is not in the store"):
        read_stored_photo(store, layout.source_photo_prefix("1" * 64), "1" * 64)
    sha = shop.keep_photo(store, shop.product_photo(1, side=120))
    store.write(layout.source_photo(sha, "png"), shop.product_photo(2, side=120))
    with pytest.raises(PhotoLost, match="holds other bytes than its name says"):
        read_stored_photo(store, layout.source_photo_prefix(sha), sha)
    store.write(layout.source_photo(sha, "png"), shop.product_photo(1, side=120)[:-40])
    with pytest.raises(PhotoLost, match="holds other bytes than its name says"):
        read_stored_photo(store, layout.source_photo_prefix(sha), sha)
    damaged = shop.keep_photo(store, b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InvalidPhoto):
        read_stored_photo(store, layout.source_photo_prefix(damaged), damaged)


def test_a_whole_photo_is_found_beside_a_damaged_file_of_its_name() -> None:
    store, photo = open_store("memory://stored-photos-3"), shop.product_photo(1, side=120)
    sha = shop.keep_photo(store, photo)
    store.write(layout.source_photo(sha, "gif"), b"GIF89a")
    assert read_stored_photo(store, layout.source_photo_prefix(sha), sha).sha256 == sha
