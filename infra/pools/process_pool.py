"""Process pool: runs work beside engines that need no GPU, each in a process of its own.

Inputs: work, to be called with an engine and a shard; both travel as pickles. Outputs: its results, as futures.
A process runs one job at a time, so a process that dies (a photo that crashes a decoder, the kernel out of memory) or
that gives no sign of life has died of that job alone. The job is tried again, and after `tries` deaths its future holds
`WorkQuarantined`; no other job is touched. Processes start with the first jobs and end with `close`, with the
interpreter, or with this process, however it dies.
"""

import atexit
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeVar

from infra.coordination.piped_process import PipedProcess
from infra.errors import EngineError, ExternalError, WorkQuarantined
from infra.interfaces import Engine
from infra.pools.process_worker import ALIVE
from infra.pools.ray_actor import ActorReply

S = TypeVar("S")
R = TypeVar("R")

POOL_CLOSED = "The pool is closed: no more work can be submitted to it."
SILENT_SECONDS = 300.0
"""How long a process may work on one step (a photo: seconds) before it counts as hanging."""
TRIES = 2
_CLOSED_WHILE_RUNNING = "The pool was closed before this work was done."


@dataclass(eq=False)
class _PoolJob:
    payload: bytes
    future: "Future[Any]" = field(default_factory=Future)
    deaths: int = 0


class ProcessPool:
    """`processes` at most, each with one engine that `open_engine` opens. What travels must pickle."""

    def __init__(
        self,
        open_engine: Callable[[], Engine],
        processes: int,
        silent_seconds: float = SILENT_SECONDS,
        tries: int = TRIES,
    ) -> None:
        if processes < 1:
            raise ValueError(f"A pool needs at least one process; processes is {processes!r}.")
        self._opener = pickle.dumps(open_engine)
        self._silent_seconds, self._tries = silent_seconds, tries
        self._jobs: SimpleQueue[_PoolJob | None] = SimpleQueue()
        self._children = [
            PipedProcess("infra.pools.process_worker", pickle.dumps(silent_seconds), "composing", "pool")
            for _ in range(processes)
        ]
        self._threads: list[threading.Thread] = []
        self._busy_seconds: dict[str, float] = {}
        self._state = threading.Lock()
        self._closed = False

    def submit(self, work: Callable[[Engine, S], R], shard: S) -> "Future[R]":
        """Start `work(engine, shard)` as soon as a process is free; `EngineError` on a closed pool."""
        job = _PoolJob(pickle.dumps((work, shard)))
        with self._state:
            if self._closed:
                raise EngineError(POOL_CLOSED)
            if not self._threads:
                atexit.register(self.close)
            self._jobs.put(job)
            if len(self._threads) < len(self._children):
                number = len(self._threads)
                child = self._children[number]
                thread = threading.Thread(target=self._feed, args=(child,), name=f"process-pool-{number}", daemon=True)
                self._threads.append(thread)
                thread.start()
        return job.future

    def busy_seconds(self) -> float:
        """Return the seconds of all engines so far, also after the pool was closed."""
        return sum(self._busy_seconds.values())

    def close(self) -> None:
        """Cancel what waits, kill the processes (running work gets `EngineError`) and end the threads."""
        with self._state:
            was_closed, self._closed = self._closed, True
        if was_closed:
            return
        atexit.unregister(self.close)
        for child in self._children:
            child.retire()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _feed(self, child: PipedProcess) -> None:
        while (job := self._jobs.get()) is not None:
            if self._closed and not job.deaths:
                job.future.cancel()
            if job.deaths or job.future.set_running_or_notify_cancel():
                self._run(child, job)
        child.end()

    def _run(self, child: PipedProcess, job: _PoolJob) -> None:
        try:
            pipe = child.ready_pipe()
        except (ExternalError, EOFError, OSError) as error:
            reason = str(error) if isinstance(error, ExternalError) else child.cause_of_death(error)
            child.end()
            job.future.set_exception(EngineError(_CLOSED_WHILE_RUNNING if self._closed else reason))
            return
        try:
            pipe.send_bytes(pickle.dumps((self._opener, job.payload)))
            reply = self._await_reply(pipe)
        except (EOFError, OSError) as error:
            self._bury(child, job, child.cause_of_death(error))
            return
        if reply is None:
            silent = f"The composing process gave no sign of life for {self._silent_seconds:g} s and was killed."
            self._bury(child, job, silent)
        elif reply.kind == "lost":
            self._bury(child, job, str(pickle.loads(reply.content)))  # noqa: S301 - from our own process
        else:
            self._settle(job, reply)

    def _await_reply(self, pipe: Any) -> ActorReply | None:
        """Return the process's reply; None where it stays silent for too long."""
        while pipe.poll(self._silent_seconds):
            message = pipe.recv_bytes()
            if message != ALIVE:
                reply: ActorReply = pickle.loads(message)  # noqa: S301 - from our own process
                self._busy_seconds[reply.process] = reply.busy_seconds
                return reply
        return None

    def _settle(self, job: _PoolJob, reply: ActorReply) -> None:
        try:
            value = pickle.loads(reply.content)  # noqa: S301 - from our own process
        except Exception as error:  # an answer that cannot be read here is its work's own error
            job.future.set_exception(error)
            return
        if reply.kind == "answer":
            job.future.set_result(value)
        else:
            job.future.set_exception(value)

    def _bury(self, child: PipedProcess, job: _PoolJob, reason: str) -> None:
        """Count a death of this job; try it again, behind the jobs that wait, or give it up."""
        child.end()
        job.deaths += 1
        with self._state:
            if not self._closed and job.deaths < self._tries:
                self._jobs.put(job)
                return
        error = (
            EngineError(_CLOSED_WHILE_RUNNING)
            if self._closed
            else WorkQuarantined(f"{job.deaths} processes died with this work, and it is not tried again: {reason}")
        )
        with suppress(Exception):
            job.future.set_exception(error)
