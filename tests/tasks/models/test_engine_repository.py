"""Engines are added whole, fetched as they were, and built once."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.models.engine_artifacts import EngineRequirements, GpuPlatform, ParityResult
from infra.coordination.leases import Lease, acquire
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.models import engine_repository as engine_store
from tasks.models.engine_repository import (
    add_engine,
    fetch_engine,
    find_or_build_engine,
    list_stored_engines,
    read_engine,
    record_verification,
    requirements_digest,
)
from tests.fixtures.engine_artifacts import H100, H200, PASSED_PARITY, REQUIREMENTS, build_manifest

SECONDS = 30.0


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A built engine, with bytes for plans."""
    made = tmp_path / "built"
    for graph in ("transformer", "vae_decoder"):
        (made / graph).mkdir(parents=True)
        (made / graph / "model.plan").write_bytes(f"the plan of the {graph}".encode())
    (made / "timing.cache").write_bytes(b"measured")
    (made / "card.json").write_text(json.dumps(build_manifest()))
    return made


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


def test_two_workers_that_want_the_same_engine_build_it_once(
    store: ObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(engine_store, "POLL_SECONDS", 0.02)
    together, builds = Barrier(3), []

    def work(number: int) -> int | None:
        def build() -> None:
            builds.append(number)
            record_verification(store, add_engine(store, "turbo", folder, f"gpu-{number}"), PASSED_PARITY)

        together.wait()
        card = find_or_build_engine(store, "turbo", REQUIREMENTS, build, f"gpu-{number}", SECONDS).artifact
        return card.version if card else None

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(work, range(3))) == [1, 1, 1]
    assert len(builds) == 1


def never() -> None:
    pytest.fail("it was built")


def test_a_worker_that_waits_takes_what_the_other_one_built(
    store: ObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    lease = acquire(store, layout.engine_lease("turbo", requirements_digest(REQUIREMENTS)), "gpu-1", SECONDS)
    looked = []

    def other_finishes(seconds: float) -> None:
        looked.append(seconds)
        record_verification(store, add_engine(store, "turbo", folder, "gpu-1"), PASSED_PARITY)
        lease.release()

    monkeypatch.setattr("tasks.models.engine_repository.time.sleep", other_finishes)
    assert find_or_build_engine(store, "turbo", REQUIREMENTS, never, "gpu-2", SECONDS).artifact is not None
    assert looked == [engine_store.POLL_SECONDS]


def test_what_was_built_between_the_look_and_the_lease_is_taken(
    store: ObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def acquired_late(*arguments: Any) -> Lease:
        record_verification(store, add_engine(store, "turbo", folder, "gpu-1"), PASSED_PARITY)
        return acquire(*arguments)

    monkeypatch.setattr(engine_store, "acquire", acquired_late)
    assert find_or_build_engine(store, "turbo", REQUIREMENTS, never, "gpu-2", SECONDS).artifact is not None


def test_what_was_refused_is_not_built_again_by_the_next_worker(store: ObjectStore, folder: Path):
    record_verification(
        store, add_engine(store, "turbo", folder, "gpu-1"), PASSED_PARITY.model_copy(update={"passed": False})
    )
    choice = find_or_build_engine(store, "turbo", REQUIREMENTS, never, "gpu-2", SECONDS)
    assert (choice.artifact, list(choice.incompatibilities)) == (None, [1])


def test_nothing_is_built_where_there_is_no_tensorrt(store: ObjectStore):
    need = EngineRequirements(REQUIREMENTS.weights_digest, "bf16", (), None)
    assert find_or_build_engine(store, "turbo", need, never, "gpu-1", SECONDS).artifact is None


def test_a_build_that_fails_gives_its_lease_back(store: ObjectStore):
    def build() -> None:
        raise StoreError("The disk is full.")

    with pytest.raises(StoreError, match="full"):
        find_or_build_engine(store, "turbo", REQUIREMENTS, build, "gpu-1", SECONDS)
    acquire(store, layout.engine_lease("turbo", requirements_digest(REQUIREMENTS)), "gpu-2", SECONDS)


def test_needs_of_two_machines_are_built_side_by_side():
    other = EngineRequirements(REQUIREMENTS.weights_digest, REQUIREMENTS.precision, REQUIREMENTS.sizes, H100)
    same = EngineRequirements(
        REQUIREMENTS.weights_digest, REQUIREMENTS.precision, REQUIREMENTS.sizes, GpuPlatform(*vars(H200).values())
    )
    assert requirements_digest(REQUIREMENTS) == requirements_digest(same) != requirements_digest(other)


def test_parity_without_a_number_can_be_kept(store: ObjectStore, folder: Path):
    parity = ParityResult(passed=False, runtime="tensorrt", tolerance=0.05, cases=9, max_abs_diff=None, psnr=0.0)
    record_verification(store, add_engine(store, "turbo", folder, "gpu-1"), parity)
    assert read_engine(store, "turbo", 1).parity == parity
