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

HOPELESS = 10
"""Jobs' worth of deaths in a row, and nothing done between them: it is the engines, or their machines, and no job."""


@dataclass(eq=False)
class Job:
    """Work under way: `opener` (which engine it wants) and `content` in bytes, and how often an engine died with it."""

    opener: bytes
    content: bytes
    future: "Future[Any]" = field(default_factory=Future)
    deaths: int = 0
    handed_out: int = 0
    last: "Member | None" = None


@dataclass(eq=False)
class Member:
    """One engine's place: who is there now (`actor`), whether it is ready, and what it is doing."""

    number: int
    actor: Any = None
    ready: bool = False
    gone: bool = False
    opened: bool = False
    """Whether the actor that is there now has ever been ready."""
    doomed: str = ""
    """The process that was last told to end: what it still says is of no use."""
    jobs: list[Job] = field(default_factory=list)


class Crew:
    """The members and the jobs that wait. For one thread."""

    def __init__(self, members: int, ahead: int, tries: int) -> None:
        self.members = [Member(number) for number in range(members)]
        self._ahead, self._tries = ahead, tries
        self._fresh: deque[Job] = deque()
        self._suspects: deque[Job] = deque()
        self._deaths_in_a_row = 0

    @property
    def waiting(self) -> list[Job]:
        """Return the jobs that nobody does."""
        return [*self._fresh, *self._suspects]

    @property
    def running(self) -> list[Job]:
        """Return the jobs that somebody does."""
        return [job for member in self.members for job in member.jobs]

    @property
    def any_ready(self) -> bool:
        """Tell whether some member could take a job, now or after those that it has."""
        return any(member.ready for member in self.members)

    @property
    def all_gone(self) -> bool:
        """Tell whether nobody is left, nor will come back."""
        return all(member.gone for member in self.members)

    @property
    def hopeless(self) -> bool:
        """Tell whether engines die whatever they are given."""
        return self._deaths_in_a_row >= HOPELESS * self._tries

    def take(self, job: Job) -> None:
        """Take a new job."""
        self._fresh.append(job)

    def handed_out(self) -> Iterator[tuple[Member, Job]]:
        """Yield who is to begin which job now, until nobody has room or nothing waits."""
        while (pair := self._next()) is not None:
            member, job = pair
            member.jobs.append(job)
            job.handed_out += 1
            yield pair

    def done(self, member: Member, job: Job) -> None:
        """Take note that a job has ended by itself, whatever came of it."""
        member.jobs.remove(job)
        self._deaths_in_a_row = 0

    def died(self, member: Member) -> list[Job]:
        """Take note that a member's engine died: its jobs wait again, but those that are set aside, which return."""
        member.ready = False
        jobs, member.jobs = member.jobs, []
        self._deaths_in_a_row += 1
        for job in jobs:
            job.deaths += 1
            job.last = member
        self._suspects.extend(job for job in jobs if job.deaths < self._tries)
        return [job for job in jobs if job.deaths >= self._tries]

    def dismiss(self, opener: bytes | None = None) -> list[Job]:
        """Take back the waiting jobs that want this engine (None: any) and return them."""
        taken = [job for job in self.waiting if opener in (None, job.opener)]
        for queue in (self._fresh, self._suspects):
            kept = [job for job in queue if job not in taken]
            queue.clear()
            queue.extend(kept)
        return taken

    def _next(self) -> tuple[Member, Job] | None:
        ready = [member for member in self.members if member.ready]
        open_to_all = [m for m in ready if len(m.jobs) < self._ahead and not any(job.deaths for job in m.jobs)]
        if self._fresh:
            if not open_to_all:
                return None
            return min(open_to_all, key=lambda member: len(member.jobs)), self._fresh.popleft()
        idle = [member for member in ready if not member.jobs]
        if not self._suspects or not idle:
            return None
        job = self._suspects.popleft()
        return next((member for member in idle if member is not job.last), idle[0]), job
