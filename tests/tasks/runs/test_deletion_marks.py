"""Deletion marks: a run or a rollback waits for the batch that a sweep deletes, and never for a dead sweep."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalogs import layout
from infra.stores.memory import MemoryStore
from tasks.runs.deletion_marks import (
    MARK_LIFETIME,
    await_deletions,
    set_deletion_mark,
    write_shared_object,
)
from tests.fixtures.store_scenarios import StoreScenario


def test_one_waits_for_a_mark_of_its_own_catalogue_and_for_no_other(tmp_path: Path) -> None:
    store = StoreScenario(tmp_path).store
    with set_deletion_mark(store, "shoes") as mark:
        assert mark.counts
        await_deletions(store, "hats")
        waiting = threading.Thread(target=await_deletions, args=(store, "shoes", 0.01))
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
    waiting.join(5)
    assert not waiting.is_alive()
    assert list(store.list(layout.DELETION_MARKS)) == []


def test_the_mark_of_a_killed_sweep_lapses_and_a_sweep_that_slept_deletes_nothing_more() -> None:
    now = [datetime(2026, 11, 1, tzinfo=UTC)]
    store = MemoryStore("lapsing marks", lambda: now[0])
    with set_deletion_mark(store, "shoes") as mark:
        now[0] += MARK_LIFETIME / 2
        assert not mark.counts
        now[0] += MARK_LIFETIME / 2 + timedelta(seconds=1)
        await_deletions(store, "shoes")


@pytest.mark.parametrize(("age", "renewed"), [(timedelta(hours=1), False), (timedelta(days=3), True)])
def test_an_equal_old_object_becomes_a_new_one(age: timedelta, renewed: bool) -> None:
    now = [datetime(2026, 11, 1, tzinfo=UTC)]
    store = MemoryStore(f"shared objects {age}", lambda: now[0])
    write_shared_object(store, "shoes", "published/shoes/x.jpg", b"x")
    written = store.info("published/shoes/x.jpg").modified
    now[0] += age
    write_shared_object(store, "shoes", "published/shoes/x.jpg", b"x")
    assert store.info("published/shoes/x.jpg").modified == (now[0] if renewed else written)


def test_an_object_with_other_bytes_is_left_as_it_is(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.store.write("published/shoes/x.jpg", b"theirs")
    shop.backdate(3)
    write_shared_object(shop.store, "shoes", "published/shoes/x.jpg", b"ours")
    assert shop.store.read("published/shoes/x.jpg") == b"theirs"
