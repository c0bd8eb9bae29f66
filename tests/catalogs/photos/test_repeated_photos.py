"""A photo that several SKUs show is named with them; one SKU may show a photo as often as it likes."""

from hashlib import sha256

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from catalogs.photos.repeated_photos import MAX_NAMED, SharedPhotos, find_shared_photos
from catalogs.table_schemas import MANIFEST


def photo(word: str) -> bytes:
    return sha256(word.encode()).digest()


def images(*pairs: tuple[str | None, str]) -> pa.Table:
    rows = [{"photo_sha": None if word is None else photo(word), "sku": sku} for word, sku in pairs]
    return pa.Table.from_pylist(rows, pa.schema([MANIFEST.field("photo_sha"), MANIFEST.field("sku")]))


def test_a_photo_of_several_skus_is_named_with_them() -> None:
    found = find_shared_photos(images(("red", "b"), ("red", "a"), ("blue", "a"), (None, "c"), (None, "d")))
    assert found == SharedPhotos(1, ((photo("red").hex(), ("a", "b")),))
    assert found.sentence == f"1 photo is shared by several SKUs: {photo('red').hex()[:12]} by a, b"


def test_several_views_of_one_sku_share_nothing() -> None:
    found = find_shared_photos(images(("red", "a"), ("red", "a")))
    assert (found, found.sentence) == (SharedPhotos(), "")


def test_a_sentence_names_some_and_counts_all() -> None:
    pairs = [(f"photo {number}", f"sku{sku}") for number in range(12) for sku in range(MAX_NAMED + 2)]
    sentence = find_shared_photos(images(*pairs)).sentence
    assert sentence.startswith("12 photos are shared by several SKUs: ")
    assert sentence.count(" and 2 more") == MAX_NAMED
    assert sentence.endswith("; …")


@given(st.lists(st.tuples(st.sampled_from([None, "p", "q", "r"]), st.sampled_from("abc")), max_size=12))
def test_the_number_is_that_of_a_naive_count(pairs: list[tuple[str | None, str]]) -> None:
    skus = {word: {sku for each, sku in pairs if each == word} for word in {word for word, _ in pairs} - {None}}
    assert find_shared_photos(images(*pairs)).count == sum(len(found) > 1 for found in skus.values())
