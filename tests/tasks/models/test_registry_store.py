"""A registry in a store keeps every change, also concurrent ones, and refuses invalid names."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.models.comparison import VersionSample
from catalogs.models.registry import ChangeKind, ModelRegistry, RegistryChange
from catalogs.models.weights import WeightsSpec
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.stores.json_objects import read_json, write_json
from tasks.models.metrics import write_model_samples
from tasks.models.registry_store import change_registry, compare_with_production, list_registered_models, load_registry


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path))


def said(kind: ChangeKind, version: int, by: str = "ada", **more: Any) -> RegistryChange:
    return RegistryChange(kind=kind, version=version, by=by, at=datetime.now(UTC), why="because", **more)


def add(store: ObjectStore, by: str = "ada", name: str = "card") -> ModelRegistry:
    def make(registry: ModelRegistry) -> RegistryChange:
        number = registry.next_version_number
        return said("register", number, by, weights=WeightsSpec(family="stub", source=f"stub/{number}"))

    return change_registry(store, name, make)


def test_changes_are_read_back_with_person_time_and_reason(store: ObjectStore) -> None:
    made = [
        add(store),
        change_registry(store, "card", lambda _: said("promote", 1, known={"accepted_worse": "first"})),
    ][-1]
    found = load_registry(store, "card")
    assert found == made
    assert [(one.kind, one.version, one.by, one.why) for one in found.changes] == [
        ("register", 1, "ada", "because"), ("promote", 1, "ada", "because"),
    ]  # fmt: skip
    assert found.changes[1].known == {"accepted_worse": "first"}
    assert found.changes[0].at.tzinfo is not None
    keys = [info.key for info in store.list(layout.MODELS)]
    assert keys == ["models/card/registry/00000001.json", "models/card/registry/00000002.json"]


@pytest.mark.slow
def test_ten_concurrent_changes_are_all_kept_in_a_bucket(s3_url: str) -> None:
    test_ten_people_at_once_lose_no_word(open_store(s3_url))


def test_ten_people_at_once_lose_no_word(store: ObjectStore) -> None:
    together = Barrier(10)

    def speak(person: int) -> None:
        together.wait()
        add(store, f"person {person}")

    with ThreadPoolExecutor(10) as people:
        list(people.map(speak, range(10)))
    found = load_registry(store, "card")
    assert list(found.versions) == list(range(1, 11))
    assert {one.by for one in found.changes} == {f"person {person}" for person in range(10)}


def test_who_comes_second_is_judged_by_what_the_registry_is_by_then(store: ObjectStore) -> None:
    add(store)
    change_registry(store, "card", lambda _: said("promote", 1))
    add(store)
    asked = []

    def retire_it_first(_: ModelRegistry) -> RegistryChange:
        if not asked:
            asked.append(1)
            change_registry(store, "card", lambda _: said("promote", 2, "grace"))
            change_registry(store, "card", lambda _: said("rollback", 2, "grace"))
        return said("promote", 2)

    with pytest.raises(OptionError, match="Version 2 of 'card' is retired and cannot be promoted"):
        change_registry(store, "card", retire_it_first)
    assert [one.by for one in load_registry(store, "card").changes[-2:]] == ["grace", "grace"]


def test_a_put_whose_answer_was_lost_is_not_repeated(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    write_once = store.write_once

    def lose_the_answer(key: str, data: bytes, **headers: Any) -> bool:
        write_once(key, data, **headers)
        return False

    with monkeypatch.context() as patch:
        patch.setattr(store, "write_once", lose_the_answer)
        assert list(add(store).versions) == [1]
    assert len(load_registry(store, "card").changes) == 1


def test_a_registry_that_others_change_without_end_is_given_up_in_a_sentence(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "write_once", lambda *_, **__: False)
    with pytest.raises(StoreError, match="registry of 'card' was changed 50 times by others meanwhile"):
        add(store)


def test_models_are_listed_by_name_and_an_unknown_one_is_refused_with_them(store: ObjectStore) -> None:
    with pytest.raises(
        OptionError, match=r"no model 'card' in its registry; it has none yet\. `packshot engine register`"
    ):
        load_registry(store, "card")
    add(store, name="z-image")
    add(store, name="card")
    write_model_samples(store, "r1", [{"version": "gone/1", "sample": vars(VersionSample(requests=1))}])
    assert list_registered_models(store) == ["card", "z-image"]
    with pytest.raises(OptionError, match="no model 'cards' in its registry; it has card, z-image"):
        load_registry(store, "cards")
    with pytest.raises(OptionError, match=r"model's name '\.\./card' must be"):
        load_registry(store, "../card")


def test_the_comparison_is_of_what_runs_kept(store: ObjectStore) -> None:
    registry = add(store)
    assert compare_with_production(store, registry, 1) is None
    change_registry(store, "card", lambda _: said("promote", 1))
    registry = add(store)
    assert registry.production == 1
    good, bad = (VersionSample(requests=200, published=count, attempts=200, generated=200, attempts_squared=200,
                        attempts_of_published=count, seconds=200, seconds_squared=200, generated_squared=200,
                        seconds_by_generated=200) for count in (190, 120))  # fmt: skip
    write_model_samples(
        store, "r1", [{"version": "card/1", "sample": vars(good)}, {"version": "card/2", "sample": vars(bad)}]
    )
    found = compare_with_production(store, registry, 2)
    assert found is not None
    assert (found.requests, found.runs) == ({"candidate": 200, "production": 200}, {"candidate": 1, "production": 1})
    assert [fault.split(",")[0] for fault in found.objections] == [
        "pass rate: 0.6 against 0.95", "attempts a published image: 1.667 against 1.053",
    ]  # fmt: skip


def test_a_change_that_only_a_newer_packshot_knows_is_not_passed_over(store: ObjectStore) -> None:
    add(store)
    document = read_json(store, layout.model_change("card", 1))
    write_json(store, layout.model_change("card", 2), document | {"changes": [{"kind": "merge"}]})
    with pytest.raises(StoreError, match=r"00000002\.json is no registry that this version of Packshot can read"):
        load_registry(store, "card")


CHANGE = {"kind": "register", "version": 1, "by": "x", "at": "2026-11-29T00:00:00Z", "weights": {"family": "stub"}}
GARBAGE: list[Any] = [
    [], 7, {}, {"name": "card"}, {"name": "other", "changes": [CHANGE]}, {"name": "card", "changes": 7},
    {"name": "card", "changes": [7]}, {"name": "card", "changes": [CHANGE], "more": 1},
    {"name": "card", "changes": [CHANGE | {"weights": None}]}, {"name": "card", "changes": [CHANGE, CHANGE]},
    {"name": "card", "changes": [CHANGE | {"kind": "promote"}]}, {"name": "card", "changes": [CHANGE | {"extra": 1}]},
    {"name": "card", "changes": [CHANGE | {"kind": "rollback"}]}, {"name": "card", "changes": [CHANGE | {"at": "x"}]},
    {"name": "card", "changes": [CHANGE | {"kind": "canary"}]},
]  # fmt: skip


@pytest.mark.parametrize("document", GARBAGE, ids=range(len(GARBAGE)))
def test_s10_a_registry_that_is_none_is_named_in_a_sentence(store: ObjectStore, document: Any) -> None:
    store.write(layout.model_change("card", 1), json.dumps(document).encode())
    with pytest.raises(StoreError, match=r"models/card/registry/00000001\.json is no registry .* can read \(.+\); use"):
        load_registry(store, "card")


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b" " * ((16 << 20) + 1)], ids=range(5))
def test_s10_bytes_that_are_no_document_are_named_in_a_sentence(store: ObjectStore, data: bytes) -> None:
    store.write(layout.model_change("card", 1), data)
    with pytest.raises(StoreError, match=r"00000001\.json is no registry"):
        load_registry(store, "card")
