"""Finished files: what lies under the key is ours to the byte, vouched for, or replaced."""

from dataclasses import replace
from hashlib import sha256

import pytest

from infra.errors import InvalidImage
from infra.imaging.codecs import decode, encode_png, pixel_sha
from infra.imaging.finishing import finish
from infra.integrity.keyring import IntegrityKeys
from infra.integrity.png_tags import tag_png
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.interfaces import FinishParameters, ObjectStore, ScreeningRequest
from infra.screening.finished_files import finish_staged_image
from infra.screening.measure import measure
from infra.screening.score_files import write_scores
from infra.stores import open_store
from tests.infra.screening.staged_images import block_image, stage_image

TRUST = StoredWorkTrust(IntegrityKeys([b"1" * 64]))
OTHER_HOST = StoredWorkTrust(IntegrityKeys([b"2" * 64]))
PLANTED = finish(block_image(9), FinishParameters())


@pytest.fixture
def store(tmp_path: object) -> ObjectStore:
    return open_store(f"file://{tmp_path}")


def staged(store: ObjectStore, trust: StoredWorkTrust = TRUST) -> ScreeningRequest:
    """Stage a tagged image as generating does, and return the request that names its pixels."""
    pixels = block_image()
    request = replace(stage_image(store, "a", pixels), raw_sha=pixel_sha(pixels), scores_prefix="scores/a")
    store.write(request.raw_key, tag_png(encode_png(pixels), request.raw_key, request.raw_sha, trust))
    return request


def test_s2_a_planted_finished_file_is_replaced_by_a_fresh_one(store: ObjectStore) -> None:
    request = staged(store)
    store.write(request.finished_key, PLANTED)
    image = finish_staged_image(request, store, TRUST)
    assert image.replaced
    assert store.read(request.finished_key) == image.file != PLANTED
    assert image.file == finish(block_image(), request.finish)


def test_s2_a_planted_finished_file_is_not_measured_and_the_result_says_so(store: ObjectStore) -> None:
    request = staged(store)
    store.write(request.finished_key, PLANTED)
    screened = measure(request, store, trust=TRUST)
    assert screened.file_sha != sha256(PLANTED).hexdigest()
    assert screened.refused == ("file",)
    assert measure(request, store, trust=TRUST).refused == ()


def test_a_found_file_of_the_same_bytes_is_taken_without_a_word(store: ObjectStore) -> None:
    request = staged(store)
    first, again = (finish_staged_image(request, store, TRUST) for _ in range(2))
    assert (again.file, again.replaced) == (first.file, False)


def test_another_libjpegs_file_stays_where_believed_scores_of_other_scanners_vouch_for_it(store: ObjectStore) -> None:
    request = staged(store)
    theirs = finish(block_image(), replace(request.finish, quality=91))
    store.write(request.finished_key, theirs)
    other_scanners = replace(request, scores_key="scores/a-other.json")
    write_scores(store, other_scanners.scores_key, measure(other_scanners, store), TRUST)
    image = finish_staged_image(request, store, TRUST)
    assert (image.file, image.replaced) == (theirs, False)
    assert finish_staged_image(request, store, OTHER_HOST).replaced


@pytest.mark.parametrize("trust", [TRUST, UNCHECKED], ids=["keys", "no keys"])
def test_a_found_file_with_a_foreign_part_is_replaced_with_and_without_keys(
    store: ObjectStore, trust: StoredWorkTrust
) -> None:
    request = staged(store)
    ours = finish(block_image(), request.finish)
    store.write(request.finished_key, ours + b"PK\x03\x04")
    image = finish_staged_image(request, store, trust)
    assert (image.file, image.replaced) == (ours, True)


def test_s2_a_raw_image_that_was_swapped_after_it_was_made_is_not_finished(store: ObjectStore) -> None:
    request = staged(store)
    store.write(request.raw_key, encode_png(block_image(7)))
    with pytest.raises(InvalidImage, match="is not the image that was generated"):
        finish_staged_image(request, store, TRUST)
    assert not store.exists(request.finished_key)


def test_the_same_pixels_in_a_file_of_another_hosts_key_are_the_generated_ones(store: ObjectStore) -> None:
    request = staged(store, OTHER_HOST)
    assert pixel_sha(finish_staged_image(request, store, TRUST).raw) == request.raw_sha


def test_s3_stored_scores_are_not_taken_for_a_file_that_was_swapped_since(store: ObjectStore) -> None:
    request = staged(store)
    first = measure(request, store, trust=TRUST)
    padded = bytearray(PLANTED)
    store.write(request.finished_key, bytes(padded).ljust(first.file_bytes, b"\0")[: first.file_bytes])
    again = measure(request, store, trust=TRUST)
    assert again.file_sha == first.file_sha == sha256(store.read(request.finished_key)).hexdigest()
    assert pixel_sha(decode(store.read(request.finished_key))) == first.finished_sha
