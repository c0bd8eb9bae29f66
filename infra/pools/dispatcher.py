"""Which engine gets which work, and what becomes of work whose engine died: decisions only, no process and no thread.

Comes in: jobs, and news of the members of a crew (one engine each): ready, done, died, gone. Goes out: who is to do
what next, and which jobs are set aside. A member has a few jobs at a time, and the one with the fewest gets the next.

A job that was in flight when its engine died may be what killed it, or may have been beside it. So it is tried again
alone, when nothing else waits, on another member where one is idle: a second death is its own. Whoever has died with
`tries` engines is set aside, and its innocent neighbours never are.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

CRASH_LOOP_DEATHS = 10
"""Jobs' worth of deaths in a row, and nothing done between them: it is the engines, or their machines, and no job."""


@dataclass(eq=False)
class EngineJob:
    """Work under way: `opener` (which engine it wants) and `content` in bytes, and how often an engine died with it."""

    opener: bytes
    payload: bytes
    future: "Future[Any]" = field(default_factory=Future)
    deaths: int = 0
    dispatch_count: int = 0
    last_worker: "EngineWorker | None" = None


@dataclass(eq=False)
class EngineWorker:
    """One engine's place: who is there now (`actor`), whether it is ready, and what it is doing."""

    number: int
    actor: Any = None
    ready: bool = False
    gone: bool = False
    opened: bool = False
    """Whether the actor that is there now has ever been ready."""
    terminating_process: str = ""
    """The process that was last told to end: what it still says is of no use."""
    jobs: list[EngineJob] = field(default_factory=list)


class Dispatcher:
    """The members and the jobs that wait. For one thread."""

    def __init__(self, worker_count: int, jobs_per_worker: int, tries: int) -> None:
        self.workers = [EngineWorker(number) for number in range(worker_count)]
        self._jobs_per_worker, self._tries = jobs_per_worker, tries
        self._fresh: deque[EngineJob] = deque()
        self._suspects: deque[EngineJob] = deque()
        self._deaths_in_a_row = 0

    @property
    def waiting(self) -> list[EngineJob]:
        """Return the jobs that nobody does."""
        return [*self._fresh, *self._suspects]

    @property
    def running(self) -> list[EngineJob]:
        """Return the jobs that somebody does."""
        return [job for member in self.workers for job in member.jobs]

    @property
    def any_ready(self) -> bool:
        """Tell whether some member could take a job, now or after those that it has."""
        return any(member.ready for member in self.workers)

    @property
    def all_gone(self) -> bool:
        """Tell whether nobody is left, nor will come back."""
        return all(member.gone for member in self.workers)

    @property
    def is_crash_looping(self) -> bool:
        """Tell whether engines die whatever they are given."""
        return self._deaths_in_a_row >= CRASH_LOOP_DEATHS * self._tries

    def enqueue(self, job: EngineJob) -> None:
        """Take a new job."""
        self._fresh.append(job)

    def dispatch(self) -> Iterator[tuple[EngineWorker, EngineJob]]:
        """Yield who is to begin which job now, until nobody has room or nothing waits."""
        while (pair := self._next()) is not None:
            member, job = pair
            member.jobs.append(job)
            job.dispatch_count += 1
            yield pair

    def mark_done(self, worker: EngineWorker, job: EngineJob) -> None:
        """Take note that a job has ended by itself, whatever came of it."""
        worker.jobs.remove(job)
        self._deaths_in_a_row = 0

    def mark_died(self, worker: EngineWorker) -> list[EngineJob]:
        """Take note that a member's engine died: its jobs wait again, but those that are set aside, which return."""
        worker.ready = False
        jobs, worker.jobs = worker.jobs, []
        self._deaths_in_a_row += 1
        for job in jobs:
            job.deaths += 1
            job.last_worker = worker
        self._suspects.extend(job for job in jobs if job.deaths < self._tries)
        return [job for job in jobs if job.deaths >= self._tries]

    def cancel_pending(self, opener: bytes | None = None) -> list[EngineJob]:
        """Take back the waiting jobs that want this engine (None: any) and return them."""
        taken = [job for job in self.waiting if opener in (None, job.opener)]
        for queue in (self._fresh, self._suspects):
            kept = [job for job in queue if job not in taken]
            queue.clear()
            queue.extend(kept)
        return taken

    def _next(self) -> tuple[EngineWorker, EngineJob] | None:
        ready = [member for member in self.workers if member.ready]
        open_to_all = [
            m for m in ready if len(m.jobs) < self._jobs_per_worker and not any(job.deaths for job in m.jobs)
        ]
        if self._fresh:
            if not open_to_all:
                return None
            return min(open_to_all, key=lambda member: len(member.jobs)), self._fresh.popleft()
        idle = [member for member in ready if not member.jobs]
        if not self._suspects or not idle:
            return None
        job = self._suspects.popleft()
        return next((member for member in idle if member is not job.last_worker), idle[0]), job
