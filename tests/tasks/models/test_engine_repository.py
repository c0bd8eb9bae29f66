"""Engines are added whole, fetched as they were, and built once."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.models.engine_artifacts import ParityResult
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.models.engine_repository import (
    add_engine,
    fetch_engine,
    list_stored_engines,
    read_engine,
    record_verification,
)
from tests.fixtures.engine_artifacts import PASSED_PARITY, build_manifest

SECONDS = 30.0


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "card.json"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_an_engine_lies_in_the_store_as_a_model_repository(store: ObjectStore, folder: Path):
    card = add_engine(store, "turbo", folder, "gpu-1")
    assert (card.version, card.state, card.parity, card.by) == (1, "building", None, "gpu-1")
    assert [info.key for info in store.list("engines/")] == [
        "engines/turbo/1/card.json",
        "engines/turbo/1/timing.cache",
        "engines/turbo/1/transformer/1/model.plan",
        "engines/turbo/1/transformer/config.pbtxt",
        "engines/turbo/1/vae_decoder/1/model.plan",
        "engines/turbo/1/vae_decoder/config.pbtxt",
    ]
    assert b'name: "transformer"' in store.read("engines/turbo/1/transformer/config.pbtxt")
    assert list_stored_engines(store) == [card] == list_stored_engines(store, "turbo")
    assert list_stored_engines(store, "tur") == []


def test_an_engine_comes_back_as_it_was_put_in(store: ObjectStore, folder: Path, tmp_path: Path):
    card = add_engine(store, "turbo", folder, "gpu-1")
    fetch_engine(store, read_engine(store, "turbo", card.version), tmp_path / "fetched")
    assert contents(folder) == contents(tmp_path / "fetched")
    assert json.loads((tmp_path / "fetched" / "card.json").read_text()) == build_manifest()


def test_a_file_that_was_changed_in_the_store_is_not_run(store: ObjectStore, folder: Path, tmp_path: Path):
    card = add_engine(store, "turbo", folder, "gpu-1")
    store.write("engines/turbo/1/transformer/1/model.plan", b"another plan, which is a program")
    with pytest.raises(StoreError, match=r"'engines/turbo/1/transformer/1/model\.plan' is not the one"):
        fetch_engine(store, card, tmp_path / "fetched")


def test_versions_are_counted_on_and_each_is_taken_once(store: ObjectStore, folder: Path):
    together = Barrier(4)

    def put(number: int) -> int:
        together.wait()
        return add_engine(store, "turbo", folder, f"gpu-{number}").version

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(put, range(4))) == [1, 2, 3, 4]
    assert [card.version for card in list_stored_engines(store, "turbo")] == [1, 2, 3, 4]


def test_an_engine_that_cannot_be_put_in_whole_is_taken_out_again(store: ObjectStore, folder: Path):
    (folder / "zzz").mkdir()
    (folder / "zzz" / "wrong\\name").write_bytes(b"a name that no key may have")
    with pytest.raises(ValueError, match="backslash"):
        add_engine(store, "turbo", folder, "gpu-1")
    assert list(store.list("engines/")) == []


def test_an_engine_whose_worker_died_is_listed_and_never_chosen(store: ObjectStore, folder: Path):
    mortal = FaultyStore(store, FaultInjector(fail_at=5))
    with pytest.raises(InjectedFault):
        add_engine(mortal, "turbo", folder, "gpu-1")
    (card,) = list_stored_engines(store)
    assert (card.state, card.files) == ("building", ())
    assert add_engine(store, "turbo", folder, "gpu-2").version == 2


@pytest.mark.parametrize(("passed", "state"), [(True, "ready"), (False, "refused")])
def test_verifying_makes_an_engine_ready_or_refused_with_its_figures(
    store: ObjectStore, folder: Path, passed: bool, state: str
):
    parity = PASSED_PARITY.model_copy(update={"passed": passed})
    record_verification(store, add_engine(store, "turbo", folder, "gpu-1"), parity)
    card = read_engine(store, "turbo", 1)
    assert (card.state, card.parity) == (state, parity)


def test_an_engine_that_is_not_there_names_those_that_are(store: ObjectStore, folder: Path):
    add_engine(store, "turbo", folder, "gpu-1")
    with pytest.raises(OptionError, match="no engine turbo/2; it has turbo/1"):
        read_engine(store, "turbo", 2)


@pytest.mark.parametrize("name", ["", "Turbo", "a/b", "../up", "a" * 64])
def test_a_name_with_other_characters_is_refused(store: ObjectStore, folder: Path, name: str):
    with pytest.raises(OptionError, match="--name"):
        add_engine(store, name, folder, "gpu-1")


@pytest.mark.parametrize("text", [None, "{", "[]", "{}"])
def test_a_folder_without_a_card_is_refused_before_anything_is_written(
    store: ObjectStore, folder: Path, text: str | None
):
    (folder / "card.json").unlink()
    if text is not None:
        (folder / "card.json").write_text(text)
    with pytest.raises(OptionError, match="card"):
        add_engine(store, "turbo", folder, "gpu-1")
    assert list(store.list("")) == []


def test_a_card_of_another_version_says_what_to_do(store: ObjectStore):
    store.write(layout.engine_artifact("turbo", 1), b'{"model": "turbo"}')
    with pytest.raises(StoreError, match=r"'engines/turbo/1/card\.json' is none that this version reads"):
        list_stored_engines(store)


def test_parity_without_a_number_can_be_kept(store: ObjectStore, folder: Path):
    parity = ParityResult(passed=False, runtime="tensorrt", tolerance=0.05, cases=9, max_abs_diff=None, psnr=0.0)
    record_verification(store, add_engine(store, "turbo", folder, "gpu-1"), parity)
    assert read_engine(store, "turbo", 1).parity == parity
