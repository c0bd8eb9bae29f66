"""What is answered for a whole column is what each text alone would be answered."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.photo_references import AllowedPlaces, parse_photo_reference
from infra.photos.plain_references import canonical_texts, reference_of

ALLOWED = AllowedPlaces(
    store="s3://shop-photos/2026/store",
    folders=("/data/shop", "/mnt/my photos", "s3://shop-photos/2026"),
    hosts=frozenset({"cdn.shop.example", "Img.Shop.example:8443", "plain.example:443"}),
)
PLAIN = [
    "photos/mug-1_a.jpg", "mug.jpg", "/data/shop/a/b.jpg", "s3://shop-photos/2026/a.jpg", "store:photos/a.jpg",
    "https://cdn.shop.example/a/b.jpg", "https://img.shop.example:8443/a.jpg", "https://plain.example/a.jpg",
]  # fmt: skip
BEGINNINGS = ["", "/data/shop/", "/mnt/my photos/", "s3://shop-photos/2026/", "s3://shop-photos/2026/store/", "store:",
              "https://cdn.shop.example/", "https://evil.example/", "https://cdn.shop.example:443/"]  # fmt: skip
PARTS = ["a", "B-1", ".", "..", "", "store", "photos", "sources", "x y", "%2e", "ä", "~", "a?b"]
PATHS = st.lists(st.sampled_from(PARTS)).map("/".join)
TEXTS = st.builds(str.__add__, st.sampled_from(BEGINNINGS), PATHS) | st.text(max_size=20)


def alone(text: str) -> str | None:
    try:
        return parse_photo_reference(text, ALLOWED).text
    except InvalidPhoto:
        return None


@given(st.lists(TEXTS, max_size=20))
@example(PLAIN)
@example(["s3://shop-photos/2026/store/staging/x.png", "store:staging/x.png", "a//b", "a/.tmp-x", "x" * 3000])
def test_a_whole_column_is_answered_as_each_text_alone(texts: list[str]) -> None:
    texts = [text.strip() for text in texts if text.isprintable()]
    for text, canonical in zip(texts, canonical_texts(pa.array(texts, pa.string()), ALLOWED).to_pylist(), strict=True):
        if canonical is not None:
            assert canonical == alone(text), text
            assert reference_of(canonical, ALLOWED) == parse_photo_reference(text, ALLOWED)


def test_plain_references_are_answered_at_once() -> None:
    assert canonical_texts(pa.array(PLAIN), ALLOWED).null_count == 0


def test_a_reference_comes_back_from_its_canonical_text_also_where_it_was_not_plain() -> None:
    for text in ("größe 100%.jpg", "/mnt/my photos/a b.jpg", "https://cdn.shop.example/a b.jpg?v=1"):
        reference = parse_photo_reference(text, ALLOWED)
        assert reference_of(reference.text, ALLOWED) == reference


def test_a_store_in_the_catalogue_s_folder_is_entered_by_no_other_way(tmp_path: Path) -> None:
    for store, folder in (("shop/store", "shop"), ("shop", "shop/photos"), ("shop", "shop/review"), ("shop", "shop")):
        allowed = AllowedPlaces(store=str(tmp_path / store), folders=(str(tmp_path / folder),))
        texts = ["a.jpg", "store/staging/a.png", "store/photos/a.jpg", "staging/a.png", "photos/a.jpg"]
        found = canonical_texts(pa.array(texts), allowed).to_pylist()
        for text, canonical in zip(texts, found, strict=True):
            key = allowed.store_key(allowed.first_root or "", text)
            is_refused = key is not None and not key.startswith(("photos/", "sources/"))
            if is_refused:
                assert canonical is None
                with pytest.raises(InvalidPhoto, match="is a part of the store that photos may not be in"):
                    parse_photo_reference(text, allowed)
            else:
                assert parse_photo_reference(text, allowed).name == text
