"""A fetched engine is used as long as it is what its card lists, and nobody else could have written to it."""

import shutil
from pathlib import Path

import pytest

from catalogs.models.engine_artifacts import EngineArtifact
from flows.engines.engine_cache import cached_engine, default_cache_folder
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores import open_store
from tasks.models.engine_repository import add_engine
from tests.fixtures.engine_artifacts import write_engine_folder


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def artifact(store: ObjectStore, tmp_path: Path) -> EngineArtifact:
    return add_engine(store, "turbo", write_engine_folder(tmp_path / "built"), "gpu-1")


def take_out_of_store(store: ObjectStore) -> None:
    store.delete([info.key for info in store.list("engines/") if info.key.endswith("model.plan")])


def test_an_engine_is_fetched_once_into_private_folders(
    store: ObjectStore, artifact: EngineArtifact, tmp_path: Path
) -> None:
    folder = cached_engine(store, artifact, tmp_path / "cache" / "engines")
    assert (folder.stat().st_mode & 0o777, folder.parent.stat().st_mode & 0o777) == (0o700, 0o700)
    take_out_of_store(store)
    assert cached_engine(store, artifact, folder.parent) == folder


@pytest.mark.parametrize("mode", [0o755, 0o775, 0o777])
def test_s4_a_cache_that_others_could_write_to_is_hashed_again(
    store: ObjectStore, artifact: EngineArtifact, tmp_path: Path, mode: int
) -> None:
    folder = cached_engine(store, artifact, tmp_path / "cache")
    plan = folder / "transformer" / "model.plan"
    right = plan.read_bytes()
    folder.chmod(mode)
    plan.write_bytes(right[::-1])
    assert cached_engine(store, artifact, folder.parent) == folder
    assert plan.read_bytes() == right
    folder.chmod(mode)
    plan.write_bytes(right[::-1])
    take_out_of_store(store)
    with pytest.raises(StoreError):
        cached_engine(store, artifact, folder.parent)
    assert list(folder.parent.iterdir()) == []


def test_an_untouched_cache_of_an_earlier_version_is_used_on(
    store: ObjectStore, artifact: EngineArtifact, tmp_path: Path
) -> None:
    folder = cached_engine(store, artifact, tmp_path / "cache")
    folder.chmod(0o755)
    take_out_of_store(store)
    assert cached_engine(store, artifact, folder.parent) == folder


@pytest.mark.parametrize("damage", ["another card", "no card", "a shorter plan", "no plan", "a link"])
def test_s4_a_folder_that_is_not_the_cards_is_fetched_anew(
    store: ObjectStore, artifact: EngineArtifact, tmp_path: Path, damage: str
) -> None:
    folder = cached_engine(store, artifact, tmp_path / "cache")
    plan, card = folder / "transformer" / "model.plan", folder / "card.json"
    before = {path: path.read_bytes() for path in (plan, card)}
    {
        "another card": lambda: card.write_text('{"runtime": "onnxruntime"}'),
        "no card": card.unlink,
        "a shorter plan": lambda: plan.write_bytes(b""),
        "no plan": plan.unlink,
        "a link": lambda: (folder.rename(tmp_path / "moved"), folder.symlink_to(tmp_path / "moved")),
    }[damage]()
    if damage == "a link":
        (tmp_path / "moved" / "transformer" / "model.plan").write_bytes(before[plan][::-1])
    assert cached_engine(store, artifact, folder.parent) == folder
    assert {path: path.read_bytes() for path in (plan, card)} == before


def test_an_emptied_cache_is_filled_again(store: ObjectStore, artifact: EngineArtifact, tmp_path: Path) -> None:
    folder = cached_engine(store, artifact, tmp_path / "cache")
    shutil.rmtree(tmp_path / "cache")
    assert cached_engine(store, artifact, tmp_path / "cache") == folder


def test_engines_are_cached_where_other_programs_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_folder() == tmp_path / "packshot" / "engines"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_folder() == Path.home() / ".cache" / "packshot" / "engines"
