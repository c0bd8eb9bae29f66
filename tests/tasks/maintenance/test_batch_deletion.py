"""Objects are deleted in batches that are counted, and deleting stops between two of them."""

from pathlib import Path

import pytest

from catalogs.indexes.digest_set import DigestSet, text_digests
from infra.interfaces import ObjectStore
from tasks.maintenance.batch_deletion import DELETE_BATCH_OBJECTS, BatchDeleter, SweepResult, select_unreferenced
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


def test_deleting_stops_between_two_batches_and_says_why(store: ObjectStore) -> None:
    infos = list(store.list("staging/")) * DELETE_BATCH_OBJECTS
    answers = iter([True, False])
    deleter = BatchDeleter(store, SweepResult(dry_run=True))
    deleter.delete("staged", infos, lambda: next(answers), "a run began")
    assert (deleter.result.counts["staged"].files, deleter.result.notes) == (DELETE_BATCH_OBJECTS, ["a run began"])


def test_only_unreferenced_objects_are_selected(store: ObjectStore) -> None:
    referenced = DigestSet()
    referenced.add(text_digests(["staging/1"]))
    infos = select_unreferenced(store.list("staging/"), referenced, lambda info: text_digests([info.key]))
    assert [info.key for info in infos] == ["staging/0", "staging/2"]
