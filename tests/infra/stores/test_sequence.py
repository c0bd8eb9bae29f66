"""Numbered objects: each number has one winner, and a lost answer is not a lost number."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from infra.errors import ObjectMissing
from infra.stores import open_store
from infra.stores.sequence import ObjectSequence


def key_of(number: int) -> str:
    return f"leases/shoes/{number:08d}.json"


@pytest.fixture
def sequence(tmp_path: Path) -> ObjectSequence:
    return ObjectSequence(open_store(str(tmp_path)), "leases/shoes/", key_of)


def test_an_empty_sequence_has_no_numbers(sequence: ObjectSequence) -> None:
    assert (sequence.numbers(), sequence.latest()) == ([], 0)
    with pytest.raises(ObjectMissing):
        sequence.read(1)


def test_numbers_are_numbers_and_not_text(sequence: ObjectSequence) -> None:
    for number in (2, 10, 123_456_789):
        assert sequence.claim(number, b"x")
    assert (sequence.numbers(), sequence.latest()) == ([2, 10, 123_456_789], 123_456_789)


def test_other_objects_below_the_prefix_are_ignored(sequence: ObjectSequence) -> None:
    for name in ("note.txt", "1.json", "00000001.json.old", "00000002/card.json"):
        sequence.store.write(f"leases/shoes/{name}", b"x")
    assert sequence.numbers() == []


def test_folders_may_carry_the_number(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    engines = ObjectSequence(store, "engines/z/", lambda number: f"engines/z/{number}/card.json")
    assert engines.claim(engines.latest() + 1, b"card", content_type="application/json")
    store.write("engines/z/1/transformer/model.plan", b"plan")
    assert engines.numbers() == [1]


def test_a_taken_number_is_refused_and_an_own_object_is_met_again(sequence: ObjectSequence) -> None:
    assert sequence.claim(1, b"ours")
    assert not sequence.claim(1, b"theirs")
    assert sequence.claim(1, b"ours"), "the put was sent twice, since its answer was lost"
    assert sequence.read(1) == b"ours"


def test_of_many_writers_one_wins(sequence: ObjectSequence) -> None:
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(partial(sequence.claim, 1), (str(writer).encode() for writer in range(32))))
    assert results.count(True) == 1
    assert sequence.read(1) == str(results.index(True)).encode()


def test_the_newest_are_kept(sequence: ObjectSequence) -> None:
    for number in range(1, 5):
        sequence.claim(number, b"x")
    sequence.keep_newest(sequence.numbers(), 2)
    assert sequence.numbers() == [3, 4]
