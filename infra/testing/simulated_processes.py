"""Processes that a seed interleaves: several of them in one, each on a thread, of which exactly one works at a time.

Inputs: works, a random number generator, a clock. Outputs: their results, the same for the same numbers.
Every operation on a store or on tables is a turn (`SimulatedProcess.call`, which `FaultyStore` and `FaultyTables` ask):
the clock moves, and the generator decides who goes on. Where the store is slow, others do much between what a process
has read and what it writes: that is where races are. A process may be killed at an operation, sleep past its leases,
or get no answer; its leases are renewed by the simulated clock as long as it gets turns.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from threading import Semaphore, Thread, current_thread
from typing import Any, TypeVar, cast

from infra.coordination.running_process import run_as
from infra.testing.disturbances import Disturbance
from infra.testing.faulty_store import InjectedFault
from infra.testing.simulated_clock import SimulatedClock

T = TypeVar("T")

PAUSE_SECONDS = (0.01, 0.4)
"""The shortest and the longest time between two operations."""
STAYS = 0.6
"""How often the process that has worked goes on, where another could."""
SLOW_SECONDS_LOG10 = (0.0, 1.75)
"""A slow write waits for 1 to 56 seconds, short times as often as long ones: a lease of 120 seconds does not lapse."""
REMEMBERED_OPERATIONS = 40
WRITES = ("write ", "complete ", "delete ", "merge ", "mark ", "ensure ")
"""First words of operations by which others see what a process has done."""
LEASES = "leases/"
"""Amid an operation on a lease nothing is repeated: a thread that renews would wait for the lease's lock."""
MAX_TURNS = 50_000
"""Turns of one `run`, after which processes are taken to wait for each other for ever."""


class ProcessKilled(BaseException):
    """The process was killed. No `except Exception` catches it, and its `finally` blocks reach no store any more."""


@dataclass
class _Repetition:
    work: Callable[[], bool]
    seconds: float
    due: datetime


@dataclass(eq=False)
class SimulatedProcess:
    """One process: what it does, how it ended, and what is going to disturb it. Leases see it as a running process."""

    processes: "SimulatedProcesses"
    name: str
    host: str
    pid: int
    work: Callable[["SimulatedProcess"], Any]
    disturbances: list[Disturbance] = field(default_factory=list)
    result: Any = None
    error: Exception | None = None
    killed: bool = False
    ended: bool = False
    parked: bool = False
    happened: list[Disturbance] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wakes_at = self.processes.clock.now()
        self.turn = Semaphore(0)
        self._repetitions: list[_Repetition] = []
        self._renewing = False
        self._seen = [0] * len(self.disturbances)
        self.thread = Thread(target=self._run, name=self.name, daemon=True)

    @property
    def identity(self) -> str:
        """Text that tells it from every other process."""
        return f"simulated {self.pid}"

    def is_surely_dead(self, pid: int, identity: str) -> bool:
        """Tell whether another process of this machine was killed or has ended."""
        del pid
        others = [other for other in self.processes.all if other.identity == identity]
        return any(other.host == self.host and (other.killed or other.ended) for other in others)

    def sleep(self, seconds: float) -> None:
        """Wait until the simulated clock has moved so far."""
        self.wakes_at = self.processes.clock.now() + timedelta(seconds=seconds)
        self.processes.hand_over(self)
        self._end_if_killed()

    @contextmanager
    def repeating(self, work: Callable[[], bool], seconds: float, name: str) -> Iterator[None]:
        """Call `work` between this process's operations, each time so many simulated seconds have passed."""
        del name
        repetition = _Repetition(work, seconds, self.processes.clock.now() + timedelta(seconds=seconds))
        self._repetitions.append(repetition)
        try:
            yield
        finally:
            if repetition in self._repetitions:
                self._repetitions.remove(repetition)

    def call(self, description: str, operation: Callable[[], T]) -> T:
        """Run one operation when it is this process's turn, unless something else happens to it.

        Helper threads of a process read without a turn: the process waits for them, and nothing else works meanwhile.
        """
        self._end_if_killed()
        if current_thread() is not self.thread and description.startswith(("read ", "find ", "open ")):
            return operation()
        self.processes.hand_over(self)
        self._end_if_killed()
        if LEASES not in description:
            self._repeat()
        self._wait_for_slow_store(description)
        self.processes.remember(self, description)
        disturbance = self._disturbance_at(description)
        if disturbance is None:
            return operation()
        self.happened.append(disturbance)
        self.processes.remember(self, f"… {disturbance}")
        answer = operation() if disturbance.after else None
        self._disturb(disturbance)
        # A sleeper that slept before its operation does it as soon as it wakes.
        return operation() if disturbance.kind == "sleeps" and not disturbance.after else cast(T, answer)

    def _wait_for_slow_store(self, description: str) -> None:
        dice, slowness = self.processes.dice, self.processes.slowness
        is_visible = description.startswith(WRITES) and LEASES not in description
        if slowness and is_visible and dice.random() < slowness:
            self.sleep(10 ** dice.uniform(*SLOW_SECONDS_LOG10))

    def _disturb(self, disturbance: Disturbance) -> None:
        if disturbance.kind == "killed":
            self.killed = True
            self._end_if_killed()
        if disturbance.kind == "fails":
            raise InjectedFault(f"The store gave no answer to {self.name}.")
        if disturbance.kind == "sleeps":
            self.parked = disturbance.seconds is None
            self.sleep(disturbance.seconds or 0)

    def _disturbance_at(self, description: str) -> Disturbance | None:
        for position, disturbance in enumerate(self.disturbances):
            applies = disturbance.kind != "lags" or description.startswith("find ")
            if applies and disturbance.word in description:
                self._seen[position] += 1
                if self._seen[position] == disturbance.nth:
                    return disturbance
        return None

    def _repeat(self) -> None:
        if self._renewing or current_thread() is not self.thread:
            return
        self._renewing = True
        try:
            for repetition in [each for each in self._repetitions if each.due <= self.processes.clock.now()]:
                repetition.due = self.processes.clock.now() + timedelta(seconds=repetition.seconds)
                if not repetition.work():
                    self._repetitions.remove(repetition)
        finally:
            self._renewing = False

    def _end_if_killed(self) -> None:
        if self.killed:
            raise ProcessKilled(self.name)

    def _run(self) -> None:
        self.turn.acquire()
        try:
            with run_as(self):
                self._end_if_killed()
                self.result = self.work(self)
        except ProcessKilled:
            self.killed = True
        except Exception as error:
            self.error = error
        finally:
            self.ended = True
            self.processes.hand_over(self)


@dataclass
class SimulatedProcesses:
    """All processes of a simulation; `run` lets them work until each has ended or sleeps until it is woken."""

    dice: Random
    clock: SimulatedClock
    slowness: float = 0.0
    """How often a writing operation waits."""
    all: list[SimulatedProcess] = field(default_factory=list)
    operations: int = 0

    def __post_init__(self) -> None:
        self.last_operations = deque[str](maxlen=REMEMBERED_OPERATIONS)
        self._digest = hashlib.sha256()
        self._turn = Semaphore(0)
        self._turns_left = MAX_TURNS

    @property
    def digest(self) -> str:
        """A digest of every operation so far: two simulations of one seed have the same."""
        return self._digest.hexdigest()

    def add(
        self,
        name: str,
        work: Callable[[SimulatedProcess], Any],
        host: str = "one",
        disturbances: Sequence[Disturbance] = (),
        *,
        starts_in: float = 0.0,
    ) -> SimulatedProcess:
        """Add a process, which works once `run` is called and `starts_in` seconds have passed."""
        process = SimulatedProcess(self, name, host, len(self.all) + 1, work, list(disturbances))
        process.wakes_at += timedelta(seconds=starts_in)
        self.all.append(process)
        process.thread.start()
        return process

    def run(self) -> None:
        """Let the processes work until each has ended or is parked."""
        self._turns_left = MAX_TURNS
        self._go_to(self._choose(None))
        self._turn.acquire()

    def wake(self, process: SimulatedProcess) -> None:
        """Let a parked process work again at the next `run`."""
        process.parked = False

    def kill_parked(self) -> None:
        """End the processes that are parked."""
        for process in self.all:
            if process.parked:
                process.killed, process.parked = True, False
        self.run()

    def hand_over(self, process: SimulatedProcess) -> None:
        """End a process's turn: the clock moves, and whoever is chosen goes on. Returns at its next turn."""
        self._turns_left -= 1
        if self._turns_left < 0 and not process.ended:
            raise RuntimeError(f"{process.name} comes to no end within {MAX_TURNS} turns of all processes.")
        self.clock.advance(self.dice.uniform(*PAUSE_SECONDS))
        chosen = self._choose(process)
        if chosen is process:
            return
        self._go_to(chosen)
        if not process.ended:
            process.turn.acquire()

    def remember(self, process: SimulatedProcess, description: str) -> None:
        """Keep an operation for the story of a failure, and for the digest."""
        process.operations.append(description)
        line = f"{self.clock.now():%m-%d %H:%M:%S} {process.name}: {description}"
        self.operations += 1
        self.last_operations.append(line)
        self._digest.update(f"{line}\n".encode())

    def _go_to(self, chosen: SimulatedProcess | None) -> None:
        (self._turn if chosen is None else chosen.turn).release()

    def _choose(self, last: SimulatedProcess | None) -> SimulatedProcess | None:
        """Return who works next; None where every process has ended or is parked."""
        alive = [process for process in self.all if not process.ended and not process.parked]
        if not alive:
            return None
        self.clock.time = max(self.clock.now(), min(process.wakes_at for process in alive))
        ready = [process for process in alive if process.wakes_at <= self.clock.now()]
        if last in ready and (len(ready) == 1 or self.dice.random() < STAYS):
            return last
        return self.dice.choice(ready)
