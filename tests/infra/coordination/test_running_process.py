"""The running process is the operating system's, unless a thread was given another."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread, active_count
from types import SimpleNamespace

import pytest

from infra.coordination.leases import acquire, read_lease
from infra.coordination.running_process import RunningProcess, SystemProcess, run_as, running_process
from infra.stores.memory import MemoryStore


class OtherProcess(SystemProcess):
    """A process of another machine, which knows that every other one is dead."""

    host, pid, identity = "elsewhere", 7, "a simulated process"

    def is_surely_dead(self, pid: int, identity: str) -> bool:
        del pid, identity
        return True

    @contextmanager
    def repeating(self, work: Callable[[], bool], seconds: float, name: str) -> Iterator[None]:
        del seconds, name
        work()
        yield


def test_the_process_is_the_operating_systems() -> None:
    process: RunningProcess = running_process()
    assert process.pid == os.getpid()
    assert not process.is_surely_dead(process.pid, process.identity)


def test_work_is_repeated_until_the_block_ends() -> None:
    calls, threads = SimpleQueue[int](), active_count()
    with SystemProcess().repeating(counting(calls, goes_on=True), 0.001, "counter"):
        assert [calls.get(timeout=10) for _ in range(3)] == [1, 1, 1]
    assert active_count() == threads


def test_work_that_returns_false_is_not_repeated() -> None:
    calls = SimpleQueue[int]()
    with SystemProcess().repeating(counting(calls, goes_on=False), 0.001, "counter"):
        assert calls.get(timeout=10) == 1
        SystemProcess().sleep(0.02)
    assert calls.empty()


def counting(calls: SimpleQueue[int], *, goes_on: bool) -> Callable[[], bool]:
    def work() -> bool:
        calls.put(1)
        return goes_on

    return work


def test_a_thread_may_be_another_process_and_its_leases_say_so() -> None:
    store = MemoryStore("another-process")
    held, seen = acquire(store, "leases/shop/full", "night", 60), SimpleNamespace()

    def work() -> None:
        with run_as(OtherProcess()), acquire(store, "leases/shop/full", "other", 60).keep_alive():
            seen.process = running_process()

    thread = Thread(target=work)
    thread.start()
    thread.join()
    state = read_lease(store, "leases/shop/full")
    assert state is not None
    assert (state.host, state.pid, state.process) == ("elsewhere", 7, "a simulated process")
    assert state.generation == held.state.generation + 2, "taken over, and renewed once"
    assert isinstance(seen.process, OtherProcess)
    assert isinstance(running_process(), SystemProcess)


def test_the_process_is_given_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="ended"), run_as(OtherProcess()):
        raise ValueError("ended")
    assert isinstance(running_process(), SystemProcess)
