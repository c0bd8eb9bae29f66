"""Piped process: one process of our own behind a pipe, started when it is needed and again after each death.

Inputs: the module that it runs (its `main` takes the pipe's descriptor and our process id), and what it is told first.
Outputs: a ready pipe, or an error; after a death, its cause.
Invariant: it ends with `end`, with this process however that dies, and never outlives `retire`.

It is started with `subprocess` and not with `multiprocessing`: its spawn imports the parent's main module again, which
under a Prefect worker means a second Prefect (seconds, and 200 MB) in each process, and it leaves a resource tracker
behind a killed parent for as long as any child lives.
"""

import json
import os
import subprocess
import sys
import threading
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from infra.errors import ExternalError

READY = b"ready"
START_TIMEOUT_SECONDS = 60.0
"""How long a process may take to import what it needs, on a busy machine."""

_PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "import importlib, json, sys; "
    "sys.path[:] = json.loads(sys.argv[3]); "
    "importlib.import_module(sys.argv[4]).main(int(sys.argv[1]), int(sys.argv[2]))"
)
_SINGLE_THREAD_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class PipedProcess:
    """One process at a time. `kind` names it in errors, and `owner` what was closed where it is retired."""

    def __init__(self, module: str, greeting: bytes, kind: str, owner: str) -> None:
        self._module, self._greeting, self._kind, self._owner = module, greeting, kind, owner
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection[Any, Any] | None = None
        self._lock = threading.Lock()
        self.retired = False

    def ready_pipe(self) -> "Connection[Any, Any]":
        """Return the pipe of a process that has answered; raises `ExternalError`, EOFError or OSError."""
        if self._pipe is not None and self._process is not None and self._process.poll() is None:
            return self._pipe
        self.end()
        pipe = self._start()
        pipe.send_bytes(self._greeting)
        if not pipe.poll(START_TIMEOUT_SECONDS):
            raise ExternalError(f"A {self._kind} process was not ready after {START_TIMEOUT_SECONDS:g} s.")
        if pipe.recv_bytes() != READY:
            raise ExternalError(
                f"A {self._kind} process did not report that it is ready; is another version installed?"
            )
        return pipe

    def end(self) -> None:
        """Kill the process and close its pipe; the next use starts a new one."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.wait()
                self._process = None
            if self._pipe is not None:
                self._pipe.close()
                self._pipe = None

    def retire(self) -> None:
        """Kill the process, and never start another."""
        with self._lock:
            self.retired = True
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def cause_of_death(self, error: Exception) -> str:
        """Return why the pipe broke, as a sentence."""
        if self.retired:
            return f"The {self._owner} was closed."
        process = self._process
        if process is None:
            return f"A {self._kind} process could not be started: {error}."
        try:
            code = process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return f"A {self._kind} process broke its pipe: {error!r}."
        return f"The {self._kind} process crashed with exit code {code}."

    def _start(self) -> "Connection[Any, Any]":
        ours, theirs = Pipe()
        with theirs, self._lock:
            self._pipe = ours
            if self.retired:
                raise ExternalError(f"The {self._owner} was closed.")
            arguments = [str(theirs.fileno()), str(os.getpid()), json.dumps(sys.path), self._module]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # what a library prints there would corrupt --json
                pass_fds=[theirs.fileno()],
                env={**os.environ, **_SINGLE_THREAD_ENVIRONMENT},
            )
        return ours
