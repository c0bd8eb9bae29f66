"""Release pictures: the file that a release names, and nothing else."""

from hashlib import sha256

import cv2
import numpy as np
import pytest

from catalogs import layout
from catalogs.gallery.release_index import ReleaseItem
from tasks.gallery import release_pictures
from tests.fixtures.gallery_shop import GalleryShop
from tests.fixtures.store_scenarios import jpeg_of


def item_of(shop: GalleryShop, place: str) -> tuple[ReleaseItem, int]:
    gallery = shop.gallery
    release = gallery.releases.find()
    assert release is not None
    index = gallery.index(release)
    position = index.find(shop.slot(place))
    assert position is not None
    return index.item(position), release.version


def test_the_file_and_a_small_picture_of_it_are_read(shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red"})
    found = item_of(shop, "a/front")
    assert shop.gallery.pictures.read(*found) == jpeg_of("red")
    thumbnail = shop.gallery.pictures.thumbnail(*found)
    assert thumbnail is not None
    assert cv2.imdecode(np.frombuffer(thumbnail, np.uint8), cv2.IMREAD_COLOR).shape == (24, 32, 3)


def test_a_file_that_is_gone_or_another_is_not_shown(shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red", "b/front": "blue"})
    shop.lose_file("a/front")
    shop.scenario.store.write(shop.scenario.published_objects()["b/front"], jpeg_of("green"))
    for place in ("a/front", "b/front"):
        assert shop.gallery.pictures.read(*item_of(shop, place)) is None
        assert shop.gallery.pictures.thumbnail(*item_of(shop, place)) is None


def test_a_slot_that_was_renamed_shows_the_object_that_its_row_names(shop: GalleryShop) -> None:
    shop.release("r1", {"4.0e+12/front": "red"})
    named = shop.scenario.published_objects()["4.0e+12/front"]
    shop.release("r2", {"4000000000000/front": "red"}, object=named)
    file_sha = sha256(jpeg_of("red")).hexdigest()
    shop.scenario.store.delete([layout.published_image("shoes", "4000000000000", "front", "a", 0, file_sha)])
    found = item_of(shop, "4000000000000/front")
    assert shop.gallery.pictures.key_of(*found) == named
    assert shop.gallery.pictures.read(*found) == jpeg_of("red")


def test_bytes_that_are_no_image_have_no_thumbnail(shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red"})
    item, version = item_of(shop, "a/front")
    pictures = shop.gallery.pictures
    assert pictures.thumbnail(item, version) is not None
    shop.lose_file("a/front")
    assert pictures.thumbnail(item, version) is not None, "a small picture that was made stays"
    assert pictures.read(item, version) is None


def test_small_pictures_are_kept_in_bounded_memory(shop: GalleryShop, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [f"s{number}/front" for number in range(6)]
    shop.release("r1", {place: place.replace("/", "-") for place in places})
    pictures = shop.gallery.pictures
    one = pictures.thumbnail(*item_of(shop, places[0]))
    assert one is not None
    monkeypatch.setattr(release_pictures, "KEPT_BYTES", 3 * len(one))
    for place in places:
        assert pictures.thumbnail(*item_of(shop, place)) is not None
        assert pictures.kept_bytes <= 3 * len(one)
