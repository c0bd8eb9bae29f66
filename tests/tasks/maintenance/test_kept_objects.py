"""Objects of a proof are read as they are, or said to be gone or to be something else."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.maintenance.kept_objects import (
    KeptObjectMissing,
    find_staged_document,
    find_staged_image,
    read_mask,
    read_published,
    read_source_photo,
)
from tests.fixtures.kept_shop import KeptShop

PLACE = "shirt/front"


@pytest.fixture
def shop(tmp_path: Path) -> KeptShop:
    opened = KeptShop(tmp_path)
    opened.keep("r1", {PLACE: 1})
    return opened


def test_each_object_is_the_one_that_was_written(shop: KeptShop) -> None:
    picture, key = shop.pictures[PLACE], shop.kept_image_key(PLACE)
    assert read_source_photo(shop.store, picture.kept.photo).sha256 == picture.kept.photo
    assert np.array_equal(read_mask(shop.store, shop.mask_key(PLACE)), picture.mask)
    staged = find_staged_image(shop.store, key)
    assert staged is not None
    assert np.array_equal(staged, picture.staged)
    assert find_staged_document(shop.store, key) == picture.kept
    assert read_published(shop.store, shop.published_key(PLACE)) == picture.file


def test_what_a_sweep_may_take_is_none_and_what_a_proof_needs_is_missing(shop: KeptShop) -> None:
    assert (find_staged_image(shop.store, "ab" * 32), find_staged_document(shop.store, "ab" * 32)) == (None, None)
    with pytest.raises(KeptObjectMissing, match=r"^kept\.photo-gone: the photo abab.* is not under sources/"):
        read_source_photo(shop.store, "ab" * 32)
    with pytest.raises(KeptObjectMissing, match=r"^kept\.mask-gone"):
        read_mask(shop.store, "cutouts/ab/none.png")
    with pytest.raises(KeptObjectMissing, match=r"^kept\.file-gone: there is no published file ''"):
        read_published(shop.store, "")


@pytest.mark.parametrize(
    ("mode", "kind"), [("RGB", "PNG"), ("LA", "PNG"), ("1", "PNG"), ("I;16", "PNG"), ("L", "JPEG")]
)
def test_only_a_grey_png_of_8_bits_is_a_mask(shop: KeptShop, mode: str, kind: str) -> None:
    target = io.BytesIO()
    Image.new(mode, (8, 8)).save(target, kind)
    shop.store.write("cutouts/ab/odd.png", target.getvalue())
    with pytest.raises(KeptObjectMissing, match=r"^kept\.mask-unreadable: cutouts/ab/odd\.png"):
        read_mask(shop.store, "cutouts/ab/odd.png")
