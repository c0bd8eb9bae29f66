"""A photo is shown as a small copy, or in words, and nothing that lies under its name makes a page fail."""

import io
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from PIL import Image

from infra.errors import StoreError
from infra.interfaces import ObjectInfo, ObjectStore
from infra.stores import open_store
from tasks.reporting.photo_copies import COPY_SIDE, GONE, NO_NAME, NOT_ANSWERED, OTHER_BYTES, PhotoCopies
from tests.fixtures.hostile_photos import hostile_photos
from tests.fixtures.kept_products import keep_photo, rehearsal_photo

EVERY = 40
"""Of the 5,000 hostile files; all are read in the tests of reading."""


@pytest.fixture
def store() -> ObjectStore:
    return open_store(f"memory://{uuid4().hex}")


class CountingStore:
    """A store that counts what is read of it."""

    def __init__(self, store: ObjectStore) -> None:
        self._store, self.reads = store, 0

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return iter(self._store.list(prefix))

    def read(self, key: str) -> bytes:
        self.reads += 1
        return self._store.read(key)


class DeadStore:
    """A store that does not answer."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        raise StoreError(f"{prefix} is not to be had")


def test_a_photo_is_shown_small_and_never_as_it_came(store: ObjectStore) -> None:
    data = rehearsal_photo()
    shown = PhotoCopies(store).find(keep_photo(store, data))
    image = Image.open(io.BytesIO(shown.jpeg))
    assert max(image.size) <= COPY_SIDE
    assert shown.words == ""
    assert shown.jpeg not in data
    assert not image.getexif()
    assert (shown.width, shown.height) == Image.open(io.BytesIO(data)).size


def test_hostile_bytes_under_a_photos_name_are_words_and_no_failure(store: ObjectStore) -> None:
    copies, refused = PhotoCopies(store), 0
    for what, data in islice(hostile_photos(), 0, None, EVERY):
        shown = copies.find(keep_photo(store, data))
        assert bool(shown.jpeg) != bool(shown.words), f"{what}: either a copy or a reason"
        refused += bool(shown.words)
    assert refused > 50


def test_bytes_that_are_no_photo_say_what_they_are(store: ObjectStore) -> None:
    shown = PhotoCopies(store).find(keep_photo(store, b"%PDF-1.7 no picture"))
    assert shown.words.startswith("The shop's photo cannot be shown. ")
    assert "PDF" in shown.words


def test_other_bytes_under_a_photos_name_are_not_shown(store: ObjectStore) -> None:
    name = "ab" * 32
    store.write(f"sources/ab/{name}.jpg", rehearsal_photo())
    assert PhotoCopies(store).find(name).words == OTHER_BYTES


@pytest.mark.parametrize(
    "name",
    ["", "..", "../../keys/a", "A" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", "a" * 62 + "/.", "\u0663" * 64, "%2e"],
)
def test_a_name_that_is_no_digest_reaches_no_key(name: str) -> None:
    assert PhotoCopies(DeadStore()).find(name).words == NO_NAME  # type: ignore[arg-type]


def test_a_photo_that_is_gone_and_a_store_that_fails_are_said_and_asked_again(store: ObjectStore) -> None:
    data = rehearsal_photo()
    copies = PhotoCopies(store)
    assert copies.find(sha256(data).hexdigest()).words == GONE
    assert copies.find(keep_photo(store, data)).jpeg
    assert PhotoCopies(DeadStore()).find("a" * 64).words == NOT_ANSWERED  # type: ignore[arg-type]


def test_a_photo_is_read_once_whoever_asks_at_once(store: ObjectStore) -> None:
    name, counting, gate = keep_photo(store, rehearsal_photo()), CountingStore(store), Barrier(4)
    copies = PhotoCopies(counting)  # type: ignore[arg-type]

    def ask() -> None:
        gate.wait()
        assert copies.find(name).jpeg

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counting.reads == 1


def test_memory_has_a_bound_and_a_refusal_counts_too(store: ObjectStore) -> None:
    broken = keep_photo(store, b"nothing")
    names = [keep_photo(store, rehearsal_photo(name)) for name in ("mug", "bottle", "pan")]
    counting = CountingStore(store)
    copies = PhotoCopies(counting, kept_bytes=1)  # type: ignore[arg-type]
    for name in (broken, broken, *names, names[-1], names[0]):
        copies.find(name)
    assert counting.reads == 5, "the last one is kept, and no more"
