"""Pictures are what the store says they are, small ones are small, and memory has a bound."""

from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from catalogs.errors import ItemNotFound
from infra.stores import open_store
from tasks.reviews.item_pictures import THUMBNAIL_SIDE, ItemPictures
from tests.fixtures.review_scenarios import pixels_of_word
from tests.fixtures.store_scenarios import jpeg_of


def test_a_picture_is_known_by_its_file_or_by_its_pixels_alone(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    store.write("a.jpg", jpeg_of("red"))
    assert ItemPictures(store).read("a.jpg", file_sha=sha256(jpeg_of("red")).digest()) == jpeg_of("red")
    assert ItemPictures(store).read("a.jpg", b"\x01" * 32, pixels_of_word("red")) == jpeg_of("red")
    assert ItemPictures(store).read("a.jpg") == jpeg_of("red")
    with pytest.raises(ItemNotFound, match="not the one that was judged"):
        ItemPictures(store).read("a.jpg", b"\x01" * 32, pixels_of_word("blue"))


def test_a_picture_that_was_read_unchecked_is_checked_where_it_is_judged(tmp_path: Path) -> None:
    """As another view beside an item nobody judges it; the answer about it is bound to pixels."""
    store = open_store(str(tmp_path))
    store.write("a.jpg", jpeg_of("red"))
    pictures = ItemPictures(store)
    assert pictures.read("a.jpg") == jpeg_of("red")
    for ask in (pictures.read, pictures.thumbnail):
        ask("a.jpg", pixels=pixels_of_word("red"))
        with pytest.raises(ItemNotFound, match="not the one that was judged"):
            ask("a.jpg", pixels=pixels_of_word("blue"))


def test_a_picture_that_is_gone_or_damaged_is_not_found(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    store.write("b.jpg", b"no picture")
    with pytest.raises(ItemNotFound, match="not in the store any more"):
        ItemPictures(store).read("a.jpg")
    with pytest.raises(ItemNotFound, match="cannot be shown"):
        ItemPictures(store).thumbnail("b.jpg")
    with pytest.raises(ItemNotFound, match="not the one"):
        ItemPictures(store).read("b.jpg", pixels=pixels_of_word("red"))


def test_a_thumbnail_is_small_and_made_once(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    large = BytesIO()
    Image.new("RGB", (1024, 512), "red").save(large, "JPEG")
    store.write("a.jpg", large.getvalue())
    pictures = ItemPictures(store)
    assert Image.open(BytesIO(pictures.thumbnail("a.jpg"))).size == (THUMBNAIL_SIDE, THUMBNAIL_SIDE // 2)
    store.delete(["a.jpg"])
    assert pictures.thumbnail("a.jpg")


def test_memory_has_a_bound_and_the_picture_seen_last_stays(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    for word in ("red", "blue", "green"):
        store.write(f"{word}.jpg", jpeg_of(word))
    pictures = ItemPictures(store, kept_bytes=len(jpeg_of("red")) + len(jpeg_of("blue")) + 10)
    for word in ("red", "blue", "red", "green"):
        pictures.read(f"{word}.jpg")
    store.delete(["red.jpg", "blue.jpg", "green.jpg"])
    assert pictures.read("green.jpg") == jpeg_of("green")
    with pytest.raises(ItemNotFound):
        pictures.read("blue.jpg")
