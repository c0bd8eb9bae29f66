"""Dispatcher: decide which engine runs which job, and what happens to jobs whose engine died. No process, no thread.

Inputs: jobs, and events of the workers (one engine each): ready, done, died, gone. Outputs: the next assignments, and
the jobs to quarantine. A worker has a few jobs at a time, and the one with the fewest gets the next.

A job that was in flight when its engine died may have caused the death, or may only have shared the engine. It is tried
again alone, when no other job waits, on another worker if one is idle: a second death is then its own. A job that died
with `tries` engines is quarantined. Jobs that merely shared the engine are retried, never quarantined.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

CRASH_LOOP_DEATHS = 10
"""Deaths in a row, in multiples of `tries`, after which the cause is the engines or their machines, not a job."""


@dataclass(eq=False)
class EngineJob:
    """A unit of work: `opener` (which engine it needs) and `payload`, pickled, and how often an engine died with it."""

    opener: bytes
    payload: bytes
    future: "Future[Any]" = field(default_factory=Future)
    deaths: int = 0
    dispatch_count: int = 0
    last_worker: "EngineWorker | None" = None


@dataclass(eq=False)
class EngineWorker:
    """One engine's slot: its current actor, whether that is ready, and its jobs."""

    number: int
    actor: Any = None
    ready: bool = False
    gone: bool = False
    opened: bool = False
    """Whether the current actor has ever been ready."""
    terminating_process: str = ""
    """The process that was last asked to end; its remaining replies are ignored."""
    jobs: list[EngineJob] = field(default_factory=list)


class Dispatcher:
    """The workers and the pending jobs. Not thread-safe."""

    def __init__(self, worker_count: int, jobs_per_worker: int, tries: int) -> None:
        self.workers = [EngineWorker(number) for number in range(worker_count)]
        self._jobs_per_worker, self._tries = jobs_per_worker, tries
        self._fresh: deque[EngineJob] = deque()
        self._suspects: deque[EngineJob] = deque()
        self._deaths_in_a_row = 0

    @property
    def waiting(self) -> list[EngineJob]:
        """Return the pending jobs."""
        return [*self._fresh, *self._suspects]

    @property
    def running(self) -> list[EngineJob]:
        """Return the running jobs."""
        return [job for worker in self.workers for job in worker.jobs]

    @property
    def any_ready(self) -> bool:
        """Tell whether some worker could take a job, now or after its current ones."""
        return any(worker.ready for worker in self.workers)

    @property
    def all_gone(self) -> bool:
        """Tell whether every worker is gone for good."""
        return all(worker.gone for worker in self.workers)

    @property
    def is_crash_looping(self) -> bool:
        """Tell whether engines die with every job."""
        return self._deaths_in_a_row >= CRASH_LOOP_DEATHS * self._tries

    def enqueue(self, job: EngineJob) -> None:
        """Add a new job."""
        self._fresh.append(job)

    def dispatch(self) -> Iterator[tuple[EngineWorker, EngineJob]]:
        """Yield the assignments to start now, until no worker has capacity or no job is pending."""
        while (pair := self._next()) is not None:
            worker, job = pair
            worker.jobs.append(job)
            job.dispatch_count += 1
            yield pair

    def mark_done(self, worker: EngineWorker, job: EngineJob) -> None:
        """Record that a job has ended by itself, with any outcome."""
        worker.jobs.remove(job)
        self._deaths_in_a_row = 0

    def mark_died(self, worker: EngineWorker) -> list[EngineJob]:
        """Record that a worker's engine died: return the jobs to quarantine, and queue its other jobs again."""
        worker.ready = False
        jobs, worker.jobs = worker.jobs, []
        self._deaths_in_a_row += 1
        for job in jobs:
            job.deaths += 1
            job.last_worker = worker
        self._suspects.extend(job for job in jobs if job.deaths < self._tries)
        return [job for job in jobs if job.deaths >= self._tries]

    def cancel_pending(self, opener: bytes | None = None) -> list[EngineJob]:
        """Remove the pending jobs that need this engine (None: all) and return them."""
        cancelled = [job for job in self.waiting if opener in (None, job.opener)]
        for queue in (self._fresh, self._suspects):
            remaining = [job for job in queue if job not in cancelled]
            queue.clear()
            queue.extend(remaining)
        return cancelled

    def _next(self) -> tuple[EngineWorker, EngineJob] | None:
        ready_workers = [worker for worker in self.workers if worker.ready]
        available = [
            worker
            for worker in ready_workers
            if len(worker.jobs) < self._jobs_per_worker and not any(job.deaths for job in worker.jobs)
        ]
        if self._fresh:
            if not available:
                return None
            return min(available, key=lambda worker: len(worker.jobs)), self._fresh.popleft()
        idle = [worker for worker in ready_workers if not worker.jobs]
        if not self._suspects or not idle:
            return None
        job = self._suspects.popleft()
        return next((worker for worker in idle if worker is not job.last_worker), idle[0]), job
