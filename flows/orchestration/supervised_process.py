"""A process of ours that ends with its parent, whatever became of the parent, and takes its own children along.

Comes in: a module to run and its words. Goes out: the running process, ended on the way out. The module calls
`end_with_parent` first; nothing is left behind by a parent that was killed.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from infra.coordination.process_liveness import children

WATCH_SECONDS = 0.5
GRACE_SECONDS = 8.0
"""How long a child may take to tell the server of its end before it is killed."""


@contextmanager
def attended(module: str, *words: str, environment: Mapping[str, str] | None = None, **popen: Any) -> Iterator[Any]:
    """Run `python -m module PARENT words…` for as long as the block lasts; its log is dropped unless `popen` says."""
    process: Any = subprocess.Popen(
        [sys.executable, "-m", module, str(os.getpid()), *words],
        env={**os.environ, **(environment or {})},
        start_new_session=True,  # Ctrl-C reaches a whole group, and a flow still has an end to tell its server of
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | popen,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=GRACE_SECONDS + 4)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def end_with_parent(parent: int) -> None:
    """End this process and its children as soon as `parent` is gone, or at SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: end_all(GRACE_SECONDS))
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def end_all(grace: float) -> None:
    """End this process's children, asked first and then killed, and then this process."""
    until = time.monotonic() + grace
    for child in children(os.getpid()):
        _signal(child, signal.SIGTERM)
    while children(os.getpid()) and time.monotonic() < until:
        time.sleep(0.05)
        _reap()
    for child in children(os.getpid()):
        _kill(child)
    os._exit(0)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    end_all(2.0)


def _kill(pid: int) -> None:
    """Kill a process and all below it: once it is gone, nobody could tell whose its children were."""
    for child in children(pid):
        _kill(child)
    _signal(pid, signal.SIGKILL)


def _signal(pid: int, what: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, what)


def _reap() -> None:
    with suppress(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
