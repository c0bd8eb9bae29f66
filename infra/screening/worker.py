"""Worker process of `infra.screening.processes`: it measures one image at a time.

Inputs, over a pipe: the measuring function, then requests. Outputs: each scanner's name as it starts (text), then one
result per request.
Invariant: the process never outlives its parent, whatever it is stuck in and however the parent died. It ends on three
signs: the pipe's end (idle), a changed parent id (a watching thread, twice a second), and, where code holds the
interpreter's lock so that no thread runs, the kernel's alarm shortly after the request's deadline.
"""

import pickle
import signal
from functools import cache
from multiprocessing.connection import Connection
from typing import Any

import cv2

from infra.coordination.piped_process import READY
from infra.coordination.piped_worker import serve_parent
from infra.errors import one_line
from infra.interfaces import Failure, ObjectStore, ScreeningRequest
from infra.screening.inline import MeasureFunction, MeasureResult, try_measure
from infra.screening.measure import ON_SCANNER_START
from infra.stores import open_store

_GRACE_SECONDS = 2.0


def main(descriptor: int, parent: int) -> None:
    """Serve the pipe behind `descriptor` until it ends; `parent` is the process that opened it."""
    cv2.setNumThreads(1)
    serve_parent(descriptor, parent, _serve)


def _serve(pipe: "Connection[Any, Any]") -> None:
    measure: MeasureFunction = pickle.loads(pipe.recv_bytes())  # noqa: S301 - from our parent, as all below
    pipe.send_bytes(READY)
    ON_SCANNER_START.set(lambda name: pipe.send_bytes(pickle.dumps(name)))
    while True:
        request: ScreeningRequest = pickle.loads(pipe.recv_bytes())  # noqa: S301
        signal.setitimer(signal.ITIMER_REAL, request.deadline_seconds + _GRACE_SECONDS)
        reply = _screen(request, measure)
        signal.setitimer(signal.ITIMER_REAL, 0)
        pipe.send_bytes(pickle.dumps(reply))


def _screen(request: ScreeningRequest, measure: MeasureFunction) -> MeasureResult:
    try:
        store = _open_store_once(request.store_url)
    except Exception as error:  # a store that cannot be opened fails its requests, not the process
        return Failure(request.key, f"{type(error).__name__}: {one_line(error)}")
    return try_measure(request, store, measure)


@cache
def _open_store_once(url: str) -> ObjectStore:
    return open_store(url)
