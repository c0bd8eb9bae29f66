"""Engines are added whole, fetched as they were, and built once."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.models.engine_artifacts import EngineArtifact, ParityResult, StoredFile, parse_engine_facts
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores.memory import MemoryStore
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.models.engine_repository import (
    MAX_CARD_BYTES,
    add_engine,
    choose_engine,
    fetch_engine,
    list_stored_engines,
    read_engine,
    record_verification,
    scan_stored_engines,
)
from tasks.models.engine_trust import EngineTrust
from tests.fixtures.engine_artifacts import PASSED_PARITY, REQUIREMENTS, STRANGER, TRUST, build_manifest

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
    record_verification(store, add_engine(store, "turbo", folder, "gpu-1"), parity, TRUST)
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


def test_a_card_of_another_version_says_what_to_do_and_costs_its_engine_alone(store: ObjectStore, folder: Path):
    good = add_engine(store, "turbo", folder, "gpu-1")
    store.write(layout.engine_artifact("turbo", 2), b'{"model": "turbo"}')
    listing = scan_stored_engines(store)
    assert listing.artifacts == (good,)
    assert listing.faults.keys() == {("turbo", 2)}
    assert "'engines/turbo/2/card.json' is none that this version reads" in listing.faults["turbo", 2]
    with pytest.raises(StoreError, match=r"'engines/turbo/2/card\.json' is none that this version reads"):
        read_engine(store, "turbo", 2)


GARBAGE = [
    b"", b"{", b"[]", b"7", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000,
    b'{"model": "' + b"x" * MAX_CARD_BYTES + b'"}',
    b'{"version": 1' + b"0" * 5000 + b"}",
]  # fmt: skip


@pytest.mark.parametrize("data", GARBAGE, ids=range(len(GARBAGE)))
def test_s4_a_garbage_card_costs_its_engine_alone(store: ObjectStore, folder: Path, data: bytes):
    record_verification(store, add_engine(store, "turbo", folder, "gpu-1"), PASSED_PARITY, TRUST)
    store.write(layout.engine_artifact("turbo", 2), data)
    choice = choose_engine(store, "turbo", REQUIREMENTS, TRUST)
    assert choice.artifact is not None
    assert choice.artifact.version == 1
    assert "is none that this version reads" in choice.incompatibilities[2]


@pytest.mark.parametrize("change", [{"model": "../x"}, {"model": "nano"}, {"version": 2}])
def test_s4_a_card_of_another_engine_is_none(store: ObjectStore, folder: Path, change: dict[str, Any]):
    card = record_verification(store, add_engine(store, "turbo", folder, "gpu-1"), PASSED_PARITY, TRUST)
    store.write(layout.engine_artifact("turbo", 1), card.model_copy(update=change).model_dump_json().encode())
    choice = choose_engine(store, "turbo", REQUIREMENTS, TRUST)
    assert (choice.artifact, list(choice.incompatibilities)) == (None, [1])


def forged(card: EngineArtifact) -> list[EngineArtifact]:
    """What a writer of `engines/` can make of a card that carries a tag."""
    plan = card.files[-1].model_copy(update={"sha256": "f" * 64})
    document = card.document | {"driver": "1.0"}
    return [
        card.model_copy(update={"files": (*card.files[:-1], plan)}),
        card.model_copy(update={"tag": None}),
        card.model_copy(update={"tag": ""}),
        card.model_copy(update={"by": "somebody else"}),
        card.model_copy(update={"parity": card.parity.model_copy(update={"psnr": 99.0}) if card.parity else None}),
        card.model_copy(update={"document": document, "facts": parse_engine_facts(document)}),
        STRANGER.with_tag(card),
    ]


@pytest.mark.parametrize("number", range(7))
def test_s4_a_forged_ready_engine_is_not_taken(store: ObjectStore, folder: Path, number: int):
    card = record_verification(store, add_engine(store, "turbo", folder, "gpu-1"), PASSED_PARITY, TRUST)
    assert choose_engine(store, "turbo", REQUIREMENTS, TRUST).artifact == card == read_engine(store, "turbo", 1)
    store.write(layout.engine_artifact("turbo", 1), forged(card)[number].model_dump_json().encode())
    choice = choose_engine(store, "turbo", REQUIREMENTS, TRUST)
    assert choice.artifact is None
    assert "it carries no tag of a key that this host has: verify it here" in choice.incompatibilities[1]
    for believer in (EngineTrust(None), EngineTrust(TRUST.keys, every_engine=True)):
        assert choose_engine(store, "turbo", REQUIREMENTS, believer).artifact is not None


def test_s4_a_tagged_card_is_none_under_another_number(store: ObjectStore, folder: Path):
    card = record_verification(store, add_engine(store, "turbo", folder, "gpu-1"), PASSED_PARITY, TRUST)
    store.write(layout.engine_artifact("turbo", 2), card.model_copy(update={"version": 2}).model_dump_json().encode())
    assert choose_engine(store, "turbo", REQUIREMENTS, TRUST).artifact == card


@given(st.data())
def test_s4_no_change_of_a_card_is_taken_and_none_is_an_exception(data: st.DataObject):
    store = MemoryStore("cards")
    card = read_signed_card()
    document = json.loads(card)
    place = data.draw(st.sampled_from(sorted(document)))
    document[place] = data.draw(st.none() | st.text(max_size=5) | st.integers() | st.lists(st.integers()) | st.just({}))
    store.write(layout.engine_artifact("turbo", 1), json.dumps(document).encode())
    same = document == json.loads(card)
    assert (choose_engine(store, "turbo", REQUIREMENTS, TRUST).artifact is not None) == same


@cache
def read_signed_card() -> bytes:
    document = build_manifest()
    files = tuple(StoredFile(path=f"{name}/model.plan", bytes=1, sha256="c" * 64) for name in document_graphs)
    return TRUST.with_tag(EngineArtifact(
        model="turbo", version=1, state="ready", by="gpu-1", added_at=datetime(2026, 11, 29, tzinfo=UTC),
        facts=parse_engine_facts(document), files=files, parity=PASSED_PARITY, document=document,
    )).model_dump_json().encode()  # fmt: skip


document_graphs = ("transformer", "vae_decoder")


def test_a_folder_whose_card_names_other_files_is_not_added(store: ObjectStore, folder: Path):
    (folder / "vae_decoder" / "model.plan").unlink()
    with pytest.raises(OptionError, match=r"lacks 'vae_decoder/model\.plan'"):
        add_engine(store, "turbo", folder, "gpu-1")
    graph = build_manifest()["transformer"] | {"file": "/etc/hostname"}
    (folder / "card.json").write_text(json.dumps(build_manifest(transformer=graph)))
    with pytest.raises(OptionError, match="names files that are not in its folder"):
        add_engine(store, "turbo", folder, "gpu-1")
    assert list(store.list("")) == []


def test_parity_without_a_number_can_be_kept(store: ObjectStore, folder: Path):
    parity = ParityResult(passed=False, runtime="tensorrt", tolerance=0.05, cases=9, max_abs_diff=None, psnr=0.0)
    record_verification(store, add_engine(store, "turbo", folder, "gpu-1"), parity, TRUST)
    assert read_engine(store, "turbo", 1).parity == parity
