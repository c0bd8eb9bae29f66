"""A library is changed by several people at once and loses nothing, and its old states go."""

import json
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.stages.library import StageLibrary
from catalogs.stages.stage import Stage, StageState
from infra.errors import DocumentUnreadable, StoreError
from infra.interfaces import ObjectStore
from infra.stores.local import LocalStore
from infra.stores.memory import MemoryStore
from infra.testing.faulty_store import FaultyStore
from infra.testing.simulated_clock import SimulatedClock
from tasks.stages import stage_libraries
from tasks.stages.stage_libraries import (
    KEPT_VERSIONS,
    SETTLED,
    change_library,
    list_libraries,
    read_library,
)
from tests.fixtures.interleaving import ActsAt
from tests.fixtures.stage_scenes import NOW, a_stage

_FIELDS = ("library", "stages", *Stage.model_fields)


def a_store(kind: str, folder: Path) -> ObjectStore:
    return MemoryStore(str(folder)) if kind == "memory" else LocalStore(folder)


def add(store: ObjectStore, *names: str) -> StageLibrary:
    library = read_library(store, "shop")
    for name in names:
        library = change_library(store, "shop", lambda before, name=name: before.add(a_stage(name)))
    return library


def numbers(store: ObjectStore) -> list[int]:
    prefix = layout.stage_changes_prefix("shop")
    return sorted(int(info.key.removeprefix(prefix)[:8]) for info in store.list(prefix))


def test_a_library_that_is_not_there_is_empty_and_each_change_is_one_number(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    assert read_library(store, "shop") == StageLibrary("shop")
    assert add(store, "oak", "marble").number == 2
    read = read_library(store, "shop")
    assert (read.number, [stage.name for stage in read.stages]) == (2, ["oak", "marble"])
    assert change_library(store, "shop", lambda library: library) == read, "a change of nothing writes nothing"
    assert numbers(store) == [1, 2]


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_two_people_at_once_lose_nothing(kind: str, tmp_path: Path) -> None:
    store = a_store(kind, tmp_path / kind)
    names = [f"s{number}" for number in range(24)]
    with ThreadPoolExecutor(4) as people:
        list(people.map(lambda name: add(store, name), names))
    assert sorted(stage.name for stage in read_library(store, "shop").stages) == sorted(names)
    assert numbers(store)[-1] == len(names)


def test_a_change_is_checked_against_what_it_is_applied_to(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    acts = ActsAt("write", lambda: add(store, "oak"))
    with pytest.raises(OptionError, match="in the library already, as 'oak'"):
        change_library(FaultyStore(store, acts), "shop", lambda library: library.add(a_stage("oak", origin="made")))
    assert acts.finish()
    assert [stage.origin for stage in read_library(store, "shop").stages] == ["photo"]


def test_old_states_go_once_they_are_settled(tmp_path: Path) -> None:
    clock = SimulatedClock(NOW)
    store = MemoryStore(str(tmp_path), clock.now)
    add(store, *(f"s{number}" for number in range(KEPT_VERSIONS + 5)))
    assert len(numbers(store)) == KEPT_VERSIONS + 5, "a slow writer may still be about to claim one of them"
    clock.advance(SETTLED.total_seconds() + 1)
    add(store, "last")
    assert numbers(store) == list(range(7, KEPT_VERSIONS + 7))
    assert len(read_library(store, "shop").stages) == KEPT_VERSIONS + 6


def test_a_writer_that_slept_does_not_claim_a_number_that_may_have_been_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    add(store, "oak")
    monkeypatch.setattr(stage_libraries, "CLAIM_WITHIN", timedelta(seconds=-1))
    with pytest.raises(StoreError, match="was changed 50 times"):
        add(store, "marble")
    assert numbers(store) == [1]


def test_a_state_that_others_delete_between_listing_and_reading_is_looked_for_again(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    add(store, "oak")

    def replace_it() -> None:
        add(store, "marble")
        store.delete([layout.stage_change("shop", 1)])

    acts = ActsAt("read stages/", replace_it)
    assert read_library(FaultyStore(store, acts), "shop").number == 2
    assert acts.finish()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"library": "other", "stages": []}', b'{"library": "shop"}'])
def test_a_damaged_library_names_its_key_and_is_not_taken_for_an_empty_one(data: bytes, tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    add(store, "oak")
    store.write(layout.stage_change("shop", 2), data)
    with pytest.raises(DocumentUnreadable, match=r"stages/libraries/shop/00000002\.json"):
        read_library(store, "shop")
    with pytest.raises(DocumentUnreadable):
        add(store, "marble")


def test_libraries_are_listed_and_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    add(store, "oak")
    change_library(store, "beach", lambda library: library.add(a_stage("sand")))
    assert list_libraries(store) == ["beach", "shop"]
    for name in ("", "Shop", "../x", "a" * 64):
        with pytest.raises(OptionError, match="--library"):
            read_library(store, name)


def test_an_answer_that_comes_first_is_kept_beside_another(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    oak, _ = add(store, "oak", "marble").stages

    def approve(name: str) -> None:
        change_library(store, "shop", lambda before: before.answer(before.find(name), StageState.APPROVED, name, NOW))

    acts = ActsAt("write", lambda: approve("oak"))
    other = FaultyStore(store, acts)
    change_library(other, "shop", lambda before: before.answer(before.find("marble"), StageState.REFUSED, "b", NOW))
    assert acts.finish()
    states = {stage.name: stage.state for stage in read_library(store, "shop").stages}
    assert states == {"oak": StageState.APPROVED, "marble": StageState.REFUSED}
    assert replace(read_library(store, "shop"), stages=()).number == 4
    assert oak.name == "oak"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS) | st.text(max_size=4), inner),
    max_leaves=12,
)


@given(document=_JSON, is_mine=st.booleans())
def test_any_planted_document_is_a_library_or_an_error_that_names_its_key(document: object, is_mine: bool) -> None:
    store = MemoryStore(f"planted-{uuid4()}")
    stages = document if isinstance(document, list) else [document]
    content = {"library": "shop", "stages": stages} if is_mine else document
    store.write(layout.stage_change("shop", 1), json.dumps(content).encode())
    said = ""
    try:
        assert all(isinstance(stage, Stage) for stage in read_library(store, "shop").stages)
    except DocumentUnreadable as error:
        said = str(error)
    assert not said or layout.stage_change("shop", 1) in said


def _add_in_another_process(folder: str, name: str) -> None:
    add(LocalStore(Path(folder)), name)


def test_two_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    names = [f"s{number}" for number in range(8)]
    with ProcessPoolExecutor(2, get_context("spawn")) as people:
        list(people.map(_add_in_another_process, [str(tmp_path)] * len(names), names))
    assert sorted(stage.name for stage in read_library(LocalStore(tmp_path), "shop").stages) == names


@pytest.mark.parametrize("name", [".DS_Store", "shop/.DS_Store", "shop/notes.txt", "Shop/00000001.json", "shop/1.json"])
def test_a_stray_file_below_the_libraries_is_no_library(name: str) -> None:
    store = MemoryStore(f"stray-{uuid4()}")
    change_library(store, "oak", lambda library: library.add(a_stage("oak")))
    store.write(f"stages/libraries/{name}", b"x")
    assert list_libraries(store) == ["oak"]
