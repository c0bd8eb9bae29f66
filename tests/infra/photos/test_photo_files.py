"""Files of references are read as they are named: no links, no pipes, the version of the very bytes; and kept once."""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.errors import StoreError
from infra.interfaces import ObjectInfo, ObjectStore
from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.photo_files import KEPT_ANEW_AFTER, SETTLING_TIME, PhotoReader, keep_source, missing_photo
from infra.photos.photo_references import AllowedPlaces, PhotoReference, parse_photo_reference
from infra.stores import open_store
from infra.stores.memory import MemoryStore
from tasks.maintenance.retention import MIN_AGE
from tests.fixtures.photo_files import whole_photos

PHOTO = whole_photos()["JPEG"]


def later() -> datetime:
    """Return a time at which a file of this test has settled."""
    return datetime.now(UTC) + 2 * SETTLING_TIME


def reference(folder: Path, name: str) -> PhotoReference:
    return parse_photo_reference(name, AllowedPlaces(store="memory://none", folders=(str(folder),)))


def key_of(sha256: str, extension: str) -> str:
    return f"sources/{sha256[:2]}/{sha256}.{extension}"


def test_a_file_and_an_object_are_read_with_the_version_that_a_listing_names(tmp_path: Path, s3_url: str) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "größe 100%.jpg").write_bytes(PHOTO)
    bucket = open_store(s3_url)
    bucket.write("mug.jpg", PHOTO)
    allowed = AllowedPlaces(store=s3_url, folders=(str(tmp_path), s3_url), store_prefixes=("mug",))
    reader = PhotoReader(clock=later)
    for text, store in (
        ("photos/größe 100%.jpg", open_store(str(tmp_path))),
        (f"{s3_url}/mug.jpg", bucket),
        ("store:mug.jpg", bucket),
    ):
        found = reader.read(parse_photo_reference(text, allowed))
        assert found is not None
        (info,) = (each for each in store.list("") if each.key.endswith(".jpg"))
        assert (found.data, found.version) == (PHOTO, info.version), text
        assert reader.read(parse_photo_reference(text, allowed), info.version) is None, "it is unchanged"
        assert reader.read(parse_photo_reference(text, allowed), "another") is not None


def test_a_file_written_a_moment_ago_has_no_version_yet_and_an_etag_needs_no_time(tmp_path: Path, s3_url: str) -> None:
    (tmp_path / "mug.jpg").write_bytes(PHOTO)
    open_store(s3_url).write("mug.jpg", PHOTO)
    found = PhotoReader().read(reference(tmp_path, "mug.jpg"))
    assert found is not None
    assert found.version == ""
    in_bucket = PhotoReader().read(PhotoReference("folder", s3_url, "mug.jpg"))
    assert in_bucket is not None
    assert in_bucket.version.startswith(f"{len(PHOTO)} ")


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """Return a shop's folder with links out of it and within it."""
    outside, shop = tmp_path / "outside", tmp_path / "shop"
    outside.mkdir()
    (shop / "real").mkdir(parents=True)
    for folder in (outside, shop / "real"):
        (folder / "secret.jpg").write_bytes(PHOTO)
    (shop / "file.jpg").symlink_to(outside / "secret.jpg")
    (shop / "folder").symlink_to(outside)
    (shop / "within").symlink_to(shop / "real")
    (shop / "broken.jpg").symlink_to(tmp_path / "nowhere")
    return shop


@pytest.mark.parametrize("name", ["file.jpg", "folder/secret.jpg", "within/secret.jpg", "broken.jpg"])
def test_links_are_never_followed_and_that_is_said(linked: Path, name: str) -> None:
    for refuse in (PhotoReader(clock=later).read, lambda found: (_ for _ in ()).throw(missing_photo(found))):
        with pytest.raises(InvalidPhoto, match="lies behind a symbolic link, and links are not followed") as refused:
            refuse(reference(linked, name))
        assert refused.value.reason == "photo.reference"
    assert PhotoReader(clock=later).read(reference(linked, "real/secret.jpg")) is not None


def test_a_folder_that_is_a_link_itself_was_allowed_by_name(linked: Path) -> None:
    assert PhotoReader(clock=later).read(reference(linked / "within", "secret.jpg")) is not None


@pytest.mark.parametrize("name", ["nowhere.jpg", "real", "real/nowhere.jpg", "real/secret.jpg/x.jpg"])
def test_what_is_not_there_is_missing(linked: Path, name: str) -> None:
    with pytest.raises(InvalidPhoto, match=r"is not there; check its path\.$") as refused:
        PhotoReader().read(reference(linked, name))
    assert refused.value.reason == "photo.missing"
    assert missing_photo(reference(linked, name)).reason == "photo.missing"


def test_a_pipe_is_not_waited_for_and_an_empty_file_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "empty.jpg").touch()
    for name in ("pipe.jpg", "empty.jpg"):
        with pytest.raises(InvalidPhoto, match="is empty, or no file") as refused:
            PhotoReader().read(reference(tmp_path, name))
        assert refused.value.reason == "photo.unreadable"


def test_more_bytes_than_allowed_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(
        InvalidPhoto, match="has 1,099,511,627,776 bytes, more than the limit of 134,217,728"
    ) as refused:
        PhotoReader().read(reference(tmp_path, "huge.jpg"))
    assert refused.value.reason == "photo.too-many-bytes"


def test_the_web_is_not_read_without_a_client() -> None:
    with pytest.raises(InvalidPhoto, match="is on the web, which is not read here") as refused:
        PhotoReader().read(PhotoReference("https", "", "https://cdn.shop.example/a.jpg"))
    assert refused.value.reason == "photo.reference"


class MovingStore(MemoryStore):
    """A store in which another program writes after each of the first reads."""

    writes = 1

    def read(self, key: str) -> bytes:
        data = super().read(key)
        if self.writes:
            self.writes -= 1
            self.write(key, data + b"!")
        return data


class BrokenStore(MemoryStore):
    """A store that is away."""

    def info(self, key: str) -> ObjectInfo:
        raise StoreError(f"The store did not answer for {key!r} within 60 s.")


def opened(store: ObjectStore) -> PhotoReader:
    return PhotoReader(open_root=lambda _: store, clock=later)


def test_a_file_that_changes_while_it_is_read_is_read_again_until_bytes_and_version_agree() -> None:
    store = MovingStore("moving")
    store.write("a.jpg", PHOTO)
    found = opened(store).read(PhotoReference("folder", "memory://moving", "a.jpg"))
    assert found is not None
    assert (found.data, found.version) == (PHOTO + b"!", store.info("a.jpg").version)
    store.writes = 99
    with pytest.raises(InvalidPhoto, match="changes while it is read; it is tried again") as refused:
        opened(store).read(PhotoReference("folder", "memory://moving", "a.jpg"))
    assert refused.value.transient


def test_a_store_that_is_away_may_be_there_tomorrow() -> None:
    with pytest.raises(InvalidPhoto, match=r"could not be read .The store did not answer") as refused:
        opened(BrokenStore("broken")).read(PhotoReference("folder", "memory://broken", "a.jpg"))
    assert refused.value.transient


@pytest.mark.parametrize("name", ["JPEG", "PNG", "lossless WebP", "LZW TIFF", "GIF"])
def test_a_photo_s_bytes_are_kept_once_under_their_digest(name: str) -> None:
    store, data = MemoryStore(f"kept {name}"), whole_photos()[name]
    kept = keep_source(store, data, key_of)
    assert kept.sha256 == hashlib.sha256(data).hexdigest()
    assert kept.key.endswith(
        {"LZW TIFF": ".tif", "lossless WebP": ".webp", "JPEG": ".jpg"}.get(name, f".{name.lower()}")
    )
    assert store.read(kept.key) == data
    written = store.info(kept.key).modified
    assert keep_source(store, data, key_of) == kept
    assert store.info(kept.key).modified == written
    assert len(list(store.list(""))) == 1


def test_a_photo_that_lies_there_for_long_is_young_again_once_it_is_kept_again() -> None:
    store = MemoryStore("kept anew")
    kept = keep_source(store, PHOTO, key_of)
    store._objects.put(kept.key, PHOTO, store.now() - 2 * KEPT_ANEW_AFTER)
    keep_source(store, PHOTO, key_of)
    assert store.now() - store.info(kept.key).modified < KEPT_ANEW_AFTER
    assert KEPT_ANEW_AFTER < MIN_AGE


def test_what_is_no_photo_is_not_kept() -> None:
    store = MemoryStore("not kept")
    with pytest.raises(InvalidPhoto, match="a PDF"):
        keep_source(store, b"%PDF-1.7", key_of)
    assert list(store.list("")) == []


def test_settling_is_longer_than_any_file_system_s_tick() -> None:
    assert timedelta(seconds=2) < SETTLING_TIME
