"""Piped worker: the other end of `infra.coordination.piped_process`, in the process that was started.

Inputs: the pipe's descriptor, the parent's process id, and what serves the pipe. Outputs: none; it ends the process.
Invariant: the process never outlives its parent, whatever it is stuck in and however the parent died: it ends at the
pipe's end (idle) and when its parent's id changes (a watching thread, twice a second).
"""

import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from infra.coordination.parent_watch import watch_parent
from infra.error_files import record_unexpected_error
from infra.log_records import install_safe_log_records


def serve_parent(descriptor: int, parent: int, serve: "Callable[[Connection[Any, Any]], None]") -> None:
    """Serve the pipe behind `descriptor` until it ends; `parent` is the process that opened it."""
    # Ctrl-C and a service manager's stop signal reach the whole group; only the parent ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process, whatever Python is doing
    watch_parent(parent, lambda: os._exit(1))
    install_safe_log_records()
    pipe: Connection[Any, Any] = Connection(descriptor)
    try:
        serve(pipe)
    except (EOFError, ConnectionError):
        os._exit(0)  # the parent has died or closed the pipe
    except Exception as error:
        record_unexpected_error(error)  # the parent reports that this process ended, and its work fails
        os._exit(1)
