"""Snapshots: the newest is found beside those who replace it, and each number is taken once."""

import pytest

from catalogs import layout
from catalogs.answers.answer_rows import answers_to_rows
from infra.errors import DocumentUnreadable
from infra.interfaces import ObjectStore
from infra.stores.memory import MemoryStore
from infra.testing.faulty_store import FaultyStore
from tasks.answers.answer_snapshots import AnswerSnapshot, claim_snapshot, drop_old_snapshots, read_answer_snapshot
from tests.fixtures.given_answers import CATALOGUE, given
from tests.tasks.answers.test_answer_folding import Interleaving


def add(store: ObjectStore, *numbers: int) -> AnswerSnapshot:
    snapshot = read_answer_snapshot(store, CATALOGUE).with_added(answers_to_rows(map(given, numbers)))
    assert claim_snapshot(store, CATALOGUE, snapshot)
    return snapshot


def test_a_snapshot_says_which_answers_it_was_the_first_to_hold() -> None:
    store = MemoryStore("fresh-rows")
    assert read_answer_snapshot(store, CATALOGUE).number == 0
    add(store, 1, 2)
    add(store, 3)
    found = read_answer_snapshot(store, CATALOGUE)
    assert found.number == 2
    assert found.tokens == {given(number).token for number in (1, 2, 3)}
    assert found.fresh_rows["token"].to_pylist() == [given(3).token]


def test_of_two_next_snapshots_one_is_taken() -> None:
    store = MemoryStore("two-claims")
    before = read_answer_snapshot(store, CATALOGUE)
    assert claim_snapshot(store, CATALOGUE, before.with_added(answers_to_rows([given(1)])))
    assert not claim_snapshot(store, CATALOGUE, before.with_added(answers_to_rows([given(2)])))


def test_the_newest_two_are_kept_and_a_damaged_one_is_named() -> None:
    store = MemoryStore("kept-snapshots")
    for number in range(4):
        add(store, number)
    drop_old_snapshots(store, CATALOGUE)
    keys = [info.key for info in store.list(layout.answer_snapshots_prefix(CATALOGUE))]
    assert keys == [layout.answer_snapshot(CATALOGUE, number) for number in (3, 4)]
    store.write(keys[-1], b"no table")
    with pytest.raises(DocumentUnreadable, match=r"00000004\.parquet cannot be read"):
        read_answer_snapshot(store, CATALOGUE)


def test_a_number_that_was_dropped_is_not_taken_again_by_a_process_that_stood_still() -> None:
    store = MemoryStore("late-claim")
    late = read_answer_snapshot(store, CATALOGUE).with_added(answers_to_rows([given(9)]))
    for number in range(3):
        add(store, number)
    drop_old_snapshots(store, CATALOGUE)
    assert not claim_snapshot(store, CATALOGUE, late)
    assert read_answer_snapshot(store, CATALOGUE).tokens == {given(number).token for number in range(3)}


def test_a_snapshot_that_is_replaced_between_listing_and_reading_is_looked_for_again() -> None:
    store = MemoryStore("replaced-snapshot")
    add(store, 1)

    def replace_it() -> None:
        add(store, 2)
        store.delete([layout.answer_snapshot(CATALOGUE, 1)])

    beside = FaultyStore(store, Interleaving(2, replace_it))  # the listing is the first operation
    assert read_answer_snapshot(beside, CATALOGUE).tokens == {given(1).token, given(2).token}
