"""Screening in worker processes, so that an image that hangs or kills a scanner affects only itself.

Inputs: requests (keys and plain values). Outputs: one result per request, as they complete. Each worker process is fed
by one thread here, over a pipe of its own: a late process is known and killed, and there is no shared queue that a
killed process could leave locked.
"""

import atexit
import pickle
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from infra.coordination.piped_process import PipedProcess
from infra.errors import ExternalError
from infra.interfaces import Failure, Screened, ScreeningRequest
from infra.screening.inline import MeasureFunction, MeasureResult, unwrap_result
from infra.screening.measure import measure as measure_image


@dataclass
class _ScreeningBatch:
    results: "queue.SimpleQueue[MeasureResult]" = field(default_factory=queue.SimpleQueue)
    abandoned: bool = False


_ScreeningJob = tuple[ScreeningRequest, _ScreeningBatch]


class ProcessScreener:
    """Screens in `workers` long-lived processes; several threads may call `screen` at once.

    The processes start at the first request and end with `close`, with the interpreter, or with this process, however
    it dies. `measure` must be a function that another process can import by its name.
    """

    def __init__(self, workers: int, measure: MeasureFunction = measure_image) -> None:
        """Start nothing yet; raises ValueError for fewer than one worker, and pickle's errors for a lambda."""
        if workers < 1:
            raise ValueError(f"Screening needs at least one worker; workers is {workers!r}.")
        pickle.dumps(measure)
        self._jobs: queue.SimpleQueue[_ScreeningJob | None] = queue.SimpleQueue()
        self._workers = [_ScreeningWorker(measure) for _ in range(workers)]
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False

    def screen(self, requests: Sequence[ScreeningRequest]) -> Iterator[Screened | Failure]:
        """Yield one result per request, in any order.

        A request past its deadline has its process killed and becomes a Failure, as does one whose process crashed or
        whose measuring raised. Leaving the iterator early drops the requests that no process has begun. Raises
        RuntimeError after `close`, ExternalError where `close` comes before the last result (an interrupted run must
        not blame the images), and StoreError for a store that could not serve a request.
        """
        batch = _ScreeningBatch()
        with self._lock:
            if self._closed:
                raise RuntimeError("This screener is closed; open another one.")
            self._start()
            for request in requests:
                self._jobs.put((request, batch))
        try:
            for _ in requests:
                result = batch.results.get()
                if self._closed:
                    raise ExternalError("The screener was closed before it had answered; run again to screen the rest.")
                yield unwrap_result(result)
        finally:
            batch.abandoned = True

    def close(self) -> None:
        """End the processes; callers that wait for results get ExternalError. Calling it twice is fine."""
        with self._lock:
            if not self._closed:
                self._closed = True
                atexit.unregister(self.close)
                for _ in self._threads:
                    self._jobs.put(None)
        for worker in self._workers:
            worker.retire()
        for thread in self._threads:
            thread.join()

    def _start(self) -> None:
        if not self._threads:
            atexit.register(self.close)
            self._threads = [
                threading.Thread(target=self._feed_worker, args=(worker,), name=f"screening-{number}", daemon=True)
                for number, worker in enumerate(self._workers)
            ]
            for thread in self._threads:
                thread.start()

    def _feed_worker(self, worker: "_ScreeningWorker") -> None:
        while (job := self._jobs.get()) is not None:
            request, batch = job
            if not batch.abandoned:
                batch.results.put(worker.screen(request))
        worker.end()


class _ScreeningWorker:
    """One process, started when it is first needed and again after each death."""

    def __init__(self, measure: MeasureFunction) -> None:
        self._child = PipedProcess("infra.screening.worker", pickle.dumps(measure), "screening", "screener")
        self.retire, self.end = self._child.retire, self._child.end

    def screen(self, request: ScreeningRequest) -> MeasureResult:
        """Return the request's result, or the Failure that says how the process ended."""
        if request.store_url.startswith("memory:"):
            return Failure(request.key, f"{request.store_url!r} lives in one process; screen it with InlineScreener.")
        started, scanner = time.perf_counter(), ""
        try:
            pipe = self._child.ready_pipe()
            pipe.send_bytes(pickle.dumps(request))
            deadline = time.monotonic() + request.deadline_seconds
            while pipe.poll(max(0.0, deadline - time.monotonic())):
                message: MeasureResult | str = pickle.loads(pipe.recv_bytes())  # noqa: S301 - from our own process
                if not isinstance(message, str):
                    return message
                scanner = message
            reason = f"screening timed out after {request.deadline_seconds:g} s and its process was killed"
        except (EOFError, OSError) as error:
            reason = self._child.cause_of_death(error)
        except ExternalError as error:
            reason = str(error)
        except (
            Exception
        ) as error:  # such as a request that cannot be pickled: its own failure, not the end of this thread
            reason = f"{type(error).__name__}: {error}"
        self.end()
        return Failure(request.key, reason, time.perf_counter() - started, scanner)
