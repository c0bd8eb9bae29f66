"""The index is saved where something changed, beside other runs, and a damaged one is begun anew."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from catalogs import layout
from infra.photos.photo_index import load_index
from infra.stores.memory import MemoryStore
from infra.testing.faulty_store import FaultInjector, FaultyStore
from tasks.photos.stored_photo_index import StoredPhotoIndex, forget_photos


def row(name: str, version: str = "v1") -> dict[str, Any]:
    return {"reference": name, "version": version, "sha256": bytes(32), "looked_at": datetime(2026, 11, 30, tzinfo=UTC)}


def names(store: MemoryStore) -> list[str]:
    return load_index(store, layout.photo_index("shop"))["reference"].to_pylist()


def test_nothing_is_written_where_nothing_changed() -> None:
    store = MemoryStore("unchanged index")
    assert StoredPhotoIndex(store, "shop").save() is False
    index = StoredPhotoIndex(store, "shop")
    index.add([row("a")])
    assert index.save() is True
    assert index.save(pa.array(["a"])) is False
    assert names(store) == ["a"]


def test_what_another_run_saved_meanwhile_stays_and_what_is_not_named_goes() -> None:
    store = MemoryStore("shared index")
    first = StoredPhotoIndex(store, "shop")
    first.add([row("old"), row("kept")])
    first.save()
    mine, other = StoredPhotoIndex(store, "shop"), StoredPhotoIndex(store, "shop")
    other.add([row("theirs"), row("kept", "theirs")])
    other.save()
    mine.add([row("mine"), row("kept", "mine")])
    assert mine.save(pa.array(["kept", "mine"])) is True
    assert names(store) == ["kept", "mine", "theirs"]
    versions = load_index(store, layout.photo_index("shop"))["version"].to_pylist()
    assert versions == ["mine", "v1", "v1"]


def test_a_damaged_index_is_said_and_every_photo_is_read_again() -> None:
    store = MemoryStore("damaged index")
    store.write(layout.photo_index("shop"), b"PAR1 damaged")
    index = StoredPhotoIndex(store, "shop")
    assert index.find(pa.array(["a"])).num_rows == 0
    assert index.warning.startswith("The photo index cannot be read, so every photo is read again: ")
    index.add([row("a")])
    index.save()
    assert names(store) == ["a"]


def test_an_index_that_cannot_be_read_is_replaced_also_where_nothing_is_named_any_more() -> None:
    store = MemoryStore("damaged and empty")
    store.write(layout.photo_index("shop"), b"PAR1 damaged")
    forget_photos(store, "shop")
    assert names(store) == []
    assert StoredPhotoIndex(store, "shop").warning == ""


def test_references_of_a_photo_are_those_that_stand_for_it_by_now_and_that_are_named() -> None:
    store = MemoryStore("references of a photo")
    first, second = (bytes([number]) * 32 for number in (1, 2))
    index = StoredPhotoIndex(store, "shop")
    index.add([{**row(name), "sha256": first} for name in ("a", "b", "c", "not named")])
    index.save()
    index = StoredPhotoIndex(store, "shop")
    index.add([{**row("b"), "sha256": second}, {**row("c"), "sha256": first, "reason": "photo.unreadable"}])
    named = pa.array(["a", "b", "c"])
    assert index.references_of([first], named) == {first: ["a"]}
    assert index.references_of([second, first, bytes(32)], named) == {first: ["a"], second: ["b"]}


def test_a_catalogue_without_photos_costs_one_question_and_forgets_those_that_it_had() -> None:
    store, calls = MemoryStore("no photos"), FaultInjector(None)
    forget_photos(FaultyStore(store, calls), "shop")
    assert calls.operation_count == 1
    index = StoredPhotoIndex(store, "shop")
    index.add([row("a")])
    index.save()
    forget_photos(store, "shop")
    assert names(store) == []
