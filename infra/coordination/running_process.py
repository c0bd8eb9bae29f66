"""The process that runs: who it is, whether another one is dead, how it waits, and what it repeats in the background.

Inputs: seconds, and work to repeat. Outputs: the same effects by the operating system's own means. Leases ask here and
never the system itself, so that a simulation can run several processes in one: each of its threads gets a
`RunningProcess` of its own from a context variable, which waits and repeats by a simulated clock.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from threading import Event, Thread
from typing import Protocol

from infra.coordination.process_liveness import host_name, is_surely_dead, process_identity


class RunningProcess(Protocol):
    """A process as its leases see it."""

    @property
    def host(self) -> str:
        """The name of its machine, for people."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def identity(self) -> str:
        """Text that tells it from every other process; empty where the system does not provide it."""

    def is_surely_dead(self, pid: int, identity: str) -> bool:
        """Tell whether the process that recorded this id and identity cannot be running any more."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def repeating(self, work: Callable[[], bool], seconds: float, name: str) -> AbstractContextManager[None]:
        """Call `work` every so many seconds in the background, until the block ends or it returns False."""


class SystemProcess:
    """This process of the operating system."""

    @property
    def host(self) -> str:
        """The name of this machine."""
        return host_name()

    @property
    def pid(self) -> int:
        """This process's id."""
        return os.getpid()

    @property
    def identity(self) -> str:
        """Text that tells this process from every other one."""
        return process_identity()

    def is_surely_dead(self, pid: int, identity: str) -> bool:
        """Tell whether a process of this machine is certainly dead."""
        return is_surely_dead(pid, identity)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    @contextmanager
    def repeating(self, work: Callable[[], bool], seconds: float, name: str) -> Iterator[None]:
        """Call `work` on a daemon thread; the block's end waits for a call that is under way."""
        done = Event()

        def repeat() -> None:
            while not done.wait(seconds) and work():
                pass

        thread = Thread(target=repeat, name=name, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


_running_process: ContextVar[RunningProcess] = ContextVar("running_process")
_system_process = SystemProcess()


def running_process() -> RunningProcess:
    """Return the process of this thread: the operating system's, unless a simulation has set another."""
    return _running_process.get(_system_process)


@contextmanager
def run_as(process: RunningProcess) -> Iterator[None]:
    """Let the code inside the block, on this thread, run as another process."""
    token = _running_process.set(process)
    try:
        yield
    finally:
        _running_process.reset(token)
