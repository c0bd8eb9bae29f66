"""A process of ours that ends with its parent, whatever became of the parent, and takes its own children along.

Comes in: a module to run and its words. Goes out: the running process, ended on the way out. The module calls
`exit_with_parent` first; nothing is left behind by a parent that was killed.
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

from infra.coordination.process_liveness import child_pids

PARENT_POLL_SECONDS = 0.5
GRACE_SECONDS = 8.0
"""How long a child may take to tell the server of its end before it is killed."""


@contextmanager
def run_supervised(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None, **popen: Any
) -> Iterator[Any]:
    """Run `python -m module PARENT words…` for as long as the block lasts; its log is dropped unless `popen` says."""
    process: Any = subprocess.Popen(
        [sys.executable, "-m", module, str(os.getpid()), *arguments],
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


def exit_with_parent(parent: int) -> None:
    """End this process and its children as soon as `parent` is gone, or at SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: terminate_process_tree(GRACE_SECONDS))
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def terminate_process_tree(grace_seconds: float) -> None:
    """End this process's children, asked first and then killed, and then this process."""
    until = time.monotonic() + grace_seconds
    for child in child_pids(os.getpid()):
        _send_signal(child, signal.SIGTERM)
    while child_pids(os.getpid()) and time.monotonic() < until:
        time.sleep(0.05)
        _reap()
    for child in child_pids(os.getpid()):
        _kill_tree(child)
    os._exit(0)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_SECONDS)
    terminate_process_tree(2.0)


def _kill_tree(pid: int) -> None:
    """Kill a process and all below it: once it is gone, nobody could tell whose its children were."""
    for child in child_pids(pid):
        _kill_tree(child)
    _send_signal(pid, signal.SIGKILL)


def _send_signal(pid: int, signal_number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal_number)


def _reap() -> None:
    with suppress(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
