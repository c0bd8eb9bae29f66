"""The photos of a run: those of its catalogue's folder and of the settings, saved however the plan ends."""

from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.loading import built_in_recipe
from catalogs.runs.job import RefreshJob, Scope
from flows.wiring.photos import allowed_places, open_photo_resolver
from infra.photos.photo_index import load_index
from infra.settings import Settings
from infra.stores import open_store
from tests.fixtures.photo_files import whole_photos


def job(folder: Path, scope: Scope = "full") -> RefreshJob:
    source, store = str(folder / "catalogue.csv"), str(folder / "store")
    return RefreshJob(source, store, "shop", built_in_recipe(), built_in_policy(), scope)


def indexed(folder: Path) -> list[str]:
    rows = load_index(open_store(str(folder / "store")), layout.photo_index("shop"))
    return [text.rpartition("/")[2] for text in rows["reference"].to_pylist()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(whole_photos()["JPEG"])
    return tmp_path


def test_photos_lie_in_the_catalogue_s_folder_and_where_the_settings_allow(tmp_path: Path) -> None:
    settings = Settings(photo_hosts="cdn.shop.example", photo_folders="/mnt/photos")
    places = allowed_places(str(tmp_path / "catalogue.csv"), open_store(str(tmp_path / "store")), settings)
    assert [root for root, _ in places.roots] == [f"file://{tmp_path}", "file:///mnt/photos"]
    assert places.hosts == {"cdn.shop.example"}
    web = allowed_places("https://shop.example/catalogue.csv", open_store(str(tmp_path / "store")), settings)
    assert [root for root, _ in web.roots] == ["file:///mnt/photos"]


def test_what_was_read_is_saved_also_where_the_plan_fails(folder: Path) -> None:
    read, store = list[int](), open_store(str(folder / "store"))

    def plan() -> None:
        with open_photo_resolver(job(folder), store, Settings(), on_read=read.append) as photos:
            assert photos is not None
            photos.resolve(pa.array(["a.jpg", "b.jpg"]))
            raise ValueError("the plan failed")

    with pytest.raises(ValueError, match="the plan"):
        plan()
    assert (indexed(folder), sum(read)) == (["a.jpg", "b.jpg"], 2)


def test_a_full_run_forgets_what_is_no_longer_named_and_a_partial_one_does_not(folder: Path) -> None:
    store = open_store(str(folder / "store"))
    for scope, cells, left in (
        ("full", ["a.jpg", "b.jpg"], ["a.jpg", "b.jpg"]),
        ("partial", ["a.jpg"], ["a.jpg", "b.jpg"]),
        ("full", ["a.jpg"], ["a.jpg"]),
        ("full", [], []),
    ):
        with open_photo_resolver(job(folder, scope), store, Settings()) as photos:  # type: ignore[arg-type]
            assert photos is not None
            photos.resolve(pa.array(cells, pa.string()))
        assert indexed(folder) == left


def test_a_plan_alone_writes_nothing(folder: Path) -> None:
    store = open_store(str(folder / "store"))
    with open_photo_resolver(job(folder), store, Settings(), writes=False) as photos:
        assert photos is not None
        assert photos.resolve(pa.array(["a.jpg"])).to_pylist() == ["!photo.not-read"]
    assert not (folder / "store").exists() or list(store.list("")) == []
    assert photos.warnings() == ["1 photos are not read yet: a dry run fetches none, and a refresh does"]
