"""Scheduler of Ray actors: start one per GPU, give them jobs, and restart what dies. Runs on one thread.

Inputs: jobs, and events from Ray's futures through a queue. Outputs: the jobs' futures, set to results or errors.
An actor that dies, by itself or with its node, is restarted by Ray, up to `RESTARTS` times before it has to open its
engine once more. Its jobs in flight are dispatched again (see `infra.pools.dispatcher`), and find their staged images.
"""

import logging
import pickle
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from infra.errors import EngineError, WorkQuarantined, one_line
from infra.pools.dispatcher import Dispatcher, EngineJob, EngineWorker
from infra.pools.ray_actor import ActorReply, EngineActor

JOBS_PER_ENGINE = 2
"""Jobs beside one engine: the images of one are encoded and staged while those of the other are generated."""
RESTARTS = 4
"""How often Ray restarts an actor's process before the pool asks whether its engine has ever opened there."""
ENGINE_START_TIMEOUT_SECONDS = 1800.0
"""How long all engines may be unavailable: a first download of weights, a GPU that another job holds."""
REOPEN_DELAY_SECONDS = 0.2

logger = logging.getLogger(__name__)


class RayScheduler:
    """Decides and acts on one thread: all methods but `busy_seconds` are called there, through `events`."""

    def __init__(
        self,
        address: str | None,
        gpus: int | None,
        tries: int,
        events: "SimpleQueue[Callable[[], None]]",
        closed: threading.Event,
    ) -> None:
        """Start nothing yet. `closed` is set before the pool's own shutdown, which cancels pending jobs."""
        self._address, self._gpus, self._tries = address, gpus, tries
        self._events, self._closed = events, closed
        self._shutdown_error: EngineError | None = None
        self._open_errors: dict[bytes, Exception] = {}
        self._busy: dict[tuple[str, bytes], float] = {}
        self._ray: Any = None
        self._dispatcher = Dispatcher(0, JOBS_PER_ENGINE, tries)
        self._actor_class: Any = None
        self._cause = ""

    def busy_seconds(self, opener: bytes) -> float:
        """Return the busy seconds that engines of this kind have reported, dead ones included."""
        return sum(seconds for (_, kind), seconds in self._busy.copy().items() if kind == opener)

    def run(self, ray: Any, opener: bytes) -> None:
        """Start the actors and handle events until the shutdown; end the actors then."""
        self._ray = ray
        self._start_actors(opener)
        self._event_loop()

    def _event_loop(self) -> None:
        ready_at = time.monotonic()
        try:
            while self._shutdown_error is None:
                with suppress(Empty):
                    self._events.get(timeout=ENGINE_START_TIMEOUT_SECONDS / 100)()
                if self._dispatcher.any_ready:
                    ready_at = time.monotonic()
                self._check_progress(time.monotonic() - ready_at)
                for worker, job in self._dispatcher.dispatch():
                    self._start_job(worker, job)
        finally:
            for worker in self._dispatcher.workers:
                if worker.actor is not None:
                    self._ray.kill(worker.actor)

    def _start_actors(self, opener: bytes) -> None:
        """Request one actor per GPU; on a host without GPUs as many as are configured, each on the CPU."""
        gpu_count = int(self._ray.cluster_resources().get("GPU", 0))
        if gpu_count == 0 and (self._address is not None or self._gpus is None):
            subject = f"The Ray cluster at {self._address!r} has" if self._address else "This host has"
            raise EngineError(
                f"{subject} no GPU that Ray knows of: start the nodes that have them,"
                " or set PACKSHOT_RAY_GPUS to so many engines on this host's CPU, without PACKSHOT_RAY_ADDRESS."
            )
        options = {
            "num_cpus": 0,
            "num_gpus": min(gpu_count, 1),
            "max_restarts": RESTARTS,
            "max_concurrency": 2 * JOBS_PER_ENGINE,
            "scheduling_strategy": "SPREAD",
        }
        self._actor_class = self._ray.remote(**options)(EngineActor)
        self._dispatcher = Dispatcher(self._gpus or gpu_count, JOBS_PER_ENGINE, self._tries)
        for worker in self._dispatcher.workers:
            self._replace_actor(worker, opener)

    def _replace_actor(self, worker: EngineWorker, opener: bytes) -> None:
        worker.actor = self._actor_class.remote()
        worker.opened = False
        self._request_open(worker, opener)

    def _request_open(self, worker: EngineWorker, opener: bytes) -> None:
        """Open a worker's engine, in its current process or the next one that Ray starts for it."""
        reply = worker.actor.open.options(max_task_retries=-1).remote(opener)
        reply.future().add_done_callback(
            lambda future: self._events.put(partial(self._on_open, worker, opener, future))
        )

    def _on_open(self, worker: EngineWorker, opener: bytes, future: "Future[ActorReply]") -> None:
        if self._shutdown_error is not None:
            return
        if future.exception() is None:
            reply = future.result()
            if reply.kind == "unopened":
                self._reject_opener(opener, pickle.loads(reply.content))  # noqa: S301 - from our own actor
                return
            if reply.process == worker.terminating_process:  # it still replies, and would take a job with it
                reopen = partial(self._events.put, partial(self._request_open, worker, opener))
                threading.Timer(REOPEN_DELAY_SECONDS, reopen).start()
                return
            worker.ready = worker.opened = True
        elif worker.opened:
            self._replace_actor(worker, opener)  # its restarts are used up, in a run that went well
        else:
            worker.gone = True
            self._cause = _describe_death(future.exception())
            logger.error("Engine %d could not be started: %s", worker.number, self._cause)

    def accept(self, job: EngineJob) -> None:
        """Queue a job, or fail it where its engine cannot be opened or the pool has shut down."""
        error = self._shutdown_error or self._open_errors.get(job.opener)
        if error is None:
            self._dispatcher.enqueue(job)
        elif job.future.set_running_or_notify_cancel():
            job.future.set_exception(error)

    def _start_job(self, worker: EngineWorker, job: EngineJob) -> None:
        if job.dispatch_count == 1 and not job.future.set_running_or_notify_cancel():
            self._dispatcher.mark_done(worker, job)
            return
        turn = job.dispatch_count
        reply = worker.actor.run.remote(job.opener, job.payload)
        reply.future().add_done_callback(
            lambda future: self._events.put(partial(self._on_reply, worker, job, turn, future))
        )

    def _on_reply(self, worker: EngineWorker, job: EngineJob, turn: int, future: "Future[ActorReply]") -> None:
        if self._shutdown_error is not None or job not in worker.jobs or job.dispatch_count != turn:
            return  # late, or from an actor whose death is known
        error = future.exception()
        if error is not None:
            self._handle_death(worker, job.opener, _describe_death(error))
            return
        reply = future.result()
        self._busy[reply.process, job.opener] = max(
            reply.busy_seconds, self._busy.get((reply.process, job.opener), 0.0)
        )
        try:
            value = pickle.loads(reply.content)  # noqa: S301 - from our own actor
        except Exception as error:  # a failure of this reply alone
            self._dispatcher.mark_done(worker, job)
            job.future.set_exception(error)
            return
        if reply.kind == "lost":
            worker.terminating_process = reply.process
            self._ray.kill(worker.actor, no_restart=False)  # a lost device comes back only with a new process
            self._handle_death(worker, job.opener, str(value))
            return
        self._dispatcher.mark_done(worker, job)
        if reply.kind == "answer":
            job.future.set_result(value)
            return
        job.future.set_exception(value)
        if reply.kind == "unopened":
            self._reject_opener(job.opener, value)

    def _handle_death(self, worker: EngineWorker, opener: bytes, cause: str) -> None:
        self._cause = cause
        logger.warning("Engine %d died with %d jobs in flight: %s", worker.number, len(worker.jobs), cause)
        for job in self._dispatcher.mark_died(worker):
            message = f"{self._tries} engines in a row died with this work, which is quarantined; the last: {cause}"
            job.future.set_exception(WorkQuarantined(message))
        self._request_open(worker, opener)

    def _reject_opener(self, opener: bytes, error: Exception) -> None:
        """Fail all jobs, now and later, that need this engine: opening it is not tried again."""
        self._open_errors[opener] = error
        _fail_jobs(self._dispatcher.cancel_pending(opener), error)

    def _check_progress(self, seconds_without_engine: float) -> None:
        if self._dispatcher.all_gone:
            self.shut_down(
                EngineError(f"None of {len(self._dispatcher.workers)} engines could be started: {self._cause}")
            )
        elif self._dispatcher.is_crash_looping:
            self.shut_down(EngineError(f"Engines die with every job, the last of this: {self._cause}"))
        elif seconds_without_engine > ENGINE_START_TIMEOUT_SECONDS:
            message = (
                f"No engine was ready for {ENGINE_START_TIMEOUT_SECONDS:g} s: Ray has no free GPU for it (`ray "
                "status` tells more)."
            )
            self.shut_down(EngineError(message))

    def shut_down(self, error: EngineError) -> None:
        """Fail all jobs, now and later, with this error; the first shutdown counts."""
        if self._shutdown_error is not None:
            return
        self._shutdown_error = error
        pending = self._dispatcher.cancel_pending()
        if self._closed.is_set():
            for job in pending:
                job.future.cancel()
        _fail_jobs([*pending, *self._dispatcher.running], error)


def _fail_jobs(jobs: Sequence[EngineJob], error: Exception) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.dispatch_count or job.future.set_running_or_notify_cancel():
            job.future.set_exception(error)


def _describe_death(error: BaseException | None) -> str:
    """Return the first and the last line of Ray's report of a dead process, without the page between."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    reason = one_line(lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1]}")
    return f"its process is gone ({type(error).__name__}: {reason})"
