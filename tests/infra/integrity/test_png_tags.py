"""Tags of staged images: every byte, the key and the pixels are bound, and a reader need not decode the file."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import InvalidImage
from infra.imaging.codecs import decode, encode_png, pixel_sha, read_software
from infra.integrity.keyring import IntegrityKeys
from infra.integrity.png_tags import believed_pixel_sha, believes_untagged, tag_png
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.stores import open_store

TRUST = StoredWorkTrust(IntegrityKeys([b"1" * 64]))
OTHER_HOST = StoredWorkTrust(IntegrityKeys([b"2" * 64]))
PIXELS = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
PNG = encode_png(PIXELS, "stub")
SHA = pixel_sha(PIXELS)
TAGGED = tag_png(PNG, "staging/a.png", SHA, TRUST)


def test_a_tagged_image_names_its_pixels_and_is_the_same_picture() -> None:
    assert believed_pixel_sha(TAGGED, "staging/a.png", TRUST) == SHA
    assert (pixel_sha(decode(TAGGED)), read_software(TAGGED)) == (SHA, "stub")
    assert len(TAGGED) == len(PNG) + 159


def test_without_keys_an_image_is_written_as_ever_and_proves_nothing() -> None:
    assert tag_png(PNG, "staging/a.png", SHA, UNCHECKED) == PNG
    assert believed_pixel_sha(TAGGED, "staging/a.png", UNCHECKED) is None
    assert believes_untagged(open_store("memory://png-tags"), PNG, "staging/a.png", UNCHECKED)


@pytest.mark.parametrize("key", ["staging/b.png", "staging/a.pn", ""])
def test_an_image_under_another_key_is_not_believed(key: str) -> None:
    assert believed_pixel_sha(TAGGED, key, TRUST) is None


def test_another_keys_image_and_an_untagged_one_are_not_believed() -> None:
    theirs = tag_png(PNG, "staging/a.png", SHA, OTHER_HOST)
    assert [believed_pixel_sha(png, "staging/a.png", TRUST) for png in (theirs, PNG, b"", b"x" * 400)] == [None] * 4


def test_a_tag_of_other_pixels_is_not_believed() -> None:
    other = encode_png(255 - PIXELS, "stub")
    moved = other[:-12] + TAGGED[-171:]
    assert pixel_sha(decode(moved)) != SHA
    assert believed_pixel_sha(moved, "staging/a.png", TRUST) is None


def test_bytes_after_the_tag_or_before_it_are_not_believed() -> None:
    extra = b"\0\0\0\3tEXta\0b" + zlib.crc32(b"tEXta\0b").to_bytes(4, "big")
    for png in (TAGGED + b"PK", TAGGED[:-12] + extra + TAGGED[-12:], TAGGED[:-171] + extra + TAGGED[-171:]):
        assert believed_pixel_sha(png, "staging/a.png", TRUST) is None


@given(st.integers(0, len(TAGGED) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed(position: int, change: int) -> None:
    changed = bytearray(TAGGED)
    changed[position] ^= change
    assert believed_pixel_sha(bytes(changed), "staging/a.png", TRUST) is None


def test_what_has_no_end_cannot_be_tagged() -> None:
    with pytest.raises(InvalidImage, match="has no end"):
        tag_png(PNG[:-1], "staging/a.png", SHA, TRUST)
