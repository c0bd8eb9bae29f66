"""Leases: one holder at a time, whoever sleeps, dies or races."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from uuid import uuid4

import pytest

from infra.coordination.leases import LeaseState, acquire, read_lease
from infra.coordination.process_liveness import host_name, is_surely_dead, process_identity
from infra.errors import LeaseHeld, LeaseLost, StoreError
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.stores.memory import MemoryStore
from infra.testing.faulty_store import FaultInjector, FaultyStore

FULL = "leases/shoes/full"


class FakeClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def lease_document(**changed: object) -> bytes:
    document = {
        "generation": 1,
        "holder": "one",
        "host": "h",
        "pid": 1,
        "process": "p",
        "released": False,
        "token": "t",
        "expires_at": "2026-11-29T08:00:00+00:00",
        **changed,
    }
    return json.dumps(document).encode()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return open_store(f"memory://{uuid4().hex}" if request.param == "memory" else str(tmp_path))


def generations(store: ObjectStore) -> list[str]:
    return [info.key.removeprefix(f"{FULL}/") for info in store.list("leases/")]


def newest(store: ObjectStore) -> LeaseState:
    state = read_lease(store, FULL)
    assert state is not None
    return state


def test_a_held_lease_names_its_holder_host_and_end(store: ObjectStore, clock: FakeClock) -> None:
    assert read_lease(store, FULL) is None
    acquire(store, FULL, "run abc", 120, clock=clock)
    with pytest.raises(LeaseHeld, match=f"'run abc'.*{os.getpid()} on {host_name()}.*2026-11-22 03:02:00"):
        acquire(store, FULL, "run def", 120, clock=clock)
    assert newest(store).holder == "run abc"
    assert newest(store).is_live(clock.now)


def test_a_lapsed_lease_is_free_and_its_old_holder_finds_out(store: ObjectStore, clock: FakeClock) -> None:
    first = acquire(store, FULL, "first", 120, clock=clock)
    clock.advance(119)
    with pytest.raises(LeaseHeld):
        acquire(store, FULL, "second", 120, clock=clock)
    clock.advance(1)
    second = acquire(store, FULL, "second", 120, clock=clock)
    for ask in (first.check, first.renew, first.check):
        with pytest.raises(LeaseLost, match=r"of 'first' was taken over by 'second'"):
            ask()
    first.release()
    second.check()
    assert newest(store).holder == "second"
    assert not newest(store).released


def test_renewing_moves_the_end(store: ObjectStore, clock: FakeClock) -> None:
    lease = acquire(store, FULL, "first", 120, clock=clock)
    clock.advance(100)
    lease.renew()
    clock.advance(100)
    with pytest.raises(LeaseHeld):
        acquire(store, FULL, "second", 120, clock=clock)
    lease.check()


def test_a_check_asks_the_store_before_another_clock_may_see_the_end(store: ObjectStore, clock: FakeClock) -> None:
    lease = acquire(store, FULL, "first", 120, clock=clock)
    clock.advance(59)
    lease.check()
    assert newest(store).generation == 1, "a check in the first half of the term costs no request"
    clock.advance(1)
    lease.check()
    assert newest(store).generation == 2


def test_a_holder_that_slept_gets_it_back_if_nobody_came(store: ObjectStore, clock: FakeClock) -> None:
    lease = acquire(store, FULL, "first", 120, clock=clock)
    clock.advance(10_000)
    lease.check()
    assert newest(store).is_live(clock.now)


def test_a_store_that_is_away_when_a_lease_is_released_drowns_out_nothing(store: ObjectStore, clock: FakeClock) -> None:
    mortality = FaultInjector()
    lease = acquire(FaultyStore(store, mortality), FULL, "first", 120, clock=clock)
    mortality.fail_at = mortality.operation_count + 1
    lease.release()
    assert mortality.has_failed
    assert newest(store).is_live(clock.now)


@pytest.mark.parametrize("failing", [2, 3], ids=["the look afterwards", "the deletion of old generations"])
def test_a_renewal_that_was_written_and_not_seen_is_the_holder_s_own(
    store: ObjectStore, clock: FakeClock, failing: int
) -> None:
    """A16: the next renewal met its own object and took it for a thief's: "taken over by 'first'"."""
    faults = FaultInjector()
    lease = acquire(FaultyStore(store, faults), FULL, "first", 120, clock=clock)
    lease.renew()
    faults.fail_at = faults.operation_count + failing
    with pytest.raises(StoreError):
        lease.renew()
    assert newest(store).generation == 3
    assert lease.state.generation == 2
    faults.fail_at = None
    clock.advance(40)
    lease.renew()
    lease.check()
    assert newest(store).generation == lease.state.generation == 4
    assert newest(store).is_live(clock.now)
    lease.release()
    assert newest(store).released


def test_a_renewal_that_was_not_seen_and_lapsed_since_is_lost(store: ObjectStore, clock: FakeClock) -> None:
    faults = FaultInjector()
    lease = acquire(FaultyStore(store, faults), FULL, "first", 120, clock=clock)
    faults.fail_at = faults.operation_count + 2
    with pytest.raises(StoreError):
        lease.renew()
    faults.fail_at = None
    clock.advance(121)
    acquire(store, FULL, "second", 120, clock=clock)
    with pytest.raises(LeaseLost, match="taken over by 'second'"):
        lease.renew()


def test_a_release_that_was_not_seen_stays_a_release(store: ObjectStore, clock: FakeClock) -> None:
    faults = FaultInjector()
    lease = acquire(FaultyStore(store, faults), FULL, "first", 120, clock=clock)
    faults.fail_at = faults.operation_count + 2
    lease.release()
    faults.fail_at = None
    with pytest.raises(LeaseLost, match="was released by its holder"):
        lease.renew()
    acquire(store, FULL, "second", 120, clock=clock).check()


def test_the_store_s_clock_ends_a_lease(clock: FakeClock) -> None:
    store = MemoryStore(uuid4().hex, clock)
    acquire(store, FULL, "first", 120)
    clock.advance(119)
    with pytest.raises(LeaseHeld):
        acquire(store, FULL, "second", 120)
    clock.advance(1)
    acquire(store, FULL, "second", 120)


def test_a_released_lease_is_free_at_once(store: ObjectStore, clock: FakeClock) -> None:
    lease = acquire(store, FULL, "first", 120, clock=clock)
    lease.release()
    lease.release()
    assert not newest(store).is_live(clock.now)
    with pytest.raises(LeaseLost, match="released"):
        lease.check()
    acquire(store, FULL, "second", 120, clock=clock).check()


def test_only_the_last_two_generations_stay(store: ObjectStore, clock: FakeClock) -> None:
    lease = acquire(store, FULL, "first", 120, clock=clock)
    for _ in range(5):
        lease.renew()
    assert generations(store) == ["00000005.json", "00000006.json"]


def test_a_sleeper_cannot_make_a_deleted_generation_anew(store: ObjectStore, clock: FakeClock) -> None:
    sleeper = acquire(store, FULL, "sleeper", 120, clock=clock)
    clock.advance(200)
    other = acquire(store, FULL, "other", 120, clock=clock)
    for _ in range(3):
        other.renew()
    assert "00000002.json" not in generations(store)
    with pytest.raises(LeaseLost, match="taken over by 'other'"):
        sleeper.renew()
    other.check()
    other.renew()
    assert newest(store).holder == "other"


def test_leases_whose_names_begin_alike_are_strangers(store: ObjectStore, clock: FakeClock) -> None:
    acquire(store, "leases/shoes/run-1", "one", 120, clock=clock)
    acquire(store, "leases/shoes/run-12", "twelve", 120, clock=clock)
    state = read_lease(store, "leases/shoes/run-1")
    assert state is not None
    assert state.holder == "one"


@pytest.mark.parametrize(
    "content",
    [
        b'{"holder": 1',
        b"[]",
        b"[" * 100_000,
        b"\xff",
        b"9" * 5000,
        lease_document(expires_at="2026-11-29T08:00:00"),
        lease_document(generation="x"),
        lease_document(released=[]),
    ],
    ids=["cut", "list", "deep", "no-text", "long-number", "no-zone", "generation", "released"],
)
def test_an_unreadable_lease_is_a_sentence(store: ObjectStore, content: bytes) -> None:
    store.write(f"{FULL}/00000001.json", content)
    with pytest.raises(StoreError, match="not readable"):
        read_lease(store, FULL)


def test_exactly_one_of_many_threads_takes_a_lapsed_lease(store: ObjectStore, clock: FakeClock) -> None:
    acquire(store, FULL, "old", 120, clock=clock)
    for round_number in range(10):
        clock.advance(200)
        gate = threading.Barrier(8)
        with ThreadPoolExecutor(8) as threads:
            names = [f"thread {number}" for number in range(8)]
            answers = list(threads.map(partial(contend, store, gate=gate.wait, clock=clock), names))
        won = [name for name in answers if name]
        assert len(won) == 1
        assert newest(store).holder == won[0]
        assert newest(store).generation == round_number + 2


def contend(store: ObjectStore, name: str, gate: Callable[[], object], clock: FakeClock) -> str:
    gate()
    try:
        acquire(store, FULL, name, 120, clock=clock)
    except LeaseHeld:
        return ""
    return name


_gate: Callable[[], object]


def lend_gate(gate: Callable[[], object]) -> None:
    global _gate
    _gate = gate


def contend_in_process(url: str, name: str) -> list[str]:
    clock = FakeClock()
    answers = []
    for _ in range(5):
        clock.advance(200)
        answers.append(contend(open_store(url), name, _gate, clock))
        _gate()
    return answers


def test_exactly_one_of_many_processes_takes_a_lapsed_lease(tmp_path: Path) -> None:
    spawn = get_context("spawn")
    barrier = spawn.Barrier(4, timeout=60)
    with spawn.Pool(4, initializer=lend_gate, initargs=(barrier.wait,)) as processes:
        names = [f"process {number}" for number in range(4)]
        answers = processes.starmap(contend_in_process, [(str(tmp_path), name) for name in names], chunksize=1)
    for won in zip(*answers, strict=True):
        assert len([name for name in won if name]) == 1
    last = [name for name in list(zip(*answers, strict=True))[-1] if name]
    assert newest(open_store(str(tmp_path))).holder == last[0]


def test_keeping_alive_outlasts_the_first_end(store: ObjectStore, clock: FakeClock) -> None:
    lease = acquire(store, FULL, "first", 0.3, clock=clock)
    first_end = lease.state.expires_at
    with lease.keep_alive():
        for _ in range(5):
            seen = newest(store).generation
            wait_until(lambda seen=seen: newest(store).generation > seen)
            clock.advance(0.1)
            assert contend(store, "second", lambda: None, clock) == ""
        lease.check()
    assert clock.now > first_end
    assert not [thread for thread in threading.enumerate() if FULL in thread.name]


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def test_a_loss_while_kept_alive_shows_at_the_next_check(store: ObjectStore, clock: FakeClock) -> None:
    lease = acquire(store, FULL, "first", 0.3, clock=clock)
    with lease.keep_alive():
        taken = False
        while not taken:
            clock.advance(10)
            taken = bool(contend(store, "thief", lambda: None, clock))
        wait_until(lambda: not [thread for thread in threading.enumerate() if FULL in thread.name])
        with pytest.raises(LeaseLost, match="taken over by 'thief'"):
            lease.check()


def test_a_killed_holder_s_lease_is_free_at_once_on_its_machine(tmp_path: Path) -> None:
    if not process_identity():
        pytest.skip("this system does not tell its processes apart")
    script = (
        "import sys, time; from infra.coordination.leases import acquire; from infra.stores import open_store\n"
        f"acquire(open_store({str(tmp_path)!r}), {FULL!r}, 'victim', 3600); print('held', flush=True); time.sleep(60)"
    )
    victim = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert victim.stdout is not None
    assert victim.stdout.readline() == "held\n"
    store = open_store(str(tmp_path))
    with pytest.raises(LeaseHeld, match=f"'victim'.*process {victim.pid}"):
        acquire(store, FULL, "heir", 120)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    victim.stdout.close()
    acquire(store, FULL, "heir", 120).check()
    assert newest(store).holder == "heir"


def test_only_what_is_certain_counts_as_death() -> None:
    mine = process_identity()
    if not mine:
        pytest.skip("this system does not tell its processes apart")
    world, _, started = mine.rpartition(" ")
    assert not is_surely_dead(os.getpid(), mine)
    assert is_surely_dead(os.getpid(), f"{world} {int(started) + 1}")
    assert not is_surely_dead(os.getpid(), f"another machine {started}")
    assert not is_surely_dead(os.getpid(), "")
    assert not is_surely_dead(2**22 + 1, "")


def test_a_lease_of_an_earlier_version_is_understood(store: ObjectStore, clock: FakeClock) -> None:
    """Its form is on disk: a run of another version may hold it, or may have left it behind."""
    text = """{
 "generation": 7,
 "holder": "refresh of shoes",
 "host": "gpu-1",
 "pid": 4711,
 "process": "7d0c3ad4-3b1f-4b0e-9c39-6e1b4f2f2a11 pid:[4026531836] 123456789",
 "expires_at": "2026-11-22T03:02:00+00:00",
 "released": false,
 "token": "3f0a"
}"""
    store.write(f"{FULL}/00000007.json", text.encode())
    assert newest(store).is_live(clock.now), "another boot of another machine: only its time ends it"
    with pytest.raises(LeaseHeld, match="refresh of shoes"):
        acquire(store, FULL, "next", 120, clock=clock)
    clock.advance(121)
    assert acquire(store, FULL, "next", 120, clock=clock).state.generation == 8
