"""End a process when its parent is gone.

Inputs: the parent's process id, and what to do once it is gone. Outputs: a watching thread.
The kernel gives an orphan another parent, so a changed parent id is certain on every Unix, however the parent died:
a killed parent sends no signal and closes no pipe that a grandchild has inherited.
"""

import os
import threading
import time
from collections.abc import Callable

POLL_SECONDS = 0.5
"""How often the parent's id is looked at."""


def watch_parent(parent: int, on_parent_exit: Callable[[], object]) -> None:
    """Call `on_parent_exit`, on a daemon thread, as soon as this process is no longer a child of `parent`."""
    threading.Thread(target=_wait_and_call, args=(parent, on_parent_exit), name="parent watch", daemon=True).start()


def _wait_and_call(parent: int, on_parent_exit: Callable[[], object]) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    on_parent_exit()
