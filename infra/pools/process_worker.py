"""Worker process of `infra.pools.process_pool`: it runs one job at a time beside an engine of its own.

Inputs, over a pipe: jobs (the engine's opener and the work, as pickles). Outputs: a sign of life before each step
(no bytes), and one `ActorReply` per job, as an actor on Ray gives it. Where code holds the interpreter's lock so that
no thread runs, the kernel's alarm ends a process that gives no sign of life, even if its parent is gone.
"""

import pickle
import signal
from multiprocessing.connection import Connection
from typing import Any

import cv2

from infra.coordination.piped_process import READY
from infra.coordination.piped_worker import serve_parent
from infra.coordination.progress import ON_PROGRESS
from infra.pools.ray_actor import EngineActor

ALIVE = b""
_GRACE_SECONDS = 2.0


def main(descriptor: int, parent: int) -> None:
    """Serve the pipe behind `descriptor` until it ends; `parent` is the process that opened it."""
    cv2.setNumThreads(1)
    serve_parent(descriptor, parent, _serve)


def _serve(pipe: "Connection[Any, Any]") -> None:
    silent_seconds = float(pickle.loads(pipe.recv_bytes()))  # noqa: S301 - from our parent, as all below
    pipe.send_bytes(READY)

    def tell_progress() -> None:
        signal.setitimer(signal.ITIMER_REAL, silent_seconds + _GRACE_SECONDS)
        pipe.send_bytes(ALIVE)

    ON_PROGRESS.set(tell_progress)
    engines = EngineActor()
    while True:
        opener, payload = pickle.loads(pipe.recv_bytes())  # noqa: S301
        tell_progress()
        reply = engines.run(opener, payload)
        signal.setitimer(signal.ITIMER_REAL, 0)
        pipe.send_bytes(pickle.dumps(reply))
