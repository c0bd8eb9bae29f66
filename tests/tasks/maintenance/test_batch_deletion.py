"""Objects are deleted in batches that are counted, and deleting stops between two of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from catalogs.indexes.digest_set import DigestSet, text_digests
from infra.interfaces import ObjectInfo, ObjectStore
from tasks.maintenance.batch_deletion import (
    DELETE_BATCH_OBJECTS,
    BatchDeleter,
    SweepResult,
    select_unchanged,
    select_unreferenced,
)
from tests.fixtures.store_scenarios import StoreScenario


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    store = StoreScenario(tmp_path).store
    for number in range(3):
        store.write(f"staging/{number}", b"12345")
    return store


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_dry_run_counts_what_a_sweep_deletes(store: ObjectStore, dry_run: bool) -> None:
    deleter = BatchDeleter(store, SweepResult(dry_run))
    deleter.delete("staged", store.list("staging/"))
    assert (deleter.result.counts["staged"].files, deleter.result.counts["staged"].bytes) == (3, 15)
    assert len(list(store.list("staging/"))) == (3 if dry_run else 0)


def test_a_guard_decides_batch_by_batch_and_may_stop_the_deleting(store: ObjectStore) -> None:
    for number in range(DELETE_BATCH_OBJECTS):
        store.write(f"many/{number:04}", b"1")
    looks = iter([1, None])

    @contextmanager
    def guard(batch: Sequence[ObjectInfo]) -> Iterator[Sequence[ObjectInfo] | None]:
        kept = next(looks)
        yield None if kept is None else batch[kept:]

    deleter = BatchDeleter(store, SweepResult(dry_run=False))
    deleter.delete("staged", [*store.list("many/"), *store.list("staging/")], guard, "a run began")
    assert (deleter.result.counts["staged"].files, deleter.result.notes) == (DELETE_BATCH_OBJECTS - 1, ["a run began"])
    assert [info.key for info in store.list("many/")] == ["many/0000"]
    assert len(list(store.list("staging/"))) == 3


def test_what_was_written_again_or_is_gone_is_not_unchanged(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    for name in ("same", "again", "gone"):
        shop.store.write(f"x/{name}", b"1")
    shop.backdate(2, "x/")
    infos = list(shop.store.list("x/"))
    shop.store.write("x/again", b"1")
    shop.store.delete(["x/gone"])
    assert [info.key for info in select_unchanged(shop.store, infos)] == ["x/same"]


def test_only_unreferenced_objects_are_selected(store: ObjectStore) -> None:
    referenced = DigestSet()
    referenced.add(text_digests(["staging/1"]))
    infos = select_unreferenced(store.list("staging/"), referenced, lambda info: text_digests([info.key]))
    assert [info.key for info in infos] == ["staging/0", "staging/2"]
