"""Engine pool in this process: run work beside one engine.

Inputs: work, to be called with the engine and a shard. Outputs: its results, as futures. Two jobs at a time keep an
engine busy: the images of one are encoded and staged while those of the other are generated. The threads are daemons of
the pool's own, since those of `concurrent.futures` finish everything that is queued before the interpreter may exit.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

from infra.errors import EngineError
from infra.interfaces import Engine

S = TypeVar("S")
R = TypeVar("R")


@dataclass(frozen=True)
class _InlineJob:
    work: Callable[[Engine, Any], Any]
    shard: Any
    future: "Future[Any]"


class InlinePool:
    """Runs up to `jobs_per_engine` jobs at a time beside one engine, which is opened for the first job.

    An engine that cannot be opened is not tried again: every job's future then holds that error.
    """

    def __init__(self, open_engine: Callable[[], Engine], jobs_per_engine: int = 2) -> None:
        self._open_engine = open_engine
        self._jobs_per_engine = jobs_per_engine
        self._engine: Engine | None = None
        self._open_error: Exception | None = None
        self._opening = threading.Lock()
        self._jobs: SimpleQueue[_InlineJob | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._state = threading.Lock()

    def submit(self, work: Callable[[Engine, S], R], shard: S) -> "Future[R]":
        """Start `work(engine, shard)` as soon as one of the threads is free; `EngineError` on a closed pool."""
        future: Future[R] = Future()
        with self._state:
            if self._closed:
                raise EngineError("The pool is closed: no more work can be submitted to it.")
            self._jobs.put(_InlineJob(work, shard, future))
            if len(self._threads) < self._jobs_per_engine:
                name = f"inline-pool-{len(self._threads)}"
                self._threads.append(threading.Thread(target=self._work_loop, name=name, daemon=True))
                self._threads[-1].start()
        return future

    def busy_seconds(self) -> float:
        """Return the engine's busy seconds, also after the pool was closed."""
        return self._engine.busy_seconds() if self._engine else 0.0

    def close(self) -> None:
        """Cancel pending jobs, end the engine (running jobs get its `EngineError`) and the threads."""
        with self._state:
            was_closed, self._closed = self._closed, True
            threads = tuple(self._threads)
        if was_closed:
            return
        for _ in threads:
            self._jobs.put(None)
        with self._opening:
            engine = self._engine
        if engine is not None:
            engine.close()
        for thread in threads:
            thread.join()

    def _work_loop(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._closed:
                job.future.cancel()
            if job.future.set_running_or_notify_cancel():
                self._run_job(job)

    def _run_job(self, job: _InlineJob) -> None:
        try:
            result = job.work(self._get_engine(), job.shard)
        except BaseException as error:  # the future carries every exception of its work
            job.future.set_exception(error)
        else:
            job.future.set_result(result)

    def _get_engine(self) -> Engine:
        """Return the one engine, opened by the first caller; raise the same error again where that failed."""
        with self._opening:
            if self._open_error is not None:
                raise self._open_error
            if self._closed and self._engine is None:
                raise EngineError("The pool was closed before its engine was opened.")
            if self._engine is None:
                try:
                    self._engine = self._open_engine()
                except Exception as error:
                    self._open_error = error
                    raise
            return self._engine
