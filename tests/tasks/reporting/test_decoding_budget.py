"""What is decoded at once stays within the budget; what is larger than all of it is alone, and no work is put off."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

from tasks.reporting.decoding_budget import DecodingBudget


def test_work_within_the_budget_runs_side_by_side_and_the_rest_waits_its_turn() -> None:
    budget, begun, release = DecodingBudget(10), list[str](), Event()
    both, large = Event(), Event()

    def work(name: str, needed: int, ready: Event | None = None) -> None:
        with budget.take(needed):
            begun.append(name)
            if ready is not None and len(begun) >= 2:
                ready.set()
            if name == "large":
                large.set()
            else:
                assert release.wait(60)

    with ThreadPoolExecutor(4) as threads:
        first = [threads.submit(work, name, 4, both) for name in ("a", "b")]
        assert both.wait(60), "two of four fit into ten at once"
        last = threads.submit(work, "large", 1_000)
        assert not large.wait(0.2), "it needs all of it"
        release.set()
        for each in (*first, last):
            each.result(60)
    assert begun[-1] == "large"


def test_the_sum_of_what_is_under_way_never_exceeds_the_budget() -> None:
    budget, lock, sums = DecodingBudget(100), Lock(), [0]
    taken = 0

    def work(number: int) -> None:
        nonlocal taken
        size = 1 + number * 37 % 100
        with budget.take(size):
            with lock:
                taken += size
                sums.append(taken)
            with lock:
                taken -= size

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(500)))
    assert max(sums) <= 100
    assert len(sums) == 501


def test_what_fails_gives_its_part_back() -> None:
    budget = DecodingBudget(1)
    for _ in range(3):
        try:
            with budget.take(1):
                raise ValueError("a damaged photo")
        except ValueError:
            continue
    with budget.take(1):
        pass
