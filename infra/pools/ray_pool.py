"""Work beside engines in processes of their own: one to a GPU, on this host or on a Ray cluster's nodes.

Comes in: work, to be called with an engine and a shard where the engine is; both travel as pickles. Goes out: its
answers, as futures. Each GPU has an actor with the engine warm, and each actor two works at a time, as beside an engine
in this process. An actor that dies, by itself or with its node, is started again by Ray, up to `RESTARTS` times before
it has to prove itself; what it had in flight is given out again (see `infra.pools.dispatcher`), and finds what was
staged.

Everything is decided on one thread, which Ray's answers reach through a queue. Nothing is started before the first
work is submitted.
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
from typing import Any, TypeVar

from infra.errors import EngineError, WorkQuarantined
from infra.interfaces import Engine
from infra.pools.dispatcher import Dispatcher, EngineJob, EngineWorker
from infra.pools.ray_actor import ActorReply, EngineActor
from infra.pools.ray_cluster import connect_ray

S = TypeVar("S")
R = TypeVar("R")
EngineFactory = Callable[[], Engine]

JOBS_PER_ENGINE = 2
"""Works beside one engine: one's pictures are encoded and staged while the other's are painted."""
RESTARTS = 4
"""How often Ray starts an actor's process again before the pool asks whether its engine has ever opened there."""
ENGINE_START_TIMEOUT_SECONDS = 1800.0
"""How long all engines may be away: a first download of weights, a GPU that another job holds."""
REOPEN_DELAY_SECONDS = 0.2
POOL_CLOSED = "The pool is closed: no more work can be submitted to it."

logger = logging.getLogger(__name__)


class RayEngines:
    """The actors of one run, which all its models share: a GPU belongs to one actor, an actor opens what is asked for.

    `address` is that of a cluster's head (None: Ray is started for this host alone), `gpus` how many actors there are
    (None: as many as there are GPUs), `tries` with how many engines' deaths a work is set aside.
    """

    def __init__(self, address: str | None = None, gpus: int | None = None, tries: int = 3) -> None:
        self._address, self._gpus, self._tries = address, gpus, tries
        self._events: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._state = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._shutdown_error: EngineError | None = None
        self._open_errors: dict[bytes, Exception] = {}
        self._busy: dict[tuple[str, bytes], float] = {}
        self._ray: Any = None
        self._dispatcher = Dispatcher(0, JOBS_PER_ENGINE, tries)
        self._actor_class: Any = None
        self._cause = ""

    def pool(self, open_engine: EngineFactory) -> "RayPool":
        """Return a pool whose engines `open_engine` opens; it is a picklable function of no arguments."""
        return RayPool(self, pickle.dumps(open_engine))

    def submit(self, opener: bytes, payload: bytes) -> "Future[Any]":
        """Have pickled work done beside an engine; `EngineError` once this is closed."""
        job = EngineJob(opener, payload)
        with self._state:
            if self._closed:
                raise EngineError(POOL_CLOSED)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, args=(opener,), name="ray-pool", daemon=True)
                self._thread.start()
            self._events.put(partial(self._accept, job))
        return job.future

    def busy_seconds(self, opener: bytes) -> float:
        """Return the busy seconds that engines of this kind have told of, those of dead ones too."""
        return sum(seconds for (_, kind), seconds in self._busy.copy().items() if kind == opener)

    def close(self) -> None:
        """Cancel what has not begun, end the actors (work that runs gets `EngineError`), and leave Ray."""
        with self._state:
            already, self._closed = self._closed, True
            thread = self._thread
        if thread is None or already:
            return
        self._events.put(partial(self._shut_down, EngineError("The pool was closed before this work was done.")))
        thread.join()

    # The thread

    def _run(self, opener: bytes) -> None:
        try:
            with connect_ray(self._address) as self._ray:
                self._start_actors(opener)
                self._event_loop()
        except Exception as error:  # every work hears of it, those too that are still to come
            self._shut_down(
                error if isinstance(error, EngineError) else EngineError(f"The ray pool failed: {error!r}.")
            )
        while not self._closed:
            self._events.get()()

    def _event_loop(self) -> None:
        ready_at = time.monotonic()
        try:
            while self._shutdown_error is None:
                with suppress(Empty):
                    self._events.get(timeout=ENGINE_START_TIMEOUT_SECONDS / 100)()
                if self._dispatcher.any_ready:
                    ready_at = time.monotonic()
                self._check_progress(time.monotonic() - ready_at)
                for member, job in self._dispatcher.dispatch():
                    self._start_job(member, job)
        finally:
            for member in self._dispatcher.workers:
                if member.actor is not None:
                    self._ray.kill(member.actor)

    def _start_actors(self, opener: bytes) -> None:
        """Ask for an actor a GPU; without GPUs on this host for as many as were asked for, each on the CPU."""
        there = int(self._ray.cluster_resources().get("GPU", 0))
        if there == 0 and (self._address is not None or self._gpus is None):
            where = f"The Ray cluster at {self._address!r} has" if self._address else "This host has"
            raise EngineError(
                f"{where} no GPU that Ray knows of: start the nodes that have them,"
                " or set PACKSHOT_RAY_GPUS to so many engines on this host's CPU, without PACKSHOT_RAY_ADDRESS."
            )
        options = {
            "num_cpus": 0,
            "num_gpus": min(there, 1),
            "max_restarts": RESTARTS,
            "max_concurrency": 2 * JOBS_PER_ENGINE,
            "scheduling_strategy": "SPREAD",
        }
        self._actor_class = self._ray.remote(**options)(EngineActor)
        self._dispatcher = Dispatcher(self._gpus or there, JOBS_PER_ENGINE, self._tries)
        for member in self._dispatcher.workers:
            self._replace_actor(member, opener)

    def _replace_actor(self, worker: EngineWorker, opener: bytes) -> None:
        worker.actor = self._actor_class.remote()
        worker.opened = False
        self._request_open(worker, opener)

    def _request_open(self, worker: EngineWorker, opener: bytes) -> None:
        """Have a member's engine opened, by the process that is there or the next that Ray starts for it."""
        asked = worker.actor.open.options(max_task_retries=-1).remote(opener)
        asked.future().add_done_callback(
            lambda answer: self._events.put(partial(self._on_open, worker, opener, answer))
        )

    def _on_open(self, worker: EngineWorker, opener: bytes, answer: "Future[ActorReply]") -> None:
        if self._shutdown_error is not None:
            return
        if answer.exception() is None:
            reply = answer.result()
            if reply.kind == "unopened":
                self._reject_opener(opener, pickle.loads(reply.content))  # noqa: S301 - our own actor's words
                return
            if (
                reply.process == worker.terminating_process
            ):  # it answers until its end comes, and would take work with it
                again = partial(self._events.put, partial(self._request_open, worker, opener))
                threading.Timer(REOPEN_DELAY_SECONDS, again).start()
                return
            worker.ready = worker.opened = True
        elif worker.opened:
            self._replace_actor(worker, opener)  # its restarts are used up, over a night that went well
        else:
            worker.gone = True
            self._cause = _describe_death(answer.exception())
            logger.error("Engine %d could not be started: %s", worker.number, self._cause)

    def _accept(self, job: EngineJob) -> None:
        fault = self._shutdown_error or self._open_errors.get(job.opener)
        if fault is None:
            self._dispatcher.enqueue(job)
        elif job.future.set_running_or_notify_cancel():
            job.future.set_exception(fault)

    def _start_job(self, worker: EngineWorker, job: EngineJob) -> None:
        if job.dispatch_count == 1 and not job.future.set_running_or_notify_cancel():
            self._dispatcher.mark_done(worker, job)
            return
        turn = job.dispatch_count
        asked = worker.actor.run.remote(job.opener, job.payload)
        asked.future().add_done_callback(
            lambda answer: self._events.put(partial(self._on_answer, worker, job, turn, answer))
        )

    def _on_answer(self, worker: EngineWorker, job: EngineJob, turn: int, answer: "Future[ActorReply]") -> None:
        if self._shutdown_error is not None or job not in worker.jobs or job.dispatch_count != turn:
            return  # too late, or news of an actor whose death is known
        error = answer.exception()
        if error is not None:
            self._handle_death(worker, job.opener, _describe_death(error))
            return
        reply = answer.result()
        self._busy[reply.process, job.opener] = max(
            reply.busy_seconds, self._busy.get((reply.process, job.opener), 0.0)
        )
        try:
            value = pickle.loads(reply.content)  # noqa: S301 - our own actor's words
        except Exception as error:  # this answer's fault, and not the end of all works
            self._dispatcher.mark_done(worker, job)
            job.future.set_exception(error)
            return
        if reply.kind == "lost":
            worker.terminating_process = reply.process
            self._ray.kill(worker.actor, no_restart=False)  # a device that was lost comes back with a new process only
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
        logger.warning("Engine %d died with %d works in hand: %s", worker.number, len(worker.jobs), cause)
        for job in self._dispatcher.mark_died(worker):
            said = f"{self._tries} engines in a row died with this work in hand, and it is set aside; the last: {cause}"
            job.future.set_exception(WorkQuarantined(said))
        self._request_open(worker, opener)

    def _reject_opener(self, opener: bytes, fault: Exception) -> None:
        """Tell everybody who wants this engine why there is none: it is not tried again."""
        self._open_errors[opener] = fault
        _fail_jobs(self._dispatcher.cancel_pending(opener), fault)

    def _check_progress(self, seconds_without_engine: float) -> None:
        if self._dispatcher.all_gone:
            self._shut_down(
                EngineError(f"None of {len(self._dispatcher.workers)} engines could be started: {self._cause}")
            )
        elif self._dispatcher.is_crash_looping:
            self._shut_down(EngineError(f"Engines die whatever work they are given, the last of this: {self._cause}"))
        elif seconds_without_engine > ENGINE_START_TIMEOUT_SECONDS:
            said = (
                f"No engine was ready for {ENGINE_START_TIMEOUT_SECONDS:g} s: Ray has no free GPU for it (`ray "
                "status` tells more)."
            )
            self._shut_down(EngineError(said))

    def _shut_down(self, fault: EngineError) -> None:
        if self._shutdown_error is not None:
            return
        self._shutdown_error = fault
        waiting = self._dispatcher.cancel_pending()
        if self._closed:
            for job in waiting:
                job.future.cancel()
        _fail_jobs([*waiting, *self._dispatcher.running], fault)


class RayPool:
    """A `Pool` of one kind of engine on actors that others may share; whoever closes it closes them all."""

    def __init__(self, engines: RayEngines, opener: bytes) -> None:
        self._engines, self._opener = engines, opener

    def submit(self, work: Callable[[Engine, S], R], shard: S) -> "Future[R]":
        """Start `work(engine, shard)` as soon as an engine has room.

        Raises `EngineError` on a closed pool, and what pickle raises for work that cannot travel. The future raises
        what the work raises, `WorkQuarantined` where engine after engine died with it, and `EngineError` where no
        engine can be opened.
        """
        return self._engines.submit(self._opener, pickle.dumps((work, shard)))

    def busy_seconds(self) -> float:
        """Return the engines' busy seconds, as far as answers have told of them."""
        return self._engines.busy_seconds(self._opener)

    def close(self) -> None:
        """Cancel what has not begun and end the engines."""
        self._engines.close()


def _fail_jobs(jobs: Sequence[EngineJob], fault: Exception) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.dispatch_count or job.future.set_running_or_notify_cancel():
            job.future.set_exception(fault)


def _describe_death(error: BaseException | None) -> str:
    """Return what Ray says of a process that is gone, first and last, without the page between."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    said = lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1]}"
    return f"its process is gone ({type(error).__name__}: {said[:300]})"
