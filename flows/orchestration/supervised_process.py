"""Supervised processes: each ends with its parent, however the parent ended, and ends its own children.

Inputs: a module to run and its arguments. Outputs: the running process, ended on the way out. The module calls
`exit_with_parent` first; a killed parent leaves nothing behind.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from infra.coordination.parent_watch import watch_parent
from infra.coordination.process_tree import terminate_children

GRACE_SECONDS = 8.0
"""How long a child may take to report its end to the server before it is killed."""
ORPHAN_GRACE_SECONDS = 2.0
"""The same after the parent has exited, when no process waits for a clean end."""


@contextmanager
def run_supervised(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None, **popen: Any
) -> Iterator[Any]:
    """Run `python -m module PARENT arguments…` for as long as the block lasts.

    Its output is discarded unless `popen` redirects it.
    """
    process: Any = subprocess.Popen(
        [sys.executable, "-m", module, str(os.getpid()), *arguments],
        env={**os.environ, **(environment or {})},
        start_new_session=True,  # Ctrl-C signals a whole group, but a flow must still report its end to the server
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
    """End this process and its children as soon as the process `parent` has exited, or at SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: terminate_process_tree(GRACE_SECONDS))
    watch_parent(parent, lambda: terminate_process_tree(ORPHAN_GRACE_SECONDS))


def terminate_process_tree(grace_seconds: float) -> None:
    """Terminate this process's children, kill them after `grace_seconds`, and end this process even if that fails."""
    try:
        terminate_children(grace_seconds)
    finally:
        os._exit(0)
