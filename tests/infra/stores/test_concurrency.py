"""One at a time on a disk; on a bucket side by side, in order, and with a bounded number begun."""

from collections.abc import Iterator
from threading import Barrier, Lock

import pytest

from infra.stores.concurrency import concurrent_map
from infra.stores.memory import MemoryStore

WIDE = 4


class ConcurrentStore(MemoryStore):
    max_concurrency = WIDE


@pytest.mark.parametrize("store", [MemoryStore("narrow"), ConcurrentStore("wide")])
def test_answers_come_in_the_items_order(store: MemoryStore) -> None:
    assert list(concurrent_map(store, lambda number: number * 2, range(50))) == [number * 2 for number in range(50)]


def test_a_wide_store_has_as_many_operations_under_way_as_it_says() -> None:
    meeting = Barrier(WIDE, timeout=10)
    assert (
        list(concurrent_map(ConcurrentStore("meets"), lambda _: meeting.wait() < WIDE, range(2 * WIDE)))
        == [True] * 2 * WIDE
    )


def test_items_are_taken_only_as_room_comes_free() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(10_000):
            taken += 1
            yield number

    answers = concurrent_map(ConcurrentStore("bounded"), lambda number: number, items())
    assert [next(answers) for _ in range(10)] == list(range(10))
    assert taken <= 10 + 2 * WIDE
    answers.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("store", [MemoryStore("narrow"), ConcurrentStore("wide")])
def test_nothing_is_begun_after_an_error(store: MemoryStore) -> None:
    begun: list[int] = []
    lock = Lock()

    def work(number: int) -> int:
        with lock:
            begun.append(number)
        if number == 3:
            raise ValueError("the third")
        return number

    with pytest.raises(ValueError, match="the third"):
        list(concurrent_map(store, work, range(1000)))
    assert len(begun) <= 4 + 2 * WIDE
