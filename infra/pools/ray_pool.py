"""Engine pool on Ray: one engine per GPU, in actor processes on this host or on a cluster's nodes.

Inputs: work, to be called with an engine and a shard where the engine is; both travel as pickles. Outputs: its results,
as futures. Each GPU has an actor with a warm engine, and each actor runs two jobs at a time, as in the inline pool.
Invariant: every decision is made on one thread, by `infra.pools.ray_scheduler`; other threads reach it through a queue.
Nothing is started before the first job is submitted.
"""

import pickle
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from infra.errors import EngineError
from infra.interfaces import Engine
from infra.pools.dispatcher import EngineJob
from infra.pools.ray_cluster import connect_ray
from infra.pools.ray_scheduler import JOBS_PER_ENGINE, RayScheduler

__all__ = ["JOBS_PER_ENGINE", "RayEngines", "RayPool"]

S = TypeVar("S")
R = TypeVar("R")
EngineFactory = Callable[[], Engine]

POOL_CLOSED = "The pool is closed: no more work can be submitted to it."


class RayEngines:
    """The actors of one run, which all its models share: a GPU belongs to one actor, which opens any engine.

    `address` is a cluster head's (None: Ray is started for this host alone), `gpus` the number of actors (None: one per
    GPU), `tries` the number of engines that may die with a job before it is quarantined.
    """

    def __init__(self, address: str | None = None, gpus: int | None = None, tries: int = 3) -> None:
        self._address = address
        self._events: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._state = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._scheduler = RayScheduler(address, gpus, tries, self._events, self._closed)

    def pool(self, open_engine: EngineFactory) -> "RayPool":
        """Return a pool whose engines `open_engine` opens; it is a picklable function without arguments."""
        return RayPool(self, pickle.dumps(open_engine))

    def submit(self, opener: bytes, payload: bytes) -> "Future[Any]":
        """Run pickled work beside an engine; raise `EngineError` once this is closed."""
        job = EngineJob(opener, payload)
        with self._state:
            if self._closed.is_set():
                raise EngineError(POOL_CLOSED)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, args=(opener,), name="ray-pool", daemon=True)
                self._thread.start()
            self._events.put(partial(self._scheduler.accept, job))
        return job.future

    def busy_seconds(self, opener: bytes) -> float:
        """Return the busy seconds that engines of this kind have reported, dead ones included."""
        return self._scheduler.busy_seconds(opener)

    def close(self) -> None:
        """Cancel pending jobs, end the actors (running jobs get `EngineError`), and leave Ray."""
        with self._state:
            was_closed = self._closed.is_set()
            self._closed.set()
            thread = self._thread
        if thread is None or was_closed:
            return
        error = EngineError("The pool was closed before this work was done.")
        self._events.put(partial(self._scheduler.shut_down, error))
        thread.join()

    def _run(self, opener: bytes) -> None:
        try:
            with connect_ray(self._address) as ray:
                self._scheduler.run(ray, opener)
        except Exception as error:  # every job gets it, later ones included
            self._scheduler.shut_down(
                error if isinstance(error, EngineError) else EngineError(f"The ray pool failed: {error!r}.")
            )
        while not self._closed.is_set():
            self._events.get()()


class RayPool:
    """A `Pool` of one kind of engine on actors that other pools may share; closing one closes them all."""

    def __init__(self, engines: RayEngines, opener: bytes) -> None:
        self._engines, self._opener = engines, opener

    def submit(self, work: Callable[[Engine, S], R], shard: S) -> "Future[R]":
        """Start `work(engine, shard)` as soon as an engine has capacity.

        Raises `EngineError` on a closed pool, and pickle's errors for work that cannot be pickled. The future raises
        the work's own errors, `WorkQuarantined` where several engines died with it, and `EngineError` where no engine
        can be opened.
        """
        return self._engines.submit(self._opener, pickle.dumps((work, shard)))

    def busy_seconds(self) -> float:
        """Return the engines' busy seconds, as far as replies have reported them."""
        return self._engines.busy_seconds(self._opener)

    def close(self) -> None:
        """Cancel pending jobs and end the engines."""
        self._engines.close()
