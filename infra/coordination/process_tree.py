"""End this process's children, and all processes below them.

Inputs: how long the children may take. Outputs: none; no descendant is left running.
Children get SIGTERM, so that each can end its own children and report its end; a child that is still running after
the grace period is killed with its whole tree. A tree is listed before it is killed: once a process is gone, its
children belong to another parent.
"""

from collections.abc import Callable
from contextlib import suppress

import psutil

REAP_SECONDS = 1.0
"""How long killed processes may take to disappear; one that waits for a disk takes longer and is left to the kernel."""


def terminate_children(grace_seconds: float) -> None:
    """Ask all child processes to end, wait up to `grace_seconds`, and kill the remaining ones with all below them."""
    children = psutil.Process().children()
    for child in children:
        _ignore_missing(child.terminate)
    _, alive = psutil.wait_procs(children, timeout=grace_seconds)
    remaining = {child.pid: child for child in (*alive, *psutil.Process().children(recursive=True))}
    for child in remaining.values():
        _ignore_missing(child.kill)
    psutil.wait_procs(list(remaining.values()), timeout=REAP_SECONDS)


def _ignore_missing(action: Callable[[], object]) -> None:
    with suppress(psutil.NoSuchProcess):
        action()
