"""Simulated processes take turns as a seed decides; they sleep, die and keep leases by a clock that is told to move."""

from datetime import UTC, datetime
from random import Random

import pytest

from infra.coordination.leases import Lease, acquire
from infra.errors import LeaseHeld, LeaseLost
from infra.stores.memory import MemoryStore
from infra.testing.disturbances import Disturbance
from infra.testing.faulty_store import FaultyStore, InjectedFault
from infra.testing.simulated_clock import SimulatedClock
from infra.testing.simulated_processes import SimulatedProcess, SimulatedProcesses

LEASE, TERM = "leases/shop/full", 60.0


class Shop:
    """Processes around one store, whose clock they share."""

    def __init__(self, name: str, seed: int = 1) -> None:
        self.clock = SimulatedClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.processes = SimulatedProcesses(Random(seed), self.clock)
        self.store = MemoryStore(name, self.clock.now)

    def handle(self, process: SimulatedProcess) -> FaultyStore:
        return FaultyStore(self.store, process)

    def write_ten(self, process: SimulatedProcess) -> str:
        for number in range(10):
            self.handle(process).write(f"{process.name}/{number}", b"")
        return "written"

    def acquire(self, process: SimulatedProcess, term: float = TERM) -> Lease:
        return acquire(self.handle(process), LEASE, process.name, term, clock=self.clock.now)

    def work_under_lease(self, process: SimulatedProcess, term: float = TERM) -> str:
        with self.acquire(process, term).keep_alive() as lease:
            for number in range(400):
                self.handle(process).write(f"work/{number}", b"")
            lease.check()
        lease.release()
        return "worked"

    def keys(self, prefix: str) -> list[str]:
        return [info.key for info in self.store.list(prefix)]


def test_one_seed_gives_one_order_and_another_seed_another() -> None:
    stories = []
    for run, seed in enumerate((1, 1, 2)):
        shop = Shop(f"order-{run}", seed)
        working = [shop.processes.add(name, shop.write_ten) for name in ("a", "b", "c")]
        shop.processes.run()
        assert [process.result for process in working] == ["written"] * 3
        assert shop.processes.operations == 30
        stories.append((shop.processes.digest, shop.clock.now()))
    assert stories[0] == stories[1]
    assert stories[0] != stories[2]


def test_a_slow_store_lets_others_do_much_before_a_write_and_no_lease_lapses() -> None:
    shop = Shop("slow")
    shop.processes.slowness = 0.3
    working = [shop.processes.add(name, shop.write_ten) for name in ("a", "b")]
    shop.processes.run()
    assert [process.result for process in working] == ["written"] * 2
    assert (shop.clock.now() - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds() > 20, "as quick as ever: 4 s"
    shop.processes.add("leased", lambda it: shop.work_under_lease(it, term=120.0))
    shop.processes.run()
    assert shop.processes.all[-1].result == "worked", shop.processes.all[-1].error


@pytest.mark.parametrize(("after", "written"), [(False, 2), (True, 3)])
def test_a_killed_process_does_nothing_more(after: bool, written: int) -> None:
    shop = Shop(f"killed-{after}")
    killed = shop.processes.add("a", shop.write_ten, disturbances=[Disturbance("killed", "write", 3, after)])
    other = shop.processes.add("b", shop.write_ten)
    shop.processes.run()
    assert (killed.killed, killed.result, len(shop.keys("a/"))) == (True, None, written)
    assert (other.result, len(shop.keys("b/"))) == ("written", 10)


def test_an_operation_without_an_answer_may_have_taken_effect() -> None:
    shop = Shop("no-answer")
    process = shop.processes.add("a", shop.write_ten, disturbances=[Disturbance("fails", "a/4", after=True)])
    shop.processes.run()
    assert isinstance(process.error, InjectedFault)
    assert shop.keys("a/")[-1] == "a/4"


def test_a_lagging_bucket_does_not_find_what_is_there() -> None:
    shop = Shop("lagging")
    shop.store.write("mug", b"there")
    lagging = [Disturbance("lags", "mug")]
    process = shop.processes.add("a", lambda it: [shop.handle(it).find("mug") for _ in range(2)], disturbances=lagging)
    shop.processes.run()
    assert process.result == [None, b"there"]


def test_a_working_process_keeps_its_lease_by_the_simulated_clock() -> None:
    shop = Shop("keeps")
    process = shop.processes.add("a", shop.work_under_lease)
    shop.processes.run()
    assert process.result == "worked", process.error
    assert (shop.clock.now() - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds() > TERM


def test_a_renewal_that_is_due_amid_a_check_of_its_lease_waits_for_it() -> None:
    shop = Shop("amid-a-check")

    def work(process: SimulatedProcess) -> str:
        with shop.acquire(process).keep_alive() as lease:
            shop.clock.advance(2 * TERM)
            lease.check()
            shop.handle(process).write("work/1", b"")
        return "worked"

    process = shop.processes.add("a", work)
    shop.processes.run()
    assert process.result == "worked", process.error


def test_a_sleeper_loses_its_lease_and_learns_it() -> None:
    shop = Shop("sleeper")
    sleeps = [Disturbance("sleeps", "work/3", seconds=10 * TERM)]
    sleeper = shop.processes.add("sleeper", shop.work_under_lease, disturbances=sleeps)

    def take_over(process: SimulatedProcess) -> str:
        while True:
            try:
                return shop.acquire(process).state.holder
            except LeaseHeld:
                process.sleep(2)

    other = shop.processes.add("other", take_over, host="two")
    shop.processes.run()
    assert isinstance(sleeper.error, LeaseLost)
    assert other.result == "other"


@pytest.mark.parametrize(("host", "seconds"), [("one", 10), ("two", TERM)])
def test_a_killed_processs_lease_is_free_at_once_on_its_machine_and_after_its_term_elsewhere(
    host: str, seconds: float
) -> None:
    shop = Shop(f"dead-{host}")
    shop.processes.add("dead", shop.work_under_lease, disturbances=[Disturbance("killed", "work/0")])
    shop.processes.run()
    began = shop.clock.now()

    def take_over(process: SimulatedProcess) -> float:
        while True:
            try:
                shop.acquire(process)
            except LeaseHeld:
                process.sleep(1)
            else:
                return (shop.clock.now() - began).total_seconds()

    heir = shop.processes.add("heir", take_over, host=host)
    shop.processes.run()
    assert seconds - 10 <= heir.result <= seconds + 5


def test_a_parked_process_goes_on_when_it_is_woken_and_can_be_ended() -> None:
    shop = Shop("parked")
    parks = [Disturbance("sleeps", "/5")]
    parked = [shop.processes.add(name, shop.write_ten, disturbances=parks) for name in ("a", "b")]
    shop.processes.run()
    assert [len(shop.keys(f"{name}/")) for name in ("a", "b")] == [5, 5]
    shop.processes.wake(parked[0])
    shop.processes.run()
    assert parked[0].result == "written"
    shop.processes.kill_parked()
    assert (parked[1].killed, len(shop.keys("b/"))) == (True, 5)
    assert not any(process.thread.is_alive() for process in parked) or parked[1].ended


def test_processes_that_wait_for_each_other_for_ever_end_with_an_error() -> None:
    shop = Shop("for-ever")

    def wait(process: SimulatedProcess) -> None:
        while True:
            process.sleep(1)

    waiting = [shop.processes.add(name, wait) for name in ("a", "b")]
    shop.processes.run()
    assert [str(process.error) for process in waiting] == [
        f"{name} comes to no end within 50000 turns of all processes." for name in ("a", "b")
    ]
