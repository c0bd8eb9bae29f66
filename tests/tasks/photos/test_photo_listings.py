"""Only the folders that references name are listed, once; what is too much or unreachable is told apart."""

from pathlib import Path

import pyarrow as pa

from infra.interfaces import ObjectStore
from infra.photos.photo_references import AllowedPlaces, parse_photo_reference
from infra.stores import open_store
from infra.testing.faulty_store import FaultInjector, FaultyStore
from tasks.photos.photo_listings import PhotoListings


def allowed(folder: Path) -> AllowedPlaces:
    return AllowedPlaces(store=f"file://{folder}/store", folders=(str(folder),))


def names(found: pa.Table) -> list[str]:
    return sorted(text.rpartition("/")[2] for text in found["reference"].to_pylist())


def wanted(folder: Path, *texts: str) -> pa.Array:
    return pa.array([parse_photo_reference(text, allowed(folder)).text for text in texts], pa.string())


def fill(folder: Path, *keys: str) -> None:
    for key in keys:
        open_store(str(folder)).write(key, b"x")


def test_a_folder_is_listed_once_and_others_are_not(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "a/deep/2.jpg", "b/3.jpg", "top.jpg")
    opened = list[str]()

    def open_root(url: str) -> ObjectStore:
        opened.append(url)
        return open_store(url)

    listings = PhotoListings(allowed(tmp_path), open_root)
    assert names(listings.find(wanted(tmp_path, "a/1.jpg", "a/deep/2.jpg", "a/gone.jpg"))) == ["1.jpg", "2.jpg"]
    assert names(listings.find(wanted(tmp_path, "a/1.jpg"))) == ["1.jpg"]
    assert len(opened) == 1


def test_files_in_no_folder_are_looked_for_by_name(tmp_path: Path) -> None:
    fill(tmp_path, "top.jpg", "huge/1.jpg", "huge/2.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "top.jpg")
    calls = FaultInjector(None)
    listings = PhotoListings(allowed(tmp_path), lambda url: FaultyStore(open_store(url), calls))
    found = listings.find(wanted(tmp_path, "top.jpg", "gone.jpg", "link.jpg"))
    (info,) = (each for each in open_store(str(tmp_path)).list("") if each.key == "top.jpg")
    assert found.to_pylist() == [{"reference": f"file://{tmp_path}/top.jpg", "version": info.version}]


def test_a_folder_with_too_many_objects_is_asked_by_name(tmp_path: Path) -> None:
    fill(tmp_path, *(f"huge/{number}.jpg" for number in range(9)), "few/1.jpg")
    listings = PhotoListings(allowed(tmp_path), open_store, max_listed=5)
    assert names(listings.find(wanted(tmp_path, "few/1.jpg", "huge/1.jpg", "huge/gone.jpg"))) == ["1.jpg", "1.jpg"]
    assert listings.errors == []


def test_a_bucket_that_refuses_is_unreachable_and_asked_once(tmp_path: Path) -> None:
    tried = list[str]()

    def open_root(url: str) -> ObjectStore:
        tried.append(url)
        return FaultyStore(open_store(url), FaultInjector(1))

    fill(tmp_path, "a/1.jpg", "b/1.jpg")
    listings = PhotoListings(allowed(tmp_path), open_root)
    for _ in range(2):
        assert listings.find(wanted(tmp_path, "a/1.jpg")).num_rows == 0
    assert len(tried) == len(listings.errors) == 1
    assert listings.is_unreachable(parse_photo_reference("a/gone.jpg", allowed(tmp_path)))
    assert not listings.is_unreachable(parse_photo_reference("b/1.jpg", allowed(tmp_path)))
